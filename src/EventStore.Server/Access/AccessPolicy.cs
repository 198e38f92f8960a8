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
/// Who may do what, besides what <see cref="Authorization"/> gives to everybody: roles and bindings, arranged by who has them. A value;
/// files that change give a new one.
/// </summary>
public sealed class AccessPolicy
{
    /// <summary>Nobody may do anything.</summary>
    public static readonly AccessPolicy Empty = new([], []);

    private readonly ILookup<string, Grant> byUser;
    private readonly ILookup<string, Grant> byGroup;

    /// <summary>Joins each binding with its role. A binding whose role is not there gives nothing, as upstream has it.</summary>
    public AccessPolicy(IReadOnlyCollection<Role> roles, IReadOnlyCollection<RoleBinding> bindings)
    {
        Dictionary<(string?, string), Role> byName = roles.ToDictionary(role => (role.Namespace, role.Name));
        (RoleBinding Binding, Grant Grant)[] grants = [.. bindings.Select(binding =>
            (binding, Grant.Of(binding, byName.GetValueOrDefault((binding.RoleNamespace, binding.RoleName)))))];
        byUser = grants.SelectMany(grant => grant.Binding.Users.Distinct(), (grant, user) => (user, grant.Grant)).ToLookup(has => has.user, has => has.Grant);
        byGroup = grants.SelectMany(grant => grant.Binding.Groups.Distinct(), (grant, group) => (group, grant.Grant)).ToLookup(has => has.group, has => has.Grant);
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
    public IEnumerable<AccessRule> RulesOf(Caller caller, string? @namespace) => GrantsOf(caller, @namespace).SelectMany(grant => grant.Rules);

    /// <summary>The roles that the caller would have there if they were there.</summary>
    public IEnumerable<string> MissingRolesOf(Caller caller, string? @namespace) =>
        GrantsOf(caller, @namespace).Select(grant => grant.MissingRole).OfType<string>();

    private IEnumerable<Grant> GrantsOf(Caller caller, string? @namespace) => byUser[caller.Name]
        .Concat(caller.Groups.SelectMany(group => byGroup[group]))
        .Where(grant => grant.Namespace is null || grant.Namespace == @namespace);

    private sealed record Grant(string? Namespace, IReadOnlyList<AccessRule> Rules, string? MissingRole)
    {
        /// <summary>A path lies in no namespace, so a binding within one leaves a role's paths out.</summary>
        public static Grant Of(RoleBinding binding, Role? role) => new(
            binding.Namespace,
            role is null ? [] : binding.Namespace is null ? role.Rules : [.. role.Rules.Where(rule => rule.Paths.Count == 0)],
            role is not null ? null : $"{(binding.RoleNamespace is null ? "clusterrole" : "role")}.rbac.authorization.k8s.io \"{binding.RoleName}\" not found");
    }
}
