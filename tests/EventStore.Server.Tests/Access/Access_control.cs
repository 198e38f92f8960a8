using System.Net;
using System.Net.Sockets;
using System.Text;
using EventStore.Server.Access;
using EventStore.Server.Kubernetes;
using EventStore.Server.Kubernetes.Requests;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using static EventStore.Server.Tests.Kubernetes.SampleRequests;

namespace EventStore.Server.Tests.Access;

/// <summary>The layers as the server wires them, over a few stand-in endpoints, on a real socket.</summary>
public sealed class Access_control : IAsyncLifetime, IDisposable
{
    private const string Path = "/apis/kubeflow.org/v1/namespaces/ns/pytorchjobs";
    private readonly Journal journal = new();
    private readonly AccessFolder folder = new();
    private readonly WebApplication app;
    private HttpClient client = new();

    public Access_control()
    {
        WebApplicationBuilder builder = Door.Builder();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        builder.Logging.ClearProviders().AddProvider(journal);
        builder.Services.AddAccess(new AccessSources(folder.Tokens("root,admin,1,system:masters\nuser,alice,2")), Door.Answers);
        app = builder.Build();
        app.UseMiddleware<Fallback>();
        app.UseRouting();
        app.UseAccess();
        Map();
    }

    public async Task InitializeAsync()
    {
        await app.StartAsync();
        client = new HttpClient { BaseAddress = new Uri(Address) };
    }

    public async Task DisposeAsync() => await app.DisposeAsync();

    public void Dispose()
    {
        client.Dispose();
        journal.Dispose();
        folder.Dispose();
    }

    [Theory]
    [InlineData("GET", "/version", null, 200)]
    [InlineData("GET", "/version", "nope", 200)]
    [InlineData("GET", Path + "/x", null, 401)]
    [InlineData("GET", Path + "/x", "nope", 401)]
    [InlineData("GET", Path + "/x", "root", 200)]
    [InlineData("GET", Path + "/x", "user", 403)]
    [InlineData("GET", "/forgotten", null, 401)]
    [InlineData("GET", "/forgotten", "user", 403)]
    [InlineData("GET", "/forgotten", "root", 403)]
    [InlineData("GET", "/nowhere", null, 401)]
    [InlineData("GET", "/nowhere", "user", 404)]
    [InlineData("POST", "/version", null, 401)]
    [InlineData("POST", "/version", "root", 405)]
    [InlineData("OPTIONS", Path + "/x", "root", 405)]
    [InlineData("BREW", Path + "/x", "root", 405)]
    [InlineData("POST", Path + "/x", "user", 403)]
    [InlineData("HEAD", Path + "/x", "root", 200)]
    public async Task Nothing_is_open_that_no_route_opened(string method, string path, string? token, int code) =>
        Assert.Equal(code, (int)(await Send(method, path, token)).StatusCode);

