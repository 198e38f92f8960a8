using System.Diagnostics;
using System.Net;
using System.Net.Http.Headers;
using System.Text.Json.Nodes;
using EventStore.Server.Tests.Fixtures;

namespace EventStore.Server.Tests.Telemetry;

/// <summary>What the log says of requests, and that a log nobody reads holds nobody up.</summary>
[Trait("Category", "Slow")]
public sealed class The_request_log : IAsyncLifetime
{
    private TestDatabase database = null!;

    public async Task InitializeAsync() => database = await TestDatabase.Create();

    public async Task DisposeAsync() => await database.DisposeAsync();

    [Fact]
    public async Task Tells_who_was_refused_and_not_of_what_went_well()
    {
        await using ServerProcess server = await ServerProcess.Start(database.Serving);
        using HttpClient alice = server.Client(ServerProcess.AliceToken);
        await server.Admin.Get(Sample.Jobs());
        await alice.DeleteAsync(Sample.Job("hers"));
        await alice.GetAsync("/metrics");
        await server.Admin.Create("written");
        await alice.DeleteAsync(Sample.Job("x%0A2026 forged%1B[31m"));

        string id = (await alice.GetAsync(Sample.Job("hers") + "/made%0Aup")).Headers.GetValues("Audit-Id").Single();

        await server.Says(id);
        Assert.Contains(
            "403 get pytorchjobs/made%0Aup kube-test hers by alice: ",
            server.Output.Split('\n').Single(line => line.Contains(id, StringComparison.Ordinal)), StringComparison.Ordinal);
        await server.Says("403 delete pytorchjobs kube-test x%0A2026%20forged%1B%5B31m by alice: ");
        Assert.Contains("403 delete pytorchjobs kube-test hers by alice: ", server.Output, StringComparison.Ordinal);
        Assert.Contains("403 get /metrics - - by alice: ", server.Output, StringComparison.Ordinal);
        Assert.Matches("(?m)^[0-9-]{10} [0-9:.]{12} info: Requests\\[37\\] 403 get /metrics", server.Output); // one line, with the time
        // On a busy machine one may have taken a second.
        Assert.DoesNotMatch(@"by admin: [0-9]+ bytes, [0-9]{1,3}\.[0-9] ms", server.Output);
    }

    [Fact]
    public async Task Tells_of_everything_in_JSON_to_who_asks_for_it()
    {
        await using ServerProcess server = await ServerProcess.Start(
            database.Serving, [("Logging__Console__FormatterName", "json")], "--Logging:LogLevel:Requests=Debug");
        await server.Admin.Create("listed");
        using HttpResponseMessage list = await server.Admin.GetAsync(Sample.Jobs());
        string text = await list.Content.ReadAsStringAsync();
        string id = list.Headers.GetValues("Audit-Id").Single();

        await server.Says(id);
        JsonNode line = JsonNode.Parse(server.Output.Split('\n').Single(line => line.Contains(id, StringComparison.Ordinal)))!;
        Assert.Equal("Requests", (string)line["Category"]!);
        Assert.Equal(
            (200, "list", "pytorchjobs", "kube-test", "admin", text.Length, id),
            ((int)line["State"]!["Status"]!, (string)line["State"]!["Verb"]!, (string)line["State"]!["Resource"]!,
                (string)line["State"]!["Namespace"]!,
             (string)line["State"]!["User"]!, (int)line["State"]!["Bytes"]!, (string)line["State"]!["RequestId"]!));
    }

    /// <summary>Somebody holds the terminal, or the log's collector is stuck: its pipe fills, and then the queue before it.</summary>
    [Fact]
    public async Task Holds_up_no_request_when_nobody_reads_it()
    {
        string tokens = Path.Combine(Path.GetTempPath(), $"tokens-{Guid.NewGuid():N}.csv");
        await File.WriteAllTextAsync(tokens, $"{ServerProcess.AdminToken},admin,admin-uid,\"system:masters\"\n");
        var start = new ProcessStartInfo("dotnet",
            [typeof(Program).Assembly.Location, "serve", "--urls", "http://127.0.0.1:0", "--token-auth-file", tokens, "--Logging:LogLevel:Requests=Debug"])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true, // and never read
        };
        start.Environment["ConnectionStrings__Postgres"] = database.Serving;
        using Process server = ChildProcess.Start(start);
        try
        {
            string serving = (await server.StandardOutput.ReadLineAsync().WaitAsync(Eventually.Deadline))!;
            using var client =
                new HttpClient { BaseAddress = new Uri(serving["Serving on".Length..].Trim()), Timeout = Eventually.Deadline };
            client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", ServerProcess.AdminToken);
            for (int i = 0; i < 4500; i++) // a pipe takes some hundred lines, the queue 2,500
            {
                using HttpResponseMessage answer = await client.GetAsync("/version");
                Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
            }
        }
        finally
        {
            server.Kill();
            await server.WaitForExitAsync();
            File.Delete(tokens);
        }
    }
}
