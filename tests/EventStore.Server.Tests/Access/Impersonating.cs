using System.Globalization;
using System.Net.Sockets;
using System.Text;
using System.Text.Json.Nodes;
using EventStore.Server.Access;
using Microsoft.AspNetCore.Http;

namespace EventStore.Server.Tests.Access;

/// <summary>Acting as another user, by the headers of <c>kubectl --as</c>: each header is honoured as upstream does, or refused.</summary>
public sealed class Impersonating : IAsyncLifetime, IDisposable
{
    private const string Jobs = "/apis/kubeflow.org/v1/namespaces/ml/pytorchjobs";

    private const string Rules = """
        kind: ClusterRole
        apiVersion: rbac.authorization.k8s.io/v1
        metadata: {name: reader}
        rules: [{apiGroups: [kubeflow.org], resources: [pytorchjobs], verbs: [get, list]}]
        ---
        kind: ClusterRoleBinding
        apiVersion: rbac.authorization.k8s.io/v1
        metadata: {name: readers}
        subjects: [{kind: User, name: alice}, {kind: Group, name: readers}, {kind: Group, name: "system:serviceaccounts:ml"}]
        roleRef: {kind: ClusterRole, name: reader}
        ---
        kind: ClusterRole
        apiVersion: rbac.authorization.k8s.io/v1
        metadata: {name: actor}
        rules:
        - {apiGroups: [""], resources: [users], resourceNames: [alice, nobody, "system:anonymous"], verbs: [impersonate]}
        - {apiGroups: [""], resources: [groups], resourceNames: [readers, others], verbs: [impersonate]}
        - {apiGroups: [authentication.k8s.io], resources: [userextras/scopes, userextras/example.com%2fa], verbs: [impersonate]}
        - {apiGroups: [authentication.k8s.io], resources: [uids], resourceNames: ["7"], verbs: [impersonate]}
        ---
        kind: ClusterRoleBinding
        apiVersion: rbac.authorization.k8s.io/v1
        metadata: {name: actors}
        subjects: [{kind: User, name: bob}]
        roleRef: {kind: ClusterRole, name: actor}
        ---
        kind: Role
        apiVersion: rbac.authorization.k8s.io/v1
        metadata: {name: actor, namespace: ml}
        rules: [{apiGroups: [""], resources: [serviceaccounts], resourceNames: [operator], verbs: [impersonate]}]
        ---
        kind: RoleBinding
        apiVersion: rbac.authorization.k8s.io/v1
        metadata: {name: actors, namespace: ml}
        subjects: [{kind: User, name: bob}]
        roleRef: {kind: Role, name: actor}
        """;

    private readonly AccessFolder folder = new();
    private Door door = null!;

    public async Task InitializeAsync() => door = await Door.Open(new AccessSources(
        folder.Tokens("alice,alice,1\nbob,bob,2\nroot,root,3,\"system:masters\"\n"),
        folder.Rules(Rules.Replace("%2f", "/", StringComparison.Ordinal))));

    public async Task DisposeAsync() => await door.DisposeAsync();

    public void Dispose() => folder.Dispose();

