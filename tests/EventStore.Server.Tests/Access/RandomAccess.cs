using System.Text.Json.Nodes;
using EventStore.Server.Access;

namespace EventStore.Server.Tests.Access;

/// <summary>A request as HTTP sends it, and as a client would ask about it beforehand.</summary>
/// <param name="Method">The method.</param>
/// <param name="Path">The path with its query.</param>
/// <param name="Attributes">The question's <c>spec</c>.</param>
/// <param name="Namespace">The namespace it is in; null at the cluster scope, empty for a path.</param>
internal sealed record AskedRequest(string Method, string Path, JsonObject Attributes, string? Namespace);

/// <summary>
/// Rules and requests out of a small world, so that they meet. Most requests are what one of the rules speaks of, or next to it: one made
/// blindly seldom turns on a name, a part of a resource or the end of a path.
/// </summary>
internal sealed class RandomAccess(int seed)
{
    private static readonly string[] Verbs = ["get", "list", "watch", "create", "update", "patch", "delete", "deletecollection", "*"];
    private static readonly string[] Groups = ["kubeflow.org", "kubeflow.org", "audit.eventstore.io", "", "*"];
    private static readonly string[] Resources =
    [
        "pytorchjobs", "pytorchjobs", "pytorchjobs/status", "pytorchjobs/rollback", "pytorchjobs/diff", "*/status", "*/diff",
        "pytorchjobrevisions", "namespaces", "*",
    ];
    private static readonly string[] Urls = ["/metrics", "/logs/*", "/logs/a", "/lo*", "/met*", "/version", "*"];
    private static readonly string[] Methods = ["get", "get", "head", "post", "*"];
    private static readonly string[] Paths = ["/metrics", "/logs/a", "/logs/b/c", "/version"];
    private static readonly string[] Names = ["a", "b", "c"];
    private static readonly string[] Namespaces = ["ml", "nlp"];
    private static readonly string[] Subjects =
    [
        "{kind: User, name: alice}", "{kind: User, name: bob}", "{kind: Group, name: devs}", "{kind: Group, name: 'system:authenticated'}",
        "{kind: Group, name: 'system:unauthenticated'}", "{kind: ServiceAccount, name: operator, namespace: ml}",
    ];

    private readonly Random random = new(seed);
    private readonly List<AccessRule> rules = [];

    public string Rules()
    {
        var documents = new List<string>();
        for (int i = random.Next(1, 4); i >= 0; i--)
        {
            documents.Add(Head("ClusterRole", $"c{i}", null) + "rules:\n" + Lines(() => random.Next(3) == 0 ? UrlRule() : ResourceRule()));
            documents.Add(Head("ClusterRoleBinding", $"b{i}", null) + Binding($"{{kind: ClusterRole, name: c{random.Next(4)}}}"));
            foreach (string @namespace in Namespaces)
            {
                documents.Add(Head("Role", $"r{i}", @namespace) + "rules:\n" + Lines(ResourceRule));
                documents.Add(Head("RoleBinding", $"b{i}", @namespace) + Binding(
                    $"{{kind: {Pick("Role", "ClusterRole")}, name: {Pick("r", "c")}{random.Next(4)}}}"));
            }
        }

        return string.Join("---\n", documents);
    }

    public AskedRequest Request() => random.Next(3) == 0 ? Any() : About(rules[random.Next(rules.Count)]);

    private AskedRequest Any() => random.Next(6) switch
    {
        0 => OfPath(Pick("GET", "HEAD", "POST"), Pick(Paths)),
        1 => OfRevisions(Pick(Namespaces), random.Next(2) == 0),
        2 => OfNamespace(Pick(Namespaces)),
        3 => OfList(null, Pick("list", "watch"), Pick(Names)),
        4 => OfCollection(Pick(Namespaces), Pick("create", "deletecollection", "list", "watch"), Pick(Names)),
        _ => OfOne(Pick(Namespaces), Pick(Names), Pick("get", "create", "update", "patch", "delete"), Pick(
            "", "", "status", "rollback", "diff", "blame", "restore", "scale")),
    };

    /// <summary>A request the rule's verbs and resources speak of, of a name it has or of another.</summary>
    private AskedRequest About(AccessRule rule)
    {
        string verb = Pick([.. rule.Verbs]);
        if (rule.Paths.Count > 0)
            return OfPath(verb == "*" ? "GET" : verb.ToUpperInvariant(), Pick(Paths));
        verb = verb == "*" ? Pick(Verbs[..^1]) : verb;
        string name = rule.Names.Count > 0 && random.Next(3) > 0 ? Pick([.. rule.Names]) : Pick(Names), @namespace = Pick(Namespaces);
        return Pick([.. rule.Resources]).Split('/') switch
        {
            ["pytorchjobrevisions"] => OfRevisions(@namespace, verb == "watch"),
            ["namespaces"] => OfNamespace(@namespace),
            [_, var part] => OfOne(@namespace, name, verb, part),
            _ when verb is "get" or "update" or "patch" or "delete" => OfOne(@namespace, name, verb, ""),
            _ when verb is "list" or "watch" && random.Next(4) == 0 => OfList(null, verb, name),
            _ => OfCollection(@namespace, verb, name),
        };
    }