    [Theory]
    [InlineData("Authorization", "Bearer root", 200)]
    [InlineData("Authorization", "bearer   root ", 200)]
    [InlineData("X-Auth-Token", "root", 200)]
    [InlineData("Authorization", "Basic root", 401)]
    [InlineData("Authorization", "Bearer", 401)]
    [InlineData("Authorization", "root", 401)]
    [InlineData("X-Auth-Token", "", 401)]
    public async Task A_credential_is_a_bearer_token_or_the_header_of_the_cloud(string header, string value, int code)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, Path + "/x");
        request.Headers.TryAddWithoutValidation(header, value);
        Assert.Equal(code, (int)(await client.SendAsync(request)).StatusCode);
    }

    [Theory]
    [InlineData("PATCH", Path + "/x", "pytorchjobs.kubeflow.org \\\"x\\\" is forbidden: User \\\"alice\\\" cannot patch resource \\\"pytorchjobs\\\" in API group \\\"kubeflow.org\\\" in the namespace \\\"ns\\\"")]
    [InlineData("GET", Path, "pytorchjobs.kubeflow.org is forbidden: User \\\"alice\\\" cannot list resource")]
    [InlineData("GET", Path + "?watch=true", "cannot watch resource")]
    [InlineData("GET", Path + "?watch=0", "cannot list resource")]
    [InlineData("DELETE", Path, "cannot deletecollection resource")]
    [InlineData("PATCH", Path + "/x/status", "cannot patch resource \\\"pytorchjobs/status\\\"")]
    [InlineData("GET", "/apis/kubeflow.org/v1/pytorchjobs", "cannot list resource \\\"pytorchjobs\\\" in API group \\\"kubeflow.org\\\" at the cluster scope")]
    [InlineData("GET", "/metrics", "forbidden: User \\\"alice\\\" cannot get path \\\"/metrics\\\"")]
    public async Task A_refusal_names_what_was_wanted(string method, string path, string text)
    {
        HttpResponseMessage response = await Send(method, path, "user");
        Assert.Equal(HttpStatusCode.Forbidden, response.StatusCode);
        Assert.Contains(text, await response.Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_unknown_path_is_what_Go_says_and_no_Status()
    {
        HttpResponseMessage response = await Send("GET", "/nowhere", "root");
        Assert.Equal(
            ("404 page not found\n", "text/plain"),
            (await response.Content.ReadAsStringAsync(), response.Content.Headers.ContentType?.MediaType));
    }

    [Theory]
    [InlineData("POST", Path + "/x", "create is not supported on resources of kind \\\"pytorchjobs.kubeflow.org\\\"")]
    [InlineData("PUT", Path, "update is not supported")]
    [InlineData("POST", "/version", "the server does not allow this method on the requested resource")]
    public async Task A_method_nobody_serves_is_405_as_a_Status(string method, string path, string text) =>
        Assert.Contains(text, await (await Send(method, path, "root")).Content.ReadAsStringAsync(), StringComparison.Ordinal);

    [Fact]
    public async Task A_fault_is_logged_once_and_shows_only_an_id()
    {
        HttpResponseMessage response = await Send("GET", "/faulty", "root");
        string body = await response.Content.ReadAsStringAsync();
        Assert.Equal(HttpStatusCode.InternalServerError, response.StatusCode);
        Assert.DoesNotContain("secret", body, StringComparison.Ordinal);
        Assert.Equal("a1", response.Headers.GetValues("Audit-Id").Single());
        string line = Assert.Single(journal.Errors);
        string id = line.Split(' ')[1];
        Assert.Contains(id, body, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_fault_in_the_middle_of_an_answer_breaks_the_connection() =>
        await Assert.ThrowsAnyAsync<Exception>(async () => await (await Send("GET", "/half", "root")).Content.ReadAsStringAsync());

    [Theory]
    [InlineData("Transfer-Encoding: chunked\r\n\r\nzz\r\n", "HTTP/1.1 400")]
    [InlineData("Content-Length: 3145729\r\n\r\n", "HTTP/1.1 413")]
    [InlineData("Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n", "HTTP/1.1 200")]
    public async Task A_body_that_is_broken_or_too_large_is_answered(string rest, string answer)
    {
        using var socket = new TcpClient();
        await socket.ConnectAsync(IPAddress.Loopback, new Uri(Address).Port);
        await using NetworkStream stream = socket.GetStream();
        await stream.WriteAsync(Encoding.ASCII.GetBytes($"PATCH {Path}/x HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer root\r\n{rest}"));
        var buffer = new byte[answer.Length];
        await stream.ReadExactlyAsync(buffer);
        Assert.Equal(answer, Encoding.ASCII.GetString(buffer));
        Assert.Empty(journal.Errors);
    }

    [Fact]
    public async Task A_client_that_leaves_in_the_middle_of_its_body_is_no_fault()
    {
        using (var socket = new TcpClient())
        {
            await socket.ConnectAsync(IPAddress.Loopback, new Uri(Address).Port);
            await socket.GetStream().WriteAsync(Encoding.ASCII.GetBytes(
                $"PATCH {Path}/x HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer root\r\nContent-Length: 9\r\n\r\n{{"));
            socket.LingerState = new LingerOption(true, 0);
        }

        await app.StopAsync();
        Assert.Empty(journal.Errors);
    }

    private string Address => app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Single();

    private void Map()
    {
        var jobs = new RequiresAccess("kubeflow.org", "pytorchjobs");
        const string one = "/apis/kubeflow.org/v1/namespaces/{namespace}/pytorchjobs/{name}";
        const string all = "/apis/kubeflow.org/v1/namespaces/{namespace}/pytorchjobs";
        app.MapMethods(one, ["GET", "HEAD"], () => "job").WithMetadata(jobs);
        app.MapPatch(one, (Delegate)Patch).WithMetadata(jobs);
        app.MapPatch(one + "/status", (Delegate)Patch).WithMetadata(jobs with { Subresource = "status" });
        app.MapGet(all, () => "jobs").WithMetadata(jobs);
        app.MapDelete(all, () => "gone").WithMetadata(jobs);
        app.MapGet("/apis/kubeflow.org/v1/pytorchjobs", () => "jobs").WithMetadata(jobs);
        foreach (string path in (string[])[one, all])
            Fallback.MapOtherMethods(app, path, PyTorchJobs).WithMetadata(jobs);
        app.MapGet("/version", () => "1").WithMetadata(RequiresAccess.ByPath);
        app.MapGet("/metrics", () => "1").WithMetadata(RequiresAccess.ByPath);
        app.MapGet("/forgotten", () => "open?");
        app.MapGet("/faulty", Fail).WithMetadata(RequiresAccess.ByPath);
        app.MapGet("/half", FailInTheMiddle).WithMetadata(RequiresAccess.ByPath);
    }

    private static async Task<IResult> Patch(HttpContext context) =>
        (await RequestBody.Read(context.Request, RequestBody.BytesMax)).Refusal is { } refusal ? refusal : Results.Text("patched");

    private static void Fail(HttpContext context)
    {
        context.Response.Headers["Audit-Id"] = "a1";
        throw new InvalidOperationException("secret");
    }

    private static async Task FailInTheMiddle(HttpContext context)
    {
        await context.Response.WriteAsync("half");
        await context.Response.Body.FlushAsync();
        throw new InvalidOperationException("secret");
    }

    private async Task<HttpResponseMessage> Send(string method, string path, string? token)
    {
        using var request = new HttpRequestMessage(new HttpMethod(method), path);
        if (token is not null)
            request.Headers.Add("Authorization", "Bearer " + token);
        return await client.SendAsync(request);
    }
}
