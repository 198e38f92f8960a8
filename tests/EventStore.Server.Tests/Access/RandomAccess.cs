using System.Text.Json.Nodes;

namespace EventStore.Server.Tests.Access;

/// <summary>A request as HTTP sends it, and as a client would ask about it beforehand.</summary>
/// <param name="Method">The method.</param>
/// <param name="Path">The path with its query.</param>
/// <param name="Attributes">The question's <c>spec</c>.</param>
/// <param name="Namespace">The namespace it is in; null at the cluster scope, empty for a path.</param>
internal sealed record AskedRequest(string Method, string Path, JsonObject Attributes, string? Namespace);

/// <summary>Rules and requests out of a small world, so that they meet.</summary>
internal sealed class RandomAccess(int seed)
{
    private static readonly string[] Verbs = ["get", "list", "watch", "create", "update", "patch", "delete", "deletecollection", "*"];
    private static readonly string[] Groups = ["kubeflow.org", "kubeflow.org", "audit.eventstore.io", "", "*"];
    private static readonly string[] Resources = ["pytorchjobs", "pytorchjobs", "pytorchjobs/status", "pytorchjobs/rollback", "pytorchjobrevisions", "namespaces", "*/status", "*"];
    private static readonly string[] Urls = ["/metrics", "/logs/*", "/logs/a", "/lo*", "/version", "*"];
    private static readonly string[] Names = ["a", "b", "c"];
    private static readonly string[] Namespaces = ["ml", "nlp"];
    private static readonly string[] Subjects =
    [
        "{kind: User, name: alice}", "{kind: User, name: bob}", "{kind: Group, name: devs}", "{kind: Group, name: 'system:authenticated'}",
        "{kind: Group, name: 'system:unauthenticated'}", "{kind: ServiceAccount, name: operator, namespace: ml}",
    ];

    private readonly Random random = new(seed);

    public string Rules()
    {
        var documents = new List<string>();
        for (int i = random.Next(1, 4); i >= 0; i--)
        {
            documents.Add(Head("ClusterRole", $"c{i}", null) + "rules:\n" + Lines(() => random.Next(4) == 0 ? UrlRule() : ResourceRule()));
            documents.Add(Head("ClusterRoleBinding", $"b{i}", null) + Binding($"{{kind: ClusterRole, name: c{random.Next(4)}}}"));
            foreach (string @namespace in Namespaces)
            {
                documents.Add(Head("Role", $"r{i}", @namespace) + "rules:\n" + Lines(ResourceRule));
                documents.Add(Head("RoleBinding", $"b{i}", @namespace) + Binding($"{{kind: {Pick("Role", "ClusterRole")}, name: {Pick("r", "c")}{random.Next(4)}}}"));
            }
        }

        return string.Join("---\n", documents);
    }

    public AskedRequest Request() => random.Next(6) switch
    {
        0 => OfPath(Pick("GET", "HEAD", "POST"), Pick("/metrics", "/logs/a", "/logs/b/c", "/version")),
        1 => OfRevisions(Pick(Namespaces)),
        2 => OfNamespace(Pick("ml", "nlp")),
        3 => OfAll(),
        4 => OfCollection(Pick(Namespaces)),
        _ => OfOne(Pick(Namespaces), Pick(Names)),
    };

    private static string Head(string kind, string name, string? @namespace) =>
        $"apiVersion: rbac.authorization.k8s.io/v1\nkind: {kind}\nmetadata: {{name: {name}{(@namespace is null ? "" : $", namespace: {@namespace}")}}}\n";

    private string Binding(string role) => $"subjects:\n{Lines(() => Pick(Subjects))}roleRef: {role}\n";

    private string ResourceRule() => $"{{verbs: {Some(Verbs)}, apiGroups: {Some(Groups)}, resources: {Some(Resources)}{(random.Next(3) == 0 ? $", resourceNames: {Some(Names)}" : "")}}}";

    private string UrlRule() => $"{{verbs: {Some("get", "head", "post", "*")}, nonResourceURLs: {Some(Urls)}}}";

