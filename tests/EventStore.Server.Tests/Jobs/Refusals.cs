using System.Net.Http.Headers;
using System.Text.Json.Nodes;
using EventStore.Server.Tests.Fixtures;

namespace EventStore.Server.Tests.Jobs;

/// <summary>Every refusal is a Status, and of several things wrong the one upstream looks at first is named.</summary>
public sealed class Refusals(ServedDatabase served) : IClassFixture<ServedDatabase>
{
    private const string Merge = "application/merge-patch+json";

    [Theory]
    // Each row is wrong in what it says and in everything the rows below it say.
    [InlineData("nobody", "PATCH", "absent", "text/plain", "text/html", "?dryRun=x", "not json", 401, "Unauthorized")]
    [InlineData("alice", "PATCH", "absent", "text/plain", "text/html", "?dryRun=x", "not json", 403, "Forbidden")]
    [InlineData("admin", "PATCH", "absent", "text/plain", "text/html", "?dryRun=x", "not json", 415, "UnsupportedMediaType")]
    [InlineData("admin", "PATCH", "absent", Merge, "text/html", "?dryRun=x", "not json", 406, "NotAcceptable")]
    [InlineData("admin", "PATCH", "absent", Merge, "application/json", "?dryRun=x", "not json", 422, "Invalid")]
    [InlineData("admin", "PATCH", "absent", Merge, "application/json", "", "not json", 404, "NotFound")]
    [InlineData("admin", "PATCH", "present", Merge, "application/json", "", "not json", 400, "BadRequest")]
    [InlineData("admin", "PATCH", "present", Merge, "application/json", "", """{"metadata":{"name":"other","resourceVersion":"1"},"spec":{"backoffLimit":1,"cleanPodPolicy":"X"}}""", 400, "BadRequest")]
    [InlineData("admin", "PATCH", "present", Merge, "application/json", "", """{"metadata":{"resourceVersion":"1"},"spec":{"backoffLimit":1,"cleanPodPolicy":"X"}}""", 409, "Conflict")]
    [InlineData("admin", "PATCH", "present", Merge, "application/json", "", """{"spec":{"backoffLimit":1,"cleanPodPolicy":"X"}}""", 400, "BadRequest")]
    [InlineData("admin", "PATCH", "present", Merge, "application/json", "", """{"spec":{"cleanPodPolicy":"X"}}""", 422, "Invalid")]
    public async Task Come_in_upstreams_order(
        string who, string method, string name, string contentType, string accept, string query, string body, int code, string reason)
    {
        if (name == "present"
            && (await served.Server.Admin.GetAsync(Sample.Job("present"))).StatusCode == System.Net.HttpStatusCode.NotFound)
            await served.Server.Admin.Create("present");
        JsonNode status = await Send(who, method, Sample.Job(name) + query, body, contentType, accept, code);

        Assert.Equal(
            ("Status", "Failure", reason, code),
            ((string)status["kind"]!, (string)status["status"]!, (string)status["reason"]!, (int)status["code"]!));
    }

    [Theory]
    [InlineData("[]", "error decoding patch: json: cannot unmarshal array into Go value of type map[string]interface {}")]
    [InlineData("null", "Invalid JSON Patch")]
    [InlineData("", "error decoding patch: unexpected end of JSON input")]
    [InlineData("{\"a\":1}{\"b\":2}", "error decoding patch: invalid character '{' after top-level value")]
    [InlineData("{\"metadata\":{\"annotations\":{\"a\":\"x\\ud800y\"}}}", "error decoding patch: metadata.annotations.a: the text is not valid Unicode")]
    public async Task Say_what_is_wrong_with_a_body(string body, string message)
    {
        if ((await served.Server.Admin.GetAsync(Sample.Job("bodies"))).StatusCode == System.Net.HttpStatusCode.NotFound)
            await served.Server.Admin.Create("bodies");
        JsonNode status = await Send("admin", "PATCH", Sample.Job("bodies"), body, Merge, "application/json", 400);
        Assert.Equal(message, (string)status["message"]!);
    }

    [Theory]
    [InlineData("""{"metadata":{"annotations":{"a":"\u0000"}}}""", 422)]
    [InlineData("""{"spec":{"ttlSecondsAfterFinished":1e100000}}""", 422)]
    [InlineData("""{"metadata":{"resourceVersion":"abc"}}""", 400)]
    [InlineData("""{"metadata":{"resourceVersion":null}}""", 422)]
    [InlineData("""{"metadata":{"resourceVersion":"0"}}""", 422)]
    [InlineData("""{"metadata":{"uid":"c6e548f1-adfe-11e9-ba3a-b44326d0c915"}}""", 422)]
    [InlineData("""{"metadata":{"namespace":"other"}}""", 400)]
    [InlineData("""{"metadata":{"labels":{"a":1}}}""", 422)]
    public async Task Leave_the_job_as_it_was(string body, int code)
    {
        string name = "left-" + Guid.NewGuid().ToString("N")[..8];
        JsonNode created = await served.Server.Admin.Create(name);
        await Send("admin", "PATCH", Sample.Job(name), body, Merge, "application/json", code);
        Assert.Equal(created.ToJsonString(), (await served.Server.Admin.Get(Sample.Job(name))).ToJsonString());
    }

