namespace EventStore.Server.Access.Files;

/// <summary>The members of an object in a rule file, and where it stands.</summary>
/// <param name="Path">Its path within the document: <c>rules[0]</c>; empty for the whole.</param>
/// <param name="Line">Its line.</param>
/// <param name="Members">Its members by name.</param>
internal sealed record Fields(string Path, int Line, IReadOnlyDictionary<string, (int Line, Yaml Value)> Members)
{
    /// <summary>The path of a member.</summary>
    public string PathOf(string name) => Path.Length == 0 ? name : $"{Path}.{name}";

    /// <summary>The line of a member; of the object, if it has none.</summary>
    public int LineOf(string name) => Members.TryGetValue(name, out (int Line, Yaml) member) ? member.Line : Line;
}

/// <summary>Reads the fields of an object of a rule file. The first error is kept; values read after it are meaningless.</summary>
internal sealed class RuleFields
{
    /// <summary>The group of RBAC's own objects, and of users and groups.</summary>
    public const string Group = "rbac.authorization.k8s.io";

    /// <summary>The first thing that is wrong.</summary>
    public (int Line, string Wrong)? Fault { get; private set; }

    /// <summary>A role (upstream <c>ValidateRole</c>, <c>ValidateClusterRole</c>).</summary>
    public Role ReadRole(Fields body, string? @namespace, string name)
    {
        Only(body, "kind", "apiVersion", "metadata", "rules", "aggregationRule");
        if (Given(body, "aggregationRule", required: false) is not null)
            Fail(body, "aggregationRule", "roles are not put together here: write the rules out");
        return new Role(@namespace, name, [.. Objects(body, "rules").Select(rule => ReadRule(rule, isNamespaced: @namespace is not null))]);
    }

    /// <summary>A binding (upstream <c>ValidateRoleBinding</c>, <c>ValidateClusterRoleBinding</c>).</summary>
    public RoleBinding ReadBinding(Fields body, string? @namespace)
    {
        Only(body, "kind", "apiVersion", "metadata", "subjects", "roleRef");
        Fields role = Object(body, "roleRef", required: true);
        Only(role, "apiGroup", "kind", "name");
        if (Text(role, "apiGroup", required: false) is not ("" or Group))
            Fail(role, "apiGroup", $"must be {Group}");
        string kind = Text(role, "kind");
        if (kind != "ClusterRole" && (kind != "Role" || @namespace is null))
            Fail(role, "kind", @namespace is null ? "must be ClusterRole" : "must be Role or ClusterRole");
        var users = new List<string>();
        var groups = new List<string>();
        foreach (Fields subject in Objects(body, "subjects"))
            ReadSubject(subject, users, groups);
        return new RoleBinding(@namespace, kind == "Role" ? @namespace : null, Text(role, "name")) { Users = users, Groups = groups };
    }

    /// <summary>The members of an object; none if the value is not an object, which is kept as a fault.</summary>
    public Fields Object(Yaml value, string path)
    {
        if (value is not Yaml.Object { Members: var members })
        {
            Keep(value.Line, path, "must be an object");
            members = [];
        }

        return new Fields(path, value.Line, members.ToDictionary(member => member.Name, member => (member.Line, member.Value)));
    }

    /// <summary>A member that is an object.</summary>
    public Fields Object(Fields of, string name, bool required) => Given(of, name, required) is { } value
        ? Object(value, of.PathOf(name))
        : new Fields(of.PathOf(name), of.Line, new Dictionary<string, (int, Yaml)>());

    /// <summary>A member that is a list of objects; none when it is not there.</summary>
    public IReadOnlyList<Fields> Objects(Fields of, string name) =>
        [.. Items(of, name).Select((item, i) => Object(item, $"{of.PathOf(name)}[{i}]"))];

    /// <summary>A member that is a text; empty when it is not there.</summary>
    public string Text(Fields of, string name, bool required = true) =>
        Given(of, name, required) is { } value ? Text(value, of.PathOf(name), required) : "";