    [Theory]
    [InlineData("root", 403, "Impersonate-User: nobody")]
    [InlineData("root", 200, "Impersonate-User: alice")]
    [InlineData("root", 200, "impersonate-user: alice")]
    [InlineData("root", 200, "Impersonate-User: nobody", "Impersonate-Group: readers")]
    [InlineData("root", 200, "Impersonate-User: nobody", "Impersonate-Group: others", "Impersonate-Group: readers")]
    [InlineData("root", 200, "Impersonate-User: system:serviceaccount:ml:x")]
    [InlineData("root", 403, "Impersonate-User: system:serviceaccount:nlp:x")]
    [InlineData("root", 403, "Impersonate-User: system:serviceaccount:ml:x", "Impersonate-Group: others")]
    [InlineData("root", 200, "Impersonate-User: nobody", "Impersonate-Group: system:masters")]
    [InlineData("bob", 200, "Impersonate-User: alice")]
    [InlineData("bob", 200, "Impersonate-User: alice", "Impersonate-Uid: 7", "Impersonate-Extra-Scopes: a", "Impersonate-Extra-example.com%2fA: b")]
    [InlineData("bob", 403, "Impersonate-User: alice", "Impersonate-Uid: 8")]
    [InlineData("bob", 403, "Impersonate-User: alice", "Impersonate-Extra-Other: a")]
    [InlineData("bob", 403, "Impersonate-User: root")]
    [InlineData("bob", 403, "Impersonate-User: nobody")]
    [InlineData("bob", 200, "Impersonate-User: nobody", "Impersonate-Group: readers")]
    [InlineData("bob", 403, "Impersonate-User: nobody", "Impersonate-Group: system:masters")]
    [InlineData("bob", 200, "Impersonate-User: system:serviceaccount:ml:operator")]
    [InlineData("bob", 403, "Impersonate-User: system:serviceaccount:ml:other")]
    [InlineData("bob", 403, "Impersonate-User: system:serviceaccount:nlp:operator")]
    [InlineData("bob", 403, "Impersonate-User: system:anonymous")]
    [InlineData("alice", 403, "Impersonate-User: alice")]
    [InlineData("root", 400, "Impersonate-User: ")]
    [InlineData("root", 400, "Impersonate-Group: system:masters")]
    [InlineData("root", 400, "Impersonate-User: alice", "Impersonate-User: nobody")]
    [InlineData("root", 400, "Impersonate-User: alice", "Impersonate-Group: ")]
    [InlineData("root", 400, "Impersonate-User: alice", "Impersonate-Extra-: x")]
    [InlineData("root", 400, "Impersonate-User: alice", "Impersonate-Groups: x")]
    [InlineData("root", 400, "Impersonate-Anything: x")]
    [InlineData("root", 400, "Impersonate-User: alice", "Impersonate-Extra-a: %LONG%")]
    [InlineData("nope", 401, "Impersonate-User: alice")]
    [InlineData(null, 401, "Impersonate-User: alice")]
    public async Task Is_allowed_part_by_part_and_the_rights_are_those_of_the_other(string? token, int code, params string[] headers)
    {
        Assert.Equal(code, (await Send(token, Jobs, headers)).Code);
    }

    [Theory]
    [InlineData("nope")]
    [InlineData(null)]
    [InlineData("alice")]
    public async Task Is_refused_even_where_everybody_may_read(string? token)
    {
        Assert.Equal(token == "alice" ? 403 : 401, (await Send(token, "/version", "Impersonate-User: bob")).Code);
    }

    [Theory]
    [InlineData(400, "requested [{Group  readers    } {Group  others    }] without impersonating a user", "Impersonate-Group: readers", "Impersonate-Group: others")]
    [InlineData(400, "requested [{UserExtra  a  authentication.k8s.io/v1  k}] without impersonating a user", "Impersonate-Extra-K: a")]
    [InlineData(400, "requested [{UID  7  authentication.k8s.io/v1  }] without impersonating a user", "Impersonate-Uid: 7")]
    [InlineData(403, "users \"root\" is forbidden: User \"bob\" cannot impersonate resource \"users\" in API group \"\" at the cluster scope", "Impersonate-User: root")]
    [InlineData(
        403,
        "groups \"system:masters\" is forbidden: User \"bob\" cannot impersonate resource \"groups\" in API group \"\" at the cluster scope",
        "Impersonate-User: alice", "Impersonate-Group: system:masters")]
    [InlineData(
        403,
        "serviceaccounts \"x\" is forbidden: User \"bob\" cannot impersonate resource \"serviceaccounts\" in API group \"\" in the namespace \"ml\"",
        "Impersonate-User: system:serviceaccount:ml:x")]
    [InlineData(
        403,
        "userextras.authentication.k8s.io \"v\" is forbidden: User \"bob\" cannot impersonate resource \"userextras/k\" in API group \"authentication.k8s.io\" at the cluster scope",
        "Impersonate-User: alice", "Impersonate-Extra-K: v")]
    public async Task Is_refused_in_the_words_of_upstream(int code, string message, params string[] headers)
    {
        (int status, JsonNode? body) = await Send("bob", Jobs, headers);
        Assert.Equal((code, message), (status, (string)body!["message"]!));
    }