    [Fact]
    public async Task Stop_a_body_over_three_MiB_and_let_one_of_three_MiB_in()
    {
        await served.Server.Admin.Create("big");
        JsonNode tooLarge = await Send(
            "admin", "PATCH", Sample.Job("big"), new string(' ', 3 * 1024 * 1024) + "{", Merge, "application/json", 413);
        Assert.Equal("Request entity too large: limit is 3145728", (string)tooLarge["message"]!);
        await Send("admin", "PATCH", Sample.Job("big"), "{}" + new string(' ', (3 * 1024 * 1024) - 2), Merge, "application/json", 200);
    }

    [Theory]
    [InlineData(99, 200)]
    [InlineData(101, 400)]
    public async Task Stop_what_is_nested_too_deep(int depth, int code)
    {
        string name = "deep-" + Guid.NewGuid().ToString("N")[..8];
        await served.Server.Admin.Create(name);
        string nested = string.Concat(Enumerable.Repeat("{\"a\":", depth)) + "{}" + new string('}', depth);
        // Objects without a value in them are no change.
        await Send("admin", "PATCH", Sample.Job(name), nested, Merge, "application/json", code);
    }

    [Theory]
    [InlineData("OPTIONS", "", 405)]
    [InlineData("POST", "", 405)]
    [InlineData("POST", "/status", 405)]
    [InlineData("DELETE", "/status", 405)]
    [InlineData("GET", "/scale", 404)]
    [InlineData("PATCH", "/nope", 404)]
    public async Task Tell_a_verb_there_is_not_from_a_path_there_is_not(string method, string subpath, int code) =>
        await Send("admin", method, Sample.Job("whatever") + subpath, "{}", Merge, "application/json", code);

    [Fact]
    public async Task Of_an_unknown_path_are_no_Status_and_need_a_credential()
    {
        using HttpResponseMessage known = await served.Server.Admin.GetAsync("/no/such/path");
        Assert.Equal((404, "404 page not found\n"), ((int)known.StatusCode, await known.Content.ReadAsStringAsync()));
        await Send("nobody", "GET", "/no/such/path", null, Merge, "application/json", 401);
    }

    [Fact]
    public async Task Take_X_Auth_Token_for_a_credential_and_bearer_in_any_case()
    {
        using var client = new HttpClient { BaseAddress = served.Server.Url };
        using var token = new HttpRequestMessage(HttpMethod.Get, Sample.Jobs());
        token.Headers.Add("X-Auth-Token", ServerProcess.AdminToken);
        Assert.Equal(200, (int)(await client.SendAsync(token)).StatusCode);
        using var lower = new HttpRequestMessage(HttpMethod.Get, Sample.Jobs());
        lower.Headers.TryAddWithoutValidation("Authorization", "bearer " + ServerProcess.AdminToken);
        Assert.Equal(200, (int)(await client.SendAsync(lower)).StatusCode);
    }

    [Fact]
    public async Task Name_every_violation_of_a_new_job_at_once()
    {
        const string manifest = """
            {"apiVersion":"kubeflow.org/v1","kind":"PyTorchJob","metadata":{"name":"Bad_Name","labels":{"a":"not valid!"}},
             "spec":{"cleanPodPolicy":"X","activeDeadlineSeconds":0,"pytorchReplicaSpecs":{"Master":{"replicas":2,"restartPolicy":"Sometimes","template":{"spec":{"containers":[{"name":"x"}]}}},"Chief":null}}}
            """;
        JsonNode status = await Send("admin", "POST", Sample.Jobs(), manifest, "application/json", "application/json", 422);
        string[] fields = [.. status["details"]!["causes"]!.AsArray().Select(cause => (string)cause!["field"]!)];
        foreach (string field in (string[])["metadata.name", "metadata.labels", "spec.cleanPodPolicy", "spec.activeDeadlineSeconds",
            "spec.pytorchReplicaSpecs",
                     "spec.pytorchReplicaSpecs.Master.replicas", "spec.pytorchReplicaSpecs.Master.restartPolicy",
                     "spec.pytorchReplicaSpecs.Master.template.spec.containers",
                     "spec.pytorchReplicaSpecs.Master.template.spec.containers[0].image"])
            Assert.Contains(field, fields);
    }

    private async Task<JsonNode> Send(string who, string method, string path, string? body, string contentType, string accept, int code)
    {
        using var client = new HttpClient { BaseAddress = served.Server.Url };
        using var request = new HttpRequestMessage(new HttpMethod(method), path);
        if (who != "nobody")
            request.Headers.Authorization = new AuthenticationHeaderValue(
                "Bearer", who == "admin" ? ServerProcess.AdminToken : ServerProcess.AliceToken);
        request.Headers.TryAddWithoutValidation("Accept", accept);
        if (body is not null)
            request.Content = Sample.Body(body, contentType);
        using HttpResponseMessage answer = await client.SendAsync(request);
        return await answer.Manifest(code);
    }
}