    /// <summary>Refuses members of other names.</summary>
    public void Only(Fields of, params ReadOnlySpan<string> names)
    {
        foreach ((string name, (int line, _)) in of.Members)
        {
            if (!names.Contains(name))
                Keep(line, of.PathOf(name), "there is no such field");
        }
    }

    /// <summary>Keeps what is wrong with a member.</summary>
    public void Fail(Fields of, string name, string wrong) =>
        Keep(of.LineOf(name), of.PathOf(name), wrong);

    private AccessRule ReadRule(Fields rule, bool isNamespaced)
    {
        Only(rule, "verbs", "apiGroups", "resources", "resourceNames", "nonResourceURLs");
        var read = new AccessRule(Texts(rule, "verbs"))
        {
            Groups = Texts(rule, "apiGroups"),
            Resources = Texts(rule, "resources"),
            Names = Texts(rule, "resourceNames"),
            Paths = Texts(rule, "nonResourceURLs"),
        };
        bool isOfResources = read.Groups.Count + read.Resources.Count + read.Names.Count > 0;
        if (read.Verbs.Count == 0)
            Fail(rule, "verbs", "verbs must contain at least one value");
        else if (read.Paths.Count > 0 && isNamespaced)
            Fail(rule, "nonResourceURLs", "namespaced rules cannot apply to non-resource URLs");
        else if (read.Paths.Count > 0 && isOfResources)
            Fail(rule, "nonResourceURLs", "rules cannot apply to both regular resources and non-resource URLs");
        else if (read.Paths.Count == 0 && read.Groups.Count == 0)
            Fail(rule, "apiGroups", "resource rules must supply at least one api group");
        else if (read.Paths.Count == 0 && read.Resources.Count == 0)
            Fail(rule, "resources", "resource rules must supply at least one resource");
        return read;
    }

    private void ReadSubject(Fields subject, List<string> users, List<string> groups)
    {
        Only(subject, "kind", "apiGroup", "name", "namespace");
        string kind = Text(subject, "kind"), name = Text(subject, "name");
        bool isAccount = kind == "ServiceAccount";
        string group = Text(subject, "apiGroup", required: false), @namespace = Text(subject, "namespace", required: isAccount);
        if (!isAccount && kind is not ("User" or "Group"))
            Fail(subject, "kind", "must be User, Group or ServiceAccount");
        if (group.Length > 0 && (isAccount || group != Group))
            Fail(subject, "apiGroup", isAccount ? "must be empty for a ServiceAccount" : $"must be {Group}");
        if (!isAccount && @namespace.Length > 0)
            Fail(subject, "namespace", "users and groups are in no namespace");
        (kind == "Group" ? groups : users).Add(isAccount ? $"system:serviceaccount:{@namespace}:{name}" : name);
    }

    private string[] Texts(Fields of, string name) =>
        [.. Items(of, name).Select((item, i) => Text(item, $"{of.PathOf(name)}[{i}]", required: false))];

    private IReadOnlyList<Yaml> Items(Fields of, string name)
    {
        Yaml? value = Given(of, name, required: false);
        if (value is Yaml.List list)
            return list.Items;
        if (value is not null)
            Keep(of.LineOf(name), of.PathOf(name), "must be a list");
        return [];
    }

    private string Text(Yaml value, string path, bool required)
    {
        if (value is Yaml.Text { Value: var text } && (text.Length > 0 || !required))
            return text;
        Keep(value.Line, path, value switch
        {
            Yaml.Other { Word: var word } => $"must be a text: write \"{word}\"",
            Yaml.Text => "must not be empty",
            _ => "must be a text",
        });
        return "";
    }

    private Yaml? Given(Fields of, string name, bool required)
    {
        if (of.Members.TryGetValue(name, out (int, Yaml Value) member) && member.Value is not Yaml.Null)
            return member.Value;
        if (required)
            Fail(of, name, "must be given");
        return null;
    }

    private void Keep(int line, string path, string wrong) => Fault ??= (line, path.Length == 0 ? wrong : $"{path}: {wrong}");
}
