namespace EventStore.Server.Access.Files;

/// <summary>
/// RBAC objects in the form people apply to clusters: <c>rbac.authorization.k8s.io/v1</c> in YAML or JSON, several documents a file, also
/// in a <c>List</c>. Strict, and by upstream's validation: a misspelt field could give more than was meant (<c>resourceName</c> for
/// <c>resourceNames</c> would give them all).
/// </summary>
internal sealed class RuleFile
{
    private const string Version = RuleFields.Group + "/v1";

    private readonly Dictionary<(string Kind, string? Namespace, string Name), string> places = [];
    private readonly List<Role> roles = [];
    private readonly List<RoleBinding> bindings = [];

    /// <summary>What the objects of all files give; or what is wrong with the first that is: file, line, field.</summary>
    public static Reading<RoleBindings> Read(IEnumerable<SourceText> files)
    {
        var all = new RuleFile();
        foreach (SourceText file in files)
        {
            (IReadOnlyList<Yaml> documents, int line, string? wrong) = YamlReading.Read(file.Text);
            if (wrong is not null)
                return Reading<RoleBindings>.Failed(file.Name, line, wrong);
            foreach (Yaml document in documents)
            {
                var fields = new RuleFields();
                all.Add(file.Name, fields, fields.Object(document, ""));
                if (fields.Fault is { } fault)
                    return Reading<RoleBindings>.Failed(file.Name, fault.Line, fault.Wrong);
            }
        }

        var joined = new RoleBindings(all.roles, all.bindings);
        return Reading<RoleBindings>.Of(joined, joined.Summary + string.Concat(joined.MissingRoles.Select(missing => $"; {missing}")));
    }

    private void Add(string file, RuleFields fields, Fields body)
    {
        string kind = fields.Text(body, "kind"), version = fields.Text(body, "apiVersion");
        if (fields.Fault is not null)
            return;
        if (kind == "List" && version == "v1")
        {
            fields.Only(body, "kind", "apiVersion", "metadata", "items");
            foreach (Fields item in fields.Objects(body, "items"))
                Add(file, fields, item);
            return;
        }

        if (kind is not ("Role" or "ClusterRole" or "RoleBinding" or "ClusterRoleBinding"))
            fields.Fail(body, "kind", "must be Role, ClusterRole, RoleBinding, ClusterRoleBinding or List");
        if (version != Version)
            fields.Fail(body, "apiVersion", $"must be {Version}");
        (string name, string? @namespace) = Metadata(fields, body, isNamespaced: kind is "Role" or "RoleBinding");
        if (fields.Fault is null && !places.TryAdd((kind, @namespace, name), $"{file} line {body.Line}"))
            fields.Fail(body, "metadata.name", $"{kind} \"{name}\" stands in {places[(kind, @namespace, name)]} already");
        if (kind is "Role" or "ClusterRole")
            roles.Add(fields.ReadRole(body, @namespace, name));
        else
            bindings.Add(fields.ReadBinding(body, @namespace));
    }

    /// <summary>Labels, annotations and what a cluster adds are its own affair; the names are ours.</summary>
    private static (string Name, string? Namespace) Metadata(RuleFields fields, Fields body, bool isNamespaced)
    {
        Fields metadata = fields.Object(body, "metadata", required: true);
        string name = fields.Text(metadata, "name"), @namespace = fields.Text(metadata, "namespace", required: isNamespaced);
        if (!isNamespaced && @namespace.Length > 0)
            fields.Fail(metadata, "namespace", "not allowed on this type");
        return (name, isNamespaced ? @namespace : null);
    }
}
