namespace EventStore.Server.Access;

/// <summary>Rules under a name that bindings call them by (RBAC's <c>Role</c> and <c>ClusterRole</c>).</summary>
/// <param name="Namespace">Where it counts; null for a ClusterRole.</param>
/// <param name="Name">Its name.</param>
/// <param name="Rules">What it allows.</param>
public sealed record Role(string? Namespace, string Name, IReadOnlyList<AccessRule> Rules);

/// <summary>Who has a role (RBAC's <c>RoleBinding</c> and <c>ClusterRoleBinding</c>).</summary>
/// <param name="Namespace">Where they have it; null for everywhere.</param>
/// <param name="RoleNamespace">Where the role is; null for a ClusterRole.</param>
/// <param name="RoleName">The role's name.</param>
public sealed record RoleBinding(string? Namespace, string? RoleNamespace, string RoleName)
{
    /// <summary>The users who have it.</summary>
    public IReadOnlyList<string> Users { get; init; } = [];

    /// <summary>The groups whose members have it.</summary>
    public IReadOnlyList<string> Groups { get; init; } = [];
}

/// <summary>
/// Roles and bindings, indexed once by subject and namespace. They add to what <see cref="Authorization"/> gives to everybody.
/// Immutable: changed files make a new instance.
/// </summary>
public sealed class RoleBindings
{
    /// <summary>Nobody may do anything.</summary>
    public static readonly RoleBindings Empty = new([], []);

    // By subject and namespace, so that a request looks at its own user's rules for its own namespace and at no others.
    private readonly ILookup<(string Subject, string? Namespace), Grant> byUser;
    private readonly ILookup<(string Subject, string? Namespace), Grant> byGroup;

    /// <summary>Joins each binding with its role. A binding whose role is not there gives nothing, as upstream has it.</summary>
    public RoleBindings(IReadOnlyCollection<Role> roles, IReadOnlyCollection<RoleBinding> bindings)
    {
        Dictionary<(string?, string), (AccessRule[] Everywhere, AccessRule[] InNamespace)> byName = roles.ToDictionary(
            role => (role.Namespace, role.Name),
            // A path is in no namespace, so a binding within one leaves a role's paths out.
            role => (role.Rules.ToArray(), role.Rules.Where(rule => rule.Paths.Count == 0).ToArray()));
        (RoleBinding Binding, Grant Grant)[] grants = [.. bindings.Select(binding => (binding, byName.TryGetValue(
            (binding.RoleNamespace, binding.RoleName), out (AccessRule[] Everywhere, AccessRule[] InNamespace) rules)
                ? new Grant(binding.Namespace is null ? rules.Everywhere : rules.InNamespace, null)
                : new Grant([], Missing(binding))))];
        byUser = Index(grants, binding => binding.Users);
        byGroup = Index(grants, binding => binding.Groups);
        Summary = $"{roles.Count} roles, {bindings.Count} bindings";
        MissingRoles = [.. grants.Select(grant => grant.Grant.MissingRole).OfType<string>().Distinct()];
    }

    /// <summary>How much there is, for the log.</summary>
    public string Summary { get; }

    /// <summary>The roles that bindings name and that are not there, in upstream's words.</summary>
    public IReadOnlyList<string> MissingRoles { get; }

    /// <summary>What the caller may do.</summary>
    /// <param name="caller">Who.</param>
    /// <param name="namespace">Where; null at the cluster scope and for paths: what is bound in a namespace does not count there.</param>
    public IEnumerable<AccessRule> RulesOf(Caller caller, string? @namespace) =>
        GrantsOf(caller, @namespace).SelectMany(grant => grant.Rules);

    /// <summary>The roles that the caller would have there if they were there.</summary>
    public IEnumerable<string> MissingRolesOf(Caller caller, string? @namespace) =>
        GrantsOf(caller, @namespace).Select(grant => grant.MissingRole).OfType<string>();

    private IEnumerable<Grant> GrantsOf(Caller caller, string? @namespace)
    {
        IEnumerable<Grant> everywhere = byUser[(caller.Name, null)].Concat(caller.Groups.SelectMany(group => byGroup[(group, null)]));
        return @namespace is null ? everywhere : everywhere
            .Concat(byUser[(caller.Name, @namespace)])
            .Concat(caller.Groups.SelectMany(group => byGroup[(group, @namespace)]));
    }

    private static ILookup<(string Subject, string? Namespace), Grant> Index(
        (RoleBinding Binding, Grant Grant)[] grants, Func<RoleBinding, IReadOnlyList<string>> subjects) =>
        grants.SelectMany(
            grant => subjects(grant.Binding).Distinct(), (grant, subject) => (Key: (subject, grant.Binding.Namespace), grant.Grant))
            .ToLookup(has => has.Key, has => has.Grant);

    private static string Missing(RoleBinding binding) =>
        $"{(binding.RoleNamespace is null ? "clusterrole" : "role")}.rbac.authorization.k8s.io \"{binding.RoleName}\" not found";

    private sealed record Grant(IReadOnlyList<AccessRule> Rules, string? MissingRole);
}
