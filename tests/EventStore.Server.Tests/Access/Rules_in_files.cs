using EventStore.Server.Access;
using EventStore.Server.Access.Files;
using FsCheck.Xunit;

namespace EventStore.Server.Tests.Access;

/// <summary>What a folder of RBAC objects gives, and what is said of one that is wrong.</summary>
public sealed class Rules_in_files
{
    private const string Role = """
        apiVersion: rbac.authorization.k8s.io/v1
        kind: Role
        metadata: {namespace: ml, name: editor}
        rules:
        - apiGroups: [kubeflow.org]
          resources: [pytorchjobs, "*/status"]
          resourceNames: [mnist]
          verbs: [get, patch]
        """;

    private const string Binding = """
        apiVersion: rbac.authorization.k8s.io/v1
        kind: RoleBinding
        metadata:
          namespace: ml
          name: editors
          labels: {anything: goes}
        subjects:
        - kind: User
          name: alice
          apiGroup: rbac.authorization.k8s.io
        - kind: Group
          name: editors
        - kind: ServiceAccount
          name: operator
          namespace: kube-system
        roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: editor}
        """;

    [Theory]
    [InlineData("alice", "", true)]
    [InlineData("bob", "editors", true)]
    [InlineData("system:serviceaccount:kube-system:operator", "", true)]
    [InlineData("bob", "", false)]
    [InlineData("editors", "alice", false)]
    [InlineData("operator", "", false)]
    public void A_binding_gives_its_role_to_its_subjects(string user, string group, bool allowed)
    {
        RoleBindings bindings = Read(("a.yaml", Binding), ("b.yaml", Role));
        Assert.Equal(allowed, Allows(bindings, user, group, Patch("ml", "mnist")));
        Assert.False(Allows(bindings, user, group, Patch("ml", "other")));
        Assert.False(Allows(bindings, user, group, Patch("other", "mnist")));
    }

    [Theory]
    [InlineData("1.2.3")]
    [InlineData("yEs")]
    [InlineData("_")]
    public void What_kubectl_reads_as_a_text_needs_no_quotes(string name)
    {
        RoleBindings bindings = Read(("a.yaml", Binding), ("b.yaml", Role.Replace("[mnist]", $"[{name}]", StringComparison.Ordinal)));
        Assert.True(Allows(bindings, "alice", "", Patch("ml", name)));
    }

    [Fact]
    public void Documents_lists_and_JSON_say_the_same()
    {
        string json = """
            {"apiVersion": "v1", "kind": "List", "items": [
              {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": "reader"},
               "rules": [{"apiGroups": ["kubeflow.org"], "resources": ["*"], "verbs": ["patch"]}, {"nonResourceURLs": ["/metrics"], "verbs": ["get"]}]},
              {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding", "metadata": {"name": "all"},
               "subjects": [{"kind": "Group", "name": "system:authenticated"}], "roleRef": {"kind": "ClusterRole", "name": "reader"}}]}
            """;
        string yaml = """
            # a comment, an empty document, and two that count
            ---
            ---
            {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": "reader"},
             "rules": [{"apiGroups": ["kubeflow.org"], "resources": ["*"], "verbs": ["patch"]}, {"nonResourceURLs": ["/metrics"], "verbs": ["get"]}]}
            ---
            apiVersion: rbac.authorization.k8s.io/v1
            kind: ClusterRoleBinding
            metadata: {name: all}
            subjects: [{kind: Group, name: "system:authenticated"}]
            roleRef: {kind: ClusterRole, name: reader}
            """;
        foreach (RoleBindings bindings in (RoleBindings[])[Read(("a.json", json)), Read(("a.yaml", yaml))])
        {
            Assert.True(Allows(bindings, "alice", "", Patch("anywhere", "x")));
            Assert.True(Allows(bindings, "alice", "", new AccessRequest("get", "", "", "", null, null) { Path = "/metrics" }));
            Assert.False(Allows(bindings, "alice", "", Patch("anywhere", "x") with { Group = "apps" }));
        }
    }

