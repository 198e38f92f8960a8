using System.Net;
using System.Net.Sockets;
using System.Text;
using EventStore.Server.Access;

namespace EventStore.Server.Tests.Access;

/// <summary>What somebody tries who has the right to one job, <c>ml/mine</c>, and wants more.</summary>
public sealed class Privilege_escalation : IAsyncLifetime, IDisposable
{
    private const string Jobs = "/apis/kubeflow.org/v1/namespaces/ml/pytorchjobs";
    private readonly AccessFolder folder = new();
    private Door door = null!;

    public async Task InitializeAsync() => door = await Door.Open(new AccessSources(
        folder.Tokens("alice,alice,1\nroot,root,2,\"system:masters\""), folder.Rules("""
        apiVersion: rbac.authorization.k8s.io/v1
        kind: Role
        metadata: {namespace: ml, name: mine}
        rules:
        - {apiGroups: [kubeflow.org], resources: [pytorchjobs], resourceNames: [mine], verbs: [get, list, watch, delete, patch]}
        ---
        apiVersion: rbac.authorization.k8s.io/v1
        kind: RoleBinding
        metadata: {namespace: ml, name: mine}
        subjects: [{kind: User, name: alice}]
        roleRef: {kind: Role, name: mine}
        ---
        apiVersion: rbac.authorization.k8s.io/v1
        kind: ClusterRole
        metadata: {name: paths}
        rules: [{nonResourceURLs: [/logs/a, "/apis/*"], verbs: ["*"]}]
        ---
        apiVersion: rbac.authorization.k8s.io/v1
        kind: ClusterRoleBinding
        metadata: {name: paths}
        subjects: [{kind: User, name: alice}]
        roleRef: {kind: ClusterRole, name: paths}
        ---
        apiVersion: rbac.authorization.k8s.io/v1
        kind: ClusterRole
        metadata: {name: metrics}
        rules: [{nonResourceURLs: [/metrics], verbs: [get]}]
        ---
        apiVersion: rbac.authorization.k8s.io/v1
        kind: ClusterRoleBinding
        metadata: {name: metrics}
        subjects: [{kind: Group, name: "system:unauthenticated"}]
        roleRef: {kind: ClusterRole, name: metrics}
        """)));

    public async Task DisposeAsync() => await door.DisposeAsync();

    public void Dispose() => folder.Dispose();

    [Theory]
    [InlineData("GET", Jobs + "/mine", 200)]
    [InlineData("HEAD", Jobs + "/mine", 200)]
    [InlineData("GET", Jobs + "/mine/", 200)]
    [InlineData("GET", Jobs + "/%6dine", 200)]
    [InlineData("DELETE", Jobs + "/mine", 200)]
    [InlineData("GET", Jobs + "?fieldSelector=metadata.name%3Dmine", 200)]
    [InlineData("GET", Jobs + "/?watch&fieldSelector=metadata.name=mine", 200)]
    [InlineData("GET", Jobs + "/other", 403)]
    [InlineData("GET", Jobs + "/Mine", 403)]
    [InlineData("GET", Jobs + "/mine%2F..%2Fother", 403)]
    [InlineData("GET", Jobs + "/mine%2Fstatus", 403)]
    [InlineData("GET", Jobs + "/other/../mine", 200)]
    [InlineData("GET", Jobs + "/mine/../other", 403)]
    [InlineData("GET", Jobs + "/mine/%2e%2e/other", 403)]
    [InlineData("GET", Jobs + "/mine/status", 403)]
    [InlineData("GET", Jobs + "/mine/anything", 403)]
    [InlineData("GET", Jobs + "/mine%00", 400)]
    [InlineData("GET", Jobs, 403)]
    [InlineData("GET", Jobs + "/", 403)]
    [InlineData("HEAD", Jobs, 403)]
    [InlineData("GET", Jobs + "?watch=true", 403)]
    [InlineData("GET", Jobs + "?fieldSelector=metadata.name!=mine", 403)]
    [InlineData("GET", Jobs + "?fieldSelector=metadata.name=other&fieldSelector=metadata.name=mine", 403)]
    [InlineData("GET", Jobs + "?fieldselector=metadata.name=other&fieldSelector=metadata.name=mine", 403)]
    [InlineData("GET", Jobs + "?fieldSelector=metadata.name=mine%2Fx", 403)]
    [InlineData("GET", Jobs + "?fieldSelector=metadata.name", 403)]
    [InlineData("GET", Jobs + "?labelSelector=metadata.name=mine", 403)]
    [InlineData("DELETE", Jobs + "?fieldSelector=metadata.name=mine", 403)]
    [InlineData("DELETE", Jobs + "/?name=mine", 403)]
    [InlineData("POST", Jobs + "/mine", 403)]
    [InlineData("POST", Jobs, 403)]
    [InlineData("PUT", Jobs + "/mine", 403)]
    [InlineData("get", Jobs + "/other", 403)]
    [InlineData("BREW", Jobs + "/mine", 403)]
    [InlineData("GET", "/apis/kubeflow.org/v1/namespaces/nlp/pytorchjobs/mine", 403)]
    [InlineData("GET", "/apis/kubeflow.org/v1/namespaces/ml%2Fx/pytorchjobs/mine", 403)]
    [InlineData("GET", "/apis/kubeflow.org/v1/pytorchjobs?fieldSelector=metadata.name=mine,metadata.namespace=ml", 403)]
    [InlineData("GET", "//apis/kubeflow.org/v1/namespaces/ml/pytorchjobs/other", 404)]
    [InlineData("GET", "/APIS/kubeflow.org/v1/namespaces/ml/pytorchjobs/other", 404)]
    [InlineData("GET", "/apis/kubeflow.org/v1/namespaces/ml/PyTorchJobs/mine", 404)]
    [InlineData("GET", "/apis/audit.eventstore.io/v1/namespaces/ml/pytorchjobrevisions", 403)]
    [InlineData("GET", "/logs/a", 200)]
    [InlineData("GET", "/logs/a/../b", 403)]
    [InlineData("GET", "/logs/a%2Fb", 403)]
    [InlineData("GET", "/apis/../logs/b", 403)]
    public async Task With_a_path_get_no_further(string method, string path, int code) =>
        Assert.Equal(code, await Status($"{method} {path} HTTP/1.1\r\nAuthorization: Bearer alice\r\n"));

