namespace EventStore.Server.Access;

/// <summary>
/// One rule of a role (RBAC <c>PolicyRule</c>, matched as upstream's <c>pkg/apis/rbac/v1/evaluation_helpers.go</c> does): verbs on
/// resources, or verbs on paths. <c>*</c> matches everything; a path may end in it.
/// </summary>
/// <param name="Verbs">What may be done.</param>
public sealed record AccessRule(IReadOnlyList<string> Verbs)
{
    private const string All = "*";

    /// <summary>To resources of these groups.</summary>
    public IReadOnlyList<string> Groups { get; init; } = [];

    /// <summary>
    /// To these resources, by their plurals: <c>plural/subresource</c> for a part of one, <c>*/subresource</c> for that part of any,
    /// <c>*</c> for all resources and all their parts.
    /// </summary>
    public IReadOnlyList<string> Resources { get; init; } = [];

    /// <summary>Only to those of these names; empty for all. A request without a name, such as a list, then never matches.</summary>
    public IReadOnlyList<string> Names { get; init; } = [];

    /// <summary>To these paths that are no resource.</summary>
    public IReadOnlyList<string> Paths { get; init; } = [];

    /// <summary>Whether the rule gives the right to do that.</summary>
    public bool Allows(AccessRequest request)
    {
        if (!Has(Verbs, request.Verb))
            return false;
        return request.IsResource
            ? Has(Groups, request.Group) && HasResource(request) && (Names.Count == 0 || Names.Contains(request.Name ?? ""))
            : Paths.Any(path => Covers(path, request.Path));
    }

    private bool HasResource(AccessRequest request) => request.Subresource.Length == 0
        ? Has(Resources, request.Resource)
        : Has(Resources, $"{request.Resource}/{request.Subresource}") || Resources.Contains($"*/{request.Subresource}");

    private static bool Has(IReadOnlyList<string> names, string name) => names.Contains(All) || names.Contains(name);

    private static bool Covers(string pattern, string path) =>
        pattern == path || (pattern.EndsWith('*') && path.StartsWith(pattern.TrimEnd('*'), StringComparison.Ordinal));
}