    [Fact]
    public void A_ClusterRole_bound_in_a_namespace_counts_there_and_its_paths_nowhere()
    {
        RoleBindings bindings = Read(
            ("a.yaml", """
            apiVersion: rbac.authorization.k8s.io/v1
            kind: ClusterRole
            metadata: {name: reader}
            rules: [{apiGroups: [kubeflow.org], resources: [pytorchjobs], verbs: [patch, list]}, {nonResourceURLs: ["*"], verbs: ["*"]}]
            """), ("b.yaml", """
            apiVersion: rbac.authorization.k8s.io/v1
            kind: RoleBinding
            metadata: {name: readers, namespace: ml}
            subjects: [{kind: User, name: alice}]
            roleRef: {kind: ClusterRole, name: reader}
            """));
        Assert.True(Allows(bindings, "alice", "", Patch("ml", "x")));
        Assert.False(Allows(bindings, "alice", "", Patch("other", "x")));
        Assert.False(Allows(bindings, "alice", "", new AccessRequest("list", "kubeflow.org", "pytorchjobs", "", null, null)));
        Assert.False(Allows(bindings, "alice", "", new AccessRequest("get", "", "", "", null, null) { Path = "/metrics" }));
    }

    [Fact]
    public void A_binding_without_its_role_gives_nothing_and_says_so()
    {
        RoleBindings bindings = Read(("b.yaml", Binding));
        var authorization = new Authorization(() => bindings);
        Caller alice = User("alice", "");
        Assert.False(authorization.AllowsByRules(alice, Patch("ml", "mnist")));
        Assert.Equal("role.rbac.authorization.k8s.io \"editor\" not found", authorization.MissingRoles(alice, "ml"));
        Assert.Equal("", authorization.MissingRoles(alice, "other"));
        Assert.Equal("", authorization.MissingRoles(User("bob", ""), "ml"));
    }

    [Theory]
    [InlineData("verbs: [get, patch]", "verbs: []", "a.yaml: line 8: rules[0].verbs: verbs must contain at least one value")]
    [InlineData("verbs: [get, patch]", "verb: [get]", "a.yaml: line 8: rules[0].verb: there is no such field")]
    [InlineData("resourceNames: [mnist]", "resourceName: [mnist]", "a.yaml: line 7: rules[0].resourceName: there is no such field")]
    [InlineData("resourceNames: [mnist]", "resourceNames: mnist", "a.yaml: line 7: rules[0].resourceNames: must be a list")]
    [InlineData("resourceNames: [mnist]", "resourceNames: [a, 0123]", "a.yaml: line 7: rules[0].resourceNames[1]: must be a text: write \"0123\"")]
    [InlineData("resourceNames: [mnist]", "resourceNames: [yes]", "a.yaml: line 7: rules[0].resourceNames[0]: must be a text: write \"yes\"")]
    [InlineData("resourceNames: [mnist]", "resourceNames: [~]", "a.yaml: line 7: rules[0].resourceNames[0]: must be a text")]
    [InlineData("resourceNames: [mnist]", "nonResourceURLs: [/x]", "a.yaml: line 7: rules[0].nonResourceURLs: namespaced rules cannot apply to non-resource URLs")]
    [InlineData("apiGroups: [kubeflow.org]", "apiGroups: []", "a.yaml: line 5: rules[0].apiGroups: resource rules must supply at least one api group")]
    [InlineData("resources: [pytorchjobs, \"*/status\"]", "resources:", "a.yaml: line 6: rules[0].resources: resource rules must supply at least one resource")]
    [InlineData("kind: Role", "kind: Rule", "a.yaml: line 2: kind: must be Role, ClusterRole, RoleBinding, ClusterRoleBinding or List")]
    [InlineData("kind: Role", "kind: ClusterRole", "a.yaml: line 3: metadata.namespace: not allowed on this type")]
    [InlineData("/v1", "/v1beta1", "a.yaml: line 1: apiVersion: must be rbac.authorization.k8s.io/v1")]
    [InlineData("{namespace: ml, name: editor}", "{name: editor}", "a.yaml: line 3: metadata.namespace: must be given")]
    [InlineData("{namespace: ml, name: editor}", "{namespace: ml}", "a.yaml: line 3: metadata.name: must be given")]
    [InlineData("rules:", "aggregationRule: {}\nrules:", "a.yaml: line 4: aggregationRule: roles are not put together here: write the rules out")]
    [InlineData("rules:", "rules: []\nrules:", "a.yaml: line 5: the field \"rules\" stands there twice")]
    [InlineData("[get, patch]", "&verbs [get, patch]", "a.yaml: line 8: anchors and aliases are not read here")]
    [InlineData("[get, patch]", "[get, patch", "a.yaml: line 9: ")]
    [InlineData("[get, patch]", "!!binary R2V0", "a.yaml: line 8: tags are not read here")]
    public void A_role_that_is_wrong_is_told_with_file_line_and_field(string right, string wrong, string expected) =>
        Assert.StartsWith(expected, Wrong(Role.Replace(right, wrong, StringComparison.Ordinal)), StringComparison.Ordinal);