    [Theory]
    [InlineData("Authorization: Bearer alice\r\nAuthorization: Bearer root", 401)]
    [InlineData("Authorization: Bearer root\r\nAuthorization: Bearer alice", 401)]
    [InlineData("Authorization: Bearer alice, Bearer root", 401)]
    [InlineData("Authorization: Bearer alice root", 401)]
    [InlineData("Authorization: Bearer", 401)]
    [InlineData("Authorization: Bearer ", 401)]
    [InlineData("Authorization: ", 401)]
    [InlineData("Authorization:\r\nX-Auth-Token: root", 401)]
    [InlineData("X-Auth-Token: root\r\nX-Auth-Token: alice", 401)]
    [InlineData("X-Auth-Token: ", 401)]
    [InlineData("Authorization: Basic cm9vdDpyb290\r\nX-Auth-Token: root", 401)]
    [InlineData("X-Remote-User: root\r\nX-Remote-Group: system:masters", 401)]
    [InlineData("Authorization: Bearer alice\r\nImpersonate-User: root\r\nImpersonate-Group: system:masters", 403)]
    [InlineData("Authorization: Bearer alice\r\nX-HTTP-Method-Override: GET\r\nX-Original-URL: /apis/kubeflow.org/v1/namespaces/ml/pytorchjobs/mine", 403)]
    [InlineData("Authorization: Bearer alice\r\nX-Auth-Token: root", 403)]
    [InlineData("Authorization : Bearer root", 400)]
    [InlineData("Authorization: Bearer alice\r\n Bearer root", 400)]
    [InlineData("Authorization: Bearer root", 200)]
    public async Task With_headers_get_no_further(string headers, int code) =>
        Assert.Equal(code, await Status($"GET {Jobs}/other HTTP/1.1\r\n{headers}\r\n"));

    [Theory]
    [InlineData("", 200)]
    [InlineData("Authorization: Bearer alice\r\n", 403)]
    [InlineData("Authorization: Bearer wrong\r\n", 401)]
    [InlineData("Authorization: Basic cm9vdDpyb290\r\n", 401)]
    public async Task With_a_wrong_credential_are_not_even_nobody(string header, int code) =>
        Assert.Equal(code, await Status($"GET /metrics HTTP/1.1\r\n{header}"));

    private async Task<int> Status(string head)
    {
        using var socket = new TcpClient();
        await socket.ConnectAsync(IPAddress.Loopback, door.Url.Port);
        NetworkStream stream = socket.GetStream();
        await stream.WriteAsync(Encoding.ASCII.GetBytes($"{head}Host: localhost\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"));
        using var reader = new StreamReader(stream);
        return int.Parse((await reader.ReadLineAsync())!.Split(' ')[1], System.Globalization.CultureInfo.InvariantCulture);
    }
}