    [Theory]
    [InlineData("alice", "system:authenticated", "Impersonate-User: alice")]
    [InlineData("alice", "a,b|system:authenticated", "Impersonate-User: alice", "Impersonate-Group: a,b")]
    [InlineData("alice", "system:authenticated", "Impersonate-User: alice", "Impersonate-Group: system:authenticated")]
    [InlineData("alice", "system:unauthenticated", "Impersonate-User: alice", "Impersonate-Group: system:unauthenticated")]
    [InlineData("system:anonymous", "system:unauthenticated", "Impersonate-User: system:anonymous")]
    [InlineData("system:serviceaccount:ml:x", "system:serviceaccounts|system:serviceaccounts:ml|system:authenticated", "Impersonate-User: system:serviceaccount:ml:x")]
    [InlineData("system:serviceaccount:Ml:x", "system:authenticated", "Impersonate-User: system:serviceaccount:Ml:x")]
    public async Task Gives_the_groups_upstream_gives(string name, string groups, params string[] headers)
    {
        ImpersonationRequest.Take(Headers(headers), out ImpersonationRequest? request, out _);
        Assert.Equal((name, groups), (request!.As.Name, string.Join('|', request.As.Groups)));
    }

    [Fact]
    public async Task Says_who_the_user_is_and_who_acts()
    {
        JsonNode who = (await Send("root", "/who", "Impersonate-User: zoe", "Impersonate-Group: system:masters", "Impersonate-Extra-K: a",
            "Impersonate-Extra-K: b")).Body!;
        Assert.Equal(("zoe", "root"), ((string)who["name"]!, (string)who["impersonatedBy"]!["name"]!));
        Assert.Equal(["system:masters", "system:authenticated"], who["groups"]!.AsArray().Select(group => (string)group!));
        Assert.Equal(["a", "b"], who["extra"]!["k"]!.AsArray().Select(value => (string)value!));
    }

    [Theory]
    [InlineData("Impersonate-Extra-Example.Com%2fScopes", "example.com/scopes")]
    [InlineData("Impersonate-Extra-a%20B", "a b")]
    [InlineData("Impersonate-Extra-100%", "100%")]
    [InlineData("Impersonate-Extra-%zz%41", "%zz%41")]
    [InlineData("Impersonate-Extra-%C3%BC", "ü")]
    public void Keys_of_extras_are_lower_case_and_percent_decoded(string header, string key)
    {
        ImpersonationRequest.Take(Headers("Impersonate-User: alice", header + ": v"), out ImpersonationRequest? request, out string? wrong);
        Assert.Null(wrong);
        Assert.Equal([key], request!.As.Extra.Keys);
        Assert.Contains(new AccessRequest("impersonate", "authentication.k8s.io", "userextras", key, null, "v"), request.Rights);
    }

    [Theory]
    [InlineData("a\0b")]
    [InlineData("%HALF%")]
    [InlineData("%LONG%")]
    public void Never_makes_a_user_that_could_not_log_in(string name)
    {
        ImpersonationRequest.Take(Headers("Impersonate-User: " + name), out ImpersonationRequest? request, out string? wrong);
        Assert.Null(request);
        Assert.StartsWith("cannot impersonate: the user name ", wrong, StringComparison.Ordinal);
    }

    /// <summary>On a socket of its own: .NET's client joins headers of one name into one.</summary>
    private async Task<(int Code, JsonNode? Body)> Send(string? token, string path, params string[] headers)
    {
        using var socket = new TcpClient();
        await socket.ConnectAsync(door.Url.Host, door.Url.Port);
        string authorization = token is null ? "" : $"Authorization: Bearer {token}\r\n";
        string lines = string.Concat(headers.Select(header => Filled(header) + "\r\n"));
        await socket.GetStream().WriteAsync(Encoding.UTF8.GetBytes(
            $"GET {path} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n{authorization}{lines}\r\n"));
        using var reader = new StreamReader(socket.GetStream());
        string answer = await reader.ReadToEndAsync();
        string body = answer[(answer.IndexOf("\r\n\r\n", StringComparison.Ordinal) + 4)..];
        int from = body.IndexOf('{', StringComparison.Ordinal), to = body.LastIndexOf('}');
        return (int.Parse(answer.AsSpan(9, 3), CultureInfo.InvariantCulture), from < 0 ? null : JsonNode.Parse(body[from..(to + 1)]));
    }

    private static string Filled(string header) => header
        .Replace("%LONG%", new string('é', 513), StringComparison.Ordinal)
        .Replace("%HALF%", "\ud800", StringComparison.Ordinal);

    private static HeaderDictionary Headers(params string[] lines)
    {
        var headers = new HeaderDictionary();
        foreach (string[] parts in lines.Select(line => Filled(line).Split(": ", 2)))
            headers.Append(parts[0], parts[1]);
        return headers;
    }
}
