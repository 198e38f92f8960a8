using System.IO.Compression;
using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Text;
using System.Text.Json.Nodes;
using EventStore.Server.Tests.Fixtures;

namespace EventStore.Server.Tests.Jobs;

/// <summary>What a hostile or a sloppy client sends is answered with a refusal that says why, and changes nothing.</summary>
[Trait("Category", "Slow")]
public sealed class Hostile_requests(ServedDatabase served) : IClassFixture<ServedDatabase>
{
    private HttpClient Admin => served.Server.Admin;

    [Theory]
    [InlineData(62)]
    [InlineData(97)] // the deepest that is let in: the object, its spec, and below
    public async Task What_is_nested_as_deep_as_allowed_goes_through_every_verb(int depth)
    {
        string name = $"deep-{depth}", nested = string.Concat(Enumerable.Repeat("{\"a\":", depth)) + "1" + new string('}', depth);
        using HttpResponseMessage create = await Admin.PostAsync(
            Sample.Jobs(), Sample.Body(Sample.Manifest(name, spec: ",\"elasticPolicy\":" + nested)));
        string created = await create.Content.ReadAsStringAsync();
        Assert.Contains(nested, created, StringComparison.Ordinal);
        Assert.Equal(created, await Admin.GetStringAsync(Sample.Job(name)));

        Assert.Equal(200, (int)(await Admin.Patch(Sample.Job(name), """{"metadata":{"labels":{"x":"1"}}}""")).StatusCode);
        Assert.Equal(200, (int)(await Admin.Patch(Sample.Job(name) + "/status", "{\"status\":" + nested + "}")).StatusCode);
        string history = await Admin.GetStringAsync(
            $"/apis/audit.eventstore.io/v1/namespaces/kube-test/pytorchjobrevisions?labelSelector=job={name}");
        Assert.Contains("\"path\":\"status.a.a.", history, StringComparison.Ordinal);
        Assert.Equal(200, (int)(await Admin.DeleteAsync(Sample.Job(name))).StatusCode);
    }

    public static TheoryData<byte[], string> Bodies => new()
    {
        { [0xEF, 0xBB, 0xBF, (byte)'{', (byte)'}'], "error decoding patch: invalid character 'ï' looking for beginning of value" },
        { Gzip("{}"), "error decoding patch: invalid character '\\x1f' looking for beginning of value" },
        { [.. "{\"metadata\":{\"annotations\":{\"a\":\""u8, 0xFF, .. "\"}}}"u8],
            "error decoding patch: metadata.annotations.a: the text is not valid Unicode" },
        { [.. "{\"metadata\":{\"annotations\":{\""u8, 0xFF, .. "\":\"a\"}}}"u8],
            "error decoding patch: metadata.annotations: the text is not valid Unicode" },
        { "{\"metadata\":{\"annotations\":{\"\\udc00\":\"a\"}}}"u8.ToArray(),
            "error decoding patch: metadata.annotations: the text is not valid Unicode" },
        { "{\"a\":NaN}"u8.ToArray(), "error decoding patch: invalid character 'N' looking for beginning of value" },
        { Encoding.UTF8.GetBytes(string.Concat(Enumerable.Repeat("{\"a\":", 10_001)) + "1" + new string('}', 10_001)),
            "error decoding patch: exceeded max depth: objects and arrays may be nested 100 levels deep" },
    };

    [Theory]
    [MemberData(nameof(Bodies))]
    public async Task Bytes_that_are_no_JSON_are_refused(byte[] body, string message)
    {
        await CreateOnce("bytes");
        using var request = new HttpRequestMessage(HttpMethod.Patch, Sample.Job("bytes")) { Content = new ByteArrayContent(body) };
        request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/merge-patch+json");
        Assert.Equal(message, (string)(await (await Admin.SendAsync(request)).Manifest(400))["message"]!);
    }