    private string Lines(Func<string> one) => string.Concat(Enumerable.Range(0, random.Next(1, 3)).Select(_ => $"- {one()}\n"));

    private string Some(params string[] from) => $"[{string.Join(", ", Enumerable.Range(0, random.Next(1, 3)).Select(_ => $"'{Pick(from)}'"))}]";

    private string Pick(params string[] from) => from[random.Next(from.Length)];

    private static AskedRequest OfPath(string method, string path) =>
        new(method, path, new JsonObject { ["nonResourceAttributes"] = new JsonObject { ["verb"] = method.ToLowerInvariant(), ["path"] = path } }, "");

    private AskedRequest OfRevisions(string @namespace)
    {
        bool watch = random.Next(2) == 0;
        string path = $"/apis/audit.eventstore.io/v1/namespaces/{@namespace}/pytorchjobrevisions{(watch ? "?watch=1" : "?labelSelector=job=a")}";
        return Of("GET", path, watch ? "watch" : "list", "audit.eventstore.io", "pytorchjobrevisions", "", @namespace, null);
    }

    /// <summary>As upstream has it, a namespace lies in itself.</summary>
    private static AskedRequest OfNamespace(string name) => Of("GET", $"/api/v1/namespaces/{name}", "get", "", "namespaces", "", name, name);

    private AskedRequest OfAll()
    {
        (string query, string verb, string? name) = Listing();
        return Of("GET", "/apis/kubeflow.org/v1/pytorchjobs" + query, verb, "kubeflow.org", "pytorchjobs", "", null, name);
    }

    private AskedRequest OfCollection(string @namespace)
    {
        string path = $"/apis/kubeflow.org/v1/namespaces/{@namespace}/pytorchjobs";
        (string method, string verb) = random.Next(5) switch { 0 => ("POST", "create"), 1 => ("DELETE", "deletecollection"), _ => ("GET", "") };
        if (verb.Length > 0)
            return Of(method, path + "?fieldSelector=metadata.name%3Da", verb, "kubeflow.org", "pytorchjobs", "", @namespace, null);
        (string query, verb, string? name) = Listing();
        return Of(Pick("GET", "HEAD"), path + query, verb, "kubeflow.org", "pytorchjobs", "", @namespace, name);
    }

    private AskedRequest OfOne(string @namespace, string name)
    {
        (string method, string verb) = random.Next(6) switch
        {
            0 => ("GET", "get"),
            1 => ("HEAD", "get"),
            2 => ("PUT", "update"),
            3 => ("DELETE", "delete"),
            4 => ("POST", "create"),
            _ => ("PATCH", "patch"),
        };
        string subresource = Pick("", "", "status", "rollback", "scale");
        string path = $"/apis/kubeflow.org/v1/namespaces/{@namespace}/pytorchjobs/{name}{(subresource.Length == 0 ? "" : "/" + subresource)}?watch=true";
        return Of(method, path, verb, "kubeflow.org", "pytorchjobs", subresource, @namespace, name);
    }

    private (string Query, string Verb, string? Name) Listing() => random.Next(10) switch
    {
        0 => ("", "list", null),
        1 => ("?watch=false", "list", null),
        2 => ("?watch=FALSE&watch=true", "list", null),
        3 => ("?watch=0", "list", null),
        4 => ("?watch=true", "watch", null),
        5 => ("?watch", "watch", null),
        6 => ("?watch=no&watch=0", "watch", null),
        7 => ("?fieldSelector=metadata.name%3Da", "list", "a"),
        8 => ("?watch=1&fieldSelector=metadata.namespace!%3Dx,metadata.name%3D%3Db", "watch", "b"),
        _ => ("?fieldSelector=metadata.name!%3Da", "list", null),
    };

    private static AskedRequest Of(string method, string path, string verb, string group, string resource, string subresource, string? @namespace, string? name) =>
        new(method, path, new JsonObject
        {
            ["resourceAttributes"] = new JsonObject
            {
                ["verb"] = verb,
                ["group"] = group,
                ["resource"] = resource,
                ["subresource"] = subresource,
                ["namespace"] = @namespace ?? "",
                ["name"] = name ?? "",
            },
        }, @namespace);
}