    private static string Head(string kind, string name, string? @namespace) =>
        $"apiVersion: rbac.authorization.k8s.io/v1\nkind: {kind}\n"
        + $"metadata: {{name: {name}{(@namespace is null ? "" : $", namespace: {@namespace}")}}}\n";

    private string Binding(string role) => $"subjects:\n{Lines(() => Pick(Subjects))}roleRef: {role}\n";

    private string ResourceRule()
    {
        var rule = new AccessRule(Some(Verbs))
        {
            Groups = Some(Groups),
            Resources = Some(Resources),
            Names = random.Next(2) == 0 ? Some(Names) : [],
        };
        rules.Add(rule);
        string names = rule.Names.Count == 0 ? "" : $", resourceNames: {Yaml(rule.Names)}";
        return $"{{verbs: {Yaml(rule.Verbs)}, apiGroups: {Yaml(rule.Groups)}, resources: {Yaml(rule.Resources)}{names}}}";
    }

    private string UrlRule()
    {
        var rule = new AccessRule(Some(Methods)) { Paths = Some(Urls) };
        rules.Add(rule);
        return $"{{verbs: {Yaml(rule.Verbs)}, nonResourceURLs: {Yaml(rule.Paths)}}}";
    }

    private static string Yaml(IReadOnlyList<string> texts) => $"[{string.Join(", ", texts.Select(text => $"'{text}'"))}]";

    private string Lines(Func<string> one) => string.Concat(Enumerable.Range(0, random.Next(1, 3)).Select(_ => $"- {one()}\n"));

    private string[] Some(string[] from) => [.. Enumerable.Range(0, random.Next(1, 3)).Select(_ => Pick(from))];

    private string Pick(params string[] from) => from[random.Next(from.Length)];

    private static AskedRequest OfPath(string method, string path) =>
        new(
            method, path,
            new JsonObject { ["nonResourceAttributes"] = new JsonObject { ["verb"] = method.ToLowerInvariant(), ["path"] = path } }, "");

    private static AskedRequest OfRevisions(string @namespace, bool watch)
    {
        string path =
            $"/apis/audit.eventstore.io/v1/namespaces/{@namespace}/pytorchjobrevisions{(watch ? "?watch=1" : "?labelSelector=job=a")}";
        return Of("GET", path, watch ? "watch" : "list", "audit.eventstore.io", "pytorchjobrevisions", "", @namespace, null);
    }

    /// <summary>As upstream has it, a namespace lies in itself.</summary>
    private static AskedRequest OfNamespace(string name) =>
        Of("GET", $"/api/v1/namespaces/{name}", "get", "", "namespaces", "", name, name);

    private AskedRequest OfCollection(string @namespace, string verb, string name) => verb is "list" or "watch"
        ? OfList(@namespace, verb, name)
        : Of(
            verb == "create" ? "POST" : "DELETE", $"{Collection(@namespace)}?fieldSelector=metadata.name%3D{name}",
            verb == "create" ? verb : "deletecollection", "kubeflow.org", "pytorchjobs", "", @namespace, null);

    private AskedRequest OfOne(string @namespace, string name, string verb, string subresource)
    {
        (string method, verb) = verb switch
        {
            "update" => ("PUT", verb),
            "delete" or "deletecollection" => ("DELETE", "delete"),
            "create" => ("POST", verb),
            "patch" => ("PATCH", verb),
            _ => (Pick("GET", "HEAD"), "get"),
        };
        string path = $"{Collection(@namespace)}/{name}{(subresource.Length == 0 ? "" : "/" + subresource)}?watch=true";
        return Of(method, path, verb, "kubeflow.org", "pytorchjobs", subresource, @namespace, name);
    }

    /// <summary>Half of them are narrowed to the name, so that the right to that name is enough; null is all namespaces.</summary>
    private AskedRequest OfList(string? @namespace, string verb, string name)
    {
        string watch = verb == "watch" ? Pick("watch=true", "watch", "watch=no&watch=0") : Pick(
            "", "watch=false", "watch=FALSE&watch=true", "watch=0");
        (string selector, bool narrowed) = random.Next(6) switch
        {
            0 => ($"fieldSelector=metadata.name!%3D{name}", false),
            1 => ("", false),
            2 => ($"fieldSelector=spec.x%3D{name}", false),
            3 => ($"fieldSelector=metadata.namespace!%3Dx,metadata.name%3D%3D{name}", true),
            _ => ($"fieldSelector=metadata.name%3D{name}", true),
        };
        return Of(
            Pick("GET", "HEAD"), $"{Collection(@namespace)}?{watch}&{selector}", verb, "kubeflow.org", "pytorchjobs", "", @namespace,
            narrowed ? name : null);
    }

    private static string Collection(string? @namespace) =>
        $"/apis/kubeflow.org/v1/{(@namespace is null ? "" : $"namespaces/{@namespace}/")}pytorchjobs";

    private static AskedRequest Of(
        string method, string path, string verb, string group, string resource, string subresource, string? @namespace, string? name) =>
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