    [Theory]
    [InlineData("100,000 wrong labels", 422)]
    [InlineData("100,000 unknown fields", 400)]
    [InlineData("a label's key of a megabyte", 422)]
    [InlineData("an annotation of two megabytes", 422)]
    [InlineData("a finalizer of a megabyte", 400)]
    public async Task What_is_huge_is_refused_in_time_and_briefly(string what, int code)
    {
        await CreateOnce("huge");
        (string before, string middle, string after) = what switch
        {
            "100,000 wrong labels" => ("""{"metadata":{"labels":{""", Members(i => $"\"k !{i}\":\"v\""), "}}}"),
            "100,000 unknown fields" => ("""{"spec":{""", Members(i => $"\"k{i}\":1"), "}}"),
            "a label's key of a megabyte" => ("""{"metadata":{"labels":{"x""", new string('k', 1 << 20), "\":\"v\"}}}"),
            "an annotation of two megabytes" => ("""{"metadata":{"annotations":{"a":"x""", new string('k', 2 << 20), "\"}}}"),
            _ => ("""{"metadata":{"finalizers":["x""", new string('k', 1 << 20), "\"]}}"),
        };
        string body = before + middle + after;
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        using var request =
            new HttpRequestMessage(HttpMethod.Patch, Sample.Job("huge")) { Content = Sample.Body(body, "application/merge-patch+json") };
        JsonNode status = await (await Admin.SendAsync(request, patience.Token)).Manifest(code);
        Assert.InRange(status["details"]!["causes"]!.AsArray().Count, 1, 100);
        Assert.Equal(1, await served.Events("huge"));

        static string Members(Func<int, string> member) => string.Join(',', Enumerable.Range(0, 100_000).Select(member));
    }

    [Fact]
    public async Task Warnings_leave_room_for_clients_that_take_a_hundred_headers()
    {
        string fields = string.Concat(Enumerable.Range(0, 1000).Select(i => $",\"unknown{i}\":1"));
        using HttpResponseMessage answer = await Admin.PostAsync(
            Sample.Jobs() + "?dryRun=All", Sample.Body(Sample.Manifest("warned", spec: fields)));
        await answer.Manifest(201);
        Assert.InRange(answer.Headers.GetValues("Warning").Count(), 32, 64);
    }

    [Theory]
    [InlineData("""{"apiVersion":"kubeflow.org/v1","kind":"PyTorchJob","metadata":null}""", 422, "metadata.name")]
    [InlineData("""{"apiVersion":"kubeflow.org/v1","kind":"PyTorchJob"}""", 422, "metadata.name")]
    [InlineData("""{"apiVersion":"kubeflow.org/v1","kind":"PyTorchJob","metadata":{"name":"a.b"}}""", 422, "metadata.name")]
    [InlineData("""{"apiVersion":"kubeflow.org/v1","kind":"PyTorchJob","metadata":{"generateName":"a.b-"}}""", 422, "metadata.generateName")]
    [InlineData("""{"apiVersion":"kubeflow.org/v1","kind":"PyTorchJob","metadata":{"name":"a","finalizers":["x y"]}}""", 422, "metadata.finalizers")]
    [InlineData("""{"apiVersion":"kubeflow.org/v1","kind":"PyTorchJob","metadata":[]}""", 400, null)]
    [InlineData("""{"apiVersion":"kubeflow.org/v1","kind":"PyTorchJob","metadata":{"name":5}}""", 400, null)]
    [InlineData("""{"apiVersion":"kubeflow.org/v1","kind":"PyTorchJob","metadata":{"name":"a","resourceVersion":"5"}}""", 400, null)]
    [InlineData("""{"apiVersion":"kubeflow.org/v1","kind":"PyTorchJob","metadata":{"name":"a","namespace":"other"}}""", 400, null)]
    [InlineData("""{"apiVersion":"kubeflow.org/v2","kind":"PyTorchJob","metadata":{"name":"a"}}""", 400, null)]
    [InlineData("""{"kind":"PyTorchJob","metadata":{"name":"a"}}""", 400, null)]
    [InlineData("""[]""", 400, null)]
    [InlineData("", 400, null)]
    public async Task An_object_that_cannot_be_a_job_is_refused(string body, int code, string? field)
    {
        using HttpResponseMessage answer = await Admin.PostAsync(Sample.Jobs(), Sample.Body(body));
        JsonNode status = await answer.Manifest(code);
        if (field is not null)
            Assert.Contains(status["details"]!["causes"]!.AsArray(), cause => (string)cause!["field"]! == field);
    }

