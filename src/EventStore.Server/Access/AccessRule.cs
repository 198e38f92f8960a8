namespace EventStore.Server.Access;

/// <summary>
/// A right, in the form Kubernetes tells rights in (RBAC's <c>PolicyRule</c>): verbs on resources, or verbs on paths. <c>*</c> is
/// everything; a path may end in it.
/// </summary>
/// <param name="Verbs">What may be done.</param>
public sealed record AccessRule(IReadOnlyList<string> Verbs)
{
    private const string All = "*";

    /// <summary>To resources of these groups.</summary>
    public IReadOnlyList<string> Groups { get; init; } = [];

    /// <summary>To these resources, by their plurals, <c>plural/subresource</c> for a part of one.</summary>
    public IReadOnlyList<string> Resources { get; init; } = [];

    /// <summary>To these paths that are no resource.</summary>
    public IReadOnlyList<string> Paths { get; init; } = [];

    /// <summary>Whether the rule gives the right to do that.</summary>
    public bool Allows(AccessRequest request)
    {
        if (!Has(Verbs, request.Verb))
            return false;
        if (!request.IsResource)
            return Paths.Any(path => Covers(path, request.Path));
        string resource = request.Subresource.Length == 0 ? request.Resource : $"{request.Resource}/{request.Subresource}";
        return Has(Groups, request.Group) && Has(Resources, resource);
    }

    private static bool Has(IReadOnlyList<string> names, string name) => names.Contains(All) || names.Contains(name);

    private static bool Covers(string pattern, string path) => pattern.EndsWith('*')
        ? path.AsSpan().StartsWith(pattern.AsSpan(0, pattern.Length - 1))
        : path == pattern;
}