    [Theory]
    [InlineData("kind: User", "kind: Robot", "a.yaml: line 8: subjects[0].kind: must be User, Group or ServiceAccount")]
    [InlineData("  apiGroup: rbac.authorization.k8s.io\n", "  apiGroup: apps\n", "a.yaml: line 10: subjects[0].apiGroup: must be rbac.authorization.k8s.io")]
    [InlineData("  namespace: kube-system\n", "", "a.yaml: line 13: subjects[2].namespace: must be given")]
    [InlineData("name: alice", "name: \"\"", "a.yaml: line 9: subjects[0].name: must not be empty")]
    [InlineData("kind: Role,", "kind: Roles,", "a.yaml: line 16: roleRef.kind: must be Role or ClusterRole")]
    [InlineData(", name: editor}", "}", "a.yaml: line 16: roleRef.name: must be given")]
    [InlineData("roleRef:", "roleReference:", "a.yaml: line 16: roleReference: there is no such field")]
    public void So_is_a_binding(string right, string wrong, string expected) =>
        Assert.Equal(expected, Wrong(Binding.Replace(right, wrong, StringComparison.Ordinal)));

    [Fact]
    public void A_name_that_is_taken_is_told_with_both_places()
    {
        Reading<RoleBindings> reading = RuleFile.Read([new("a.yaml", Role), new("b.yaml", "\n" + Role)]);
        Assert.Equal("b.yaml: line 2: metadata.name: Role \"editor\" stands in a.yaml line 1 already", reading.Wrong);
        Assert.Equal("b.yaml: line 2", reading.Where);
    }

    [Theory]
    [InlineData("[", 100_000)]
    [InlineData("{a: ", 100_000)]
    [InlineData("- ", 100_000)]
    [InlineData("? ", 10_000)]
    public void Depth_is_refused_and_no_harm(string nesting, int times) =>
        Assert.Contains("nested more than 32 deep", Wrong(string.Concat(Enumerable.Repeat(nesting, times))), StringComparison.Ordinal);

    [Fact]
    public void Many_rules_are_read_at_once()
    {
        string role = Role + string.Concat(Enumerable.Range(0, 20_000).Select(
            i => $"\n- {{apiGroups: [kubeflow.org], resources: [pytorchjobs], resourceNames: [job-{i}], verbs: [get]}}"));
        Assert.True(Allows(Read(("a.yaml", Binding), ("b.yaml", role)), "alice", "", Patch("ml", "job-19999") with { Verb = "get" }));
    }

    [Property(MaxTest = 300)]
    public void No_text_is_beyond_an_answer(string? text) =>
        Assert.True(RuleFile.Read([new("a.yaml", text ?? "")]) is { Value: not null } or { Wrong.Length: > 0 });

    [Property(MaxTest = 300)]
    public void No_damaged_file_is_beyond_an_answer(int at, char put)
    {
        string text = $"{Role}\n---\n{Binding}";
        int place = (int)((uint)at % (uint)text.Length);
        Assert.True(
            RuleFile.Read([new("a.yaml", text[..place] + put + text[(place + 1)..])]) is { Value: not null } or { Wrong.Length: > 0 });
    }

    private static AccessRequest Patch(string @namespace, string name) => new("patch", "kubeflow.org", "pytorchjobs", "", @namespace, name);

    private static RoleBindings Read(params (string Name, string Text)[] files)
    {
        Reading<RoleBindings> reading = RuleFile.Read(files.Select(file => new SourceText(file.Name, file.Text)));
        Assert.True(reading.Value is not null, reading.Wrong);
        return reading.Value;
    }

    private static string Wrong(string text)
    {
        Reading<RoleBindings> reading = RuleFile.Read([new("a.yaml", text)]);
        Assert.Null(reading.Value);
        return reading.Wrong;
    }

    private static bool Allows(RoleBindings bindings, string user, string group, AccessRequest request) =>
        new Authorization(() => bindings).AllowsByRules(User(user, group), request);

    private static Caller User(string user, string group) => new(user, "", [group, Caller.Authenticated]);
}