    [Theory]
    [InlineData("", "nope", 400)]
    [InlineData("", "[]", 400)]
    [InlineData("", """{"kind":"Pod","apiVersion":"v1"}""", 400)]
    [InlineData("", """{"gracePeriodSeconds":"5"}""", 400)]
    [InlineData("", """{"preconditions":[]}""", 400)]
    [InlineData("", """{"dryRun":"All"}""", 400)]
    [InlineData("", """{"dryRun":["x"]}""", 422)]
    [InlineData("", """{"propagationPolicy":"x"}""", 422)]
    [InlineData("", """{"propagationPolicy":"Orphan","orphanDependents":true}""", 422)]
    [InlineData("", """{"preconditions":{"uid":""}}""", 409)]
    [InlineData("", """{"preconditions":{"resourceVersion":"abc"}}""", 409)]
    [InlineData("?gracePeriodSeconds=-1", null, 422)]
    [InlineData("?gracePeriodSeconds=x", null, 400)]
    [InlineData("?dryRun=All&dryRun=x", null, 422)]
    [InlineData("?propagationPolicy=", null, 422)]
    public async Task Wrong_options_delete_nothing(string query, string? body, int code)
    {
        await CreateOnce("undeleted");
        using var request = new HttpRequestMessage(HttpMethod.Delete, Sample.Job("undeleted") + query)
        {
            Content = body is null ? null : Sample.Body(body),
        };
        await (await Admin.SendAsync(request)).Manifest(code);
        Assert.Equal(1, await served.Events("undeleted"));
    }

    [Theory]
    [InlineData("Authorization", "")]
    [InlineData("Authorization", "Bearer")]
    [InlineData("Authorization", ServerProcess.AdminToken)]
    [InlineData("Authorization", "Basic " + ServerProcess.AdminToken)]
    [InlineData("Authorization", "Bearer " + ServerProcess.AdminToken + ", Bearer " + ServerProcess.AdminToken)]
    [InlineData("X-Auth-Token", "")]
    [InlineData("X-Auth-Token", "Bearer " + ServerProcess.AdminToken)]
    public async Task A_credential_in_another_form_is_none(string header, string value)
    {
        using var nobody = new HttpClient { BaseAddress = served.Server.Url };
        using var request = new HttpRequestMessage(HttpMethod.Get, Sample.Jobs());
        request.Headers.TryAddWithoutValidation(header, value);
        Assert.Equal("Unauthorized", (string)(await (await nobody.SendAsync(request)).Manifest(401))["message"]!);
    }

    [Theory]
    [InlineData("Transfer-Encoding: chunked", "zz\r\n", 400)]
    [InlineData("Content-Length: 3145729", "", 413)]
    [InlineData("Content-Length: 40", "{}", 408)]
    [InlineData("Transfer-Encoding: chunked", "2\r\n{}\r\n0\r\n\r\n", 200)]
    public async Task A_body_that_is_framed_badly_is_refused(string header, string body, int code)
    {
        await CreateOnce("framed");
        using var client = new TcpClient();
        await client.ConnectAsync(served.Server.Url.Host, served.Server.Url.Port);
        await client.GetStream().WriteAsync(Encoding.ASCII.GetBytes(
            $"PATCH {Sample.Job("framed")} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer {ServerProcess.AdminToken}\r\n"
            + $"Content-Type: application/merge-patch+json\r\n{header}\r\n\r\n{body}"));
        using var patience = new CancellationTokenSource(Eventually.Deadline);
        using var reader = new StreamReader(client.GetStream());
        Assert.StartsWith($"HTTP/1.1 {code} ", await reader.ReadLineAsync(patience.Token), StringComparison.Ordinal);
        while (await reader.ReadLineAsync(patience.Token) is { Length: > 0 })
        {
            // the rest of the headers
        }

        // Not to the end: a server that refuses a body unread resets the connection.
        char[] start = new char[60];
        int length = await reader.ReadBlockAsync(start, patience.Token);
        Assert.Contains(
            code == 200 ? "\"kind\":\"PyTorchJob\"" : "\"kind\":\"Status\"", new string(start, 0, length), StringComparison.Ordinal);
    }

    private static byte[] Gzip(string text)
    {
        using var buffer = new MemoryStream();
        using (var gzip = new GZipStream(buffer, CompressionLevel.Fastest))
            gzip.Write(Encoding.UTF8.GetBytes(text));
        return buffer.ToArray();
    }

    private async Task CreateOnce(string name)
    {
        using HttpResponseMessage there = await Admin.GetAsync(Sample.Job(name));
        if (there.StatusCode == System.Net.HttpStatusCode.NotFound)
            await Admin.Create(name);
    }
}
