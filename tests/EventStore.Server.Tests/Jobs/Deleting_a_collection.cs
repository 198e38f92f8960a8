using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using EventStore.Server.Tests.Fixtures;
using Npgsql;

namespace EventStore.Server.Tests.Jobs;

[Trait("Category", "Slow")]
public sealed class Deleting_a_collection : IAsyncLifetime
{
    private TestDatabase database = null!;
    private ServerProcess server = null!;

    public async Task InitializeAsync()
    {
        database = await TestDatabase.Create();
        server = await ServerProcess.Start(database.Serving);
        foreach ((string name, string team) in ((string, string)[])[("a", "ml"), ("b", "ops"), ("c", "ml")])
        {
            string finalizers = name == "c" ? ",\"finalizers\":[\"example.com/hold\"]" : "";
            using HttpResponseMessage answer = await server.Admin.PostAsync(
                Sample.Jobs(), Sample.Body(Sample.Manifest(name, $$"""{"team":"{{team}}"}""", finalizers)));
            await answer.Manifest(201);
        }

        await server.Admin.Create("a", "elsewhere");
    }

    public async Task DisposeAsync()
    {
        await server.DisposeAsync();
        await database.DisposeAsync();
    }

    [Fact]
    public async Task Takes_all_of_a_namespace_but_what_finalizers_hold()
    {
        JsonNode list = await Delete("");
        Assert.Equal("PyTorchJobList", (string)list["kind"]!);
        Assert.Equal(["a", "b", "c"], Names(list));
        JsonNode held = list["items"]![2]!;
        Assert.NotNull(held["metadata"]!["deletionTimestamp"]);
        Assert.Equal((await server.Admin.Get(Sample.Job("c"))).ToJsonString(), held.ToJsonString());
        Assert.Equal(["c"], await Left());
        Assert.Single((await server.Admin.Get(Sample.Jobs("elsewhere")))["items"]!.AsArray());
        Assert.Equal(2, await database.Ask<long>("SELECT count(*) FROM eventstore.mt_events WHERE type = 'job_deleted'"));

        // Once more changes nothing: it is being deleted already.
        Assert.Equal(["c"], Names(await Delete("")));
        Assert.Equal(1, await database.Ask<long>("SELECT count(*) FROM eventstore.mt_events WHERE type = 'job_deletion_requested'"));
    }

    [Theory]
    [InlineData("labelSelector=team%3Dops", new[] { "b" }, new[] { "a", "c" })]
    [InlineData("fieldSelector=metadata.name%3Da", new[] { "a" }, new[] { "b", "c" })]
    [InlineData("labelSelector=team%3Dnobody", new string[0], new[] { "a", "b", "c" })]
    [InlineData("limit=1", new[] { "a" }, new[] { "b", "c" })]
    [InlineData("limit=2&labelSelector=team%3Dml", new[] { "a", "c" }, new[] { "b", "c" })]
    [InlineData("dryRun=All", new[] { "a", "b", "c" }, new[] { "a", "b", "c" })]
    public async Task Takes_what_is_selected(string query, string[] deleted, string[] left)
    {
        Assert.Equal(deleted, Names(await Delete(query)));
        Assert.Equal(left, await Left());
    }

    [Fact]
    public async Task Of_many_jobs_shares_commits_and_answers_in_the_order_of_names()
    {
        const int Jobs = 600;
        await Task.WhenAll(Enumerable.Range(0, Jobs).Select(i => server.Admin.Create($"job-{i:000}", "many")));

        using HttpResponseMessage answer = await server.Admin.DeleteAsync(Sample.Jobs("many"));

        Assert.Equal(Enumerable.Range(0, Jobs).Select(i => $"job-{i:000}"), Names(await answer.Manifest()));
        Assert.Empty(Names(await server.Admin.Get(Sample.Jobs("many"))));
        Assert.Equal(Jobs, await database.Ask<long>("SELECT count(*) FROM eventstore.mt_events WHERE type = 'job_deleted'"));
        Assert.InRange(
            await database.Ask<long>("SELECT count(DISTINCT timestamp) FROM eventstore.mt_events WHERE type = 'job_deleted'"), 1,
            Jobs / 10);
    }

    [Fact]
    public async Task May_take_longer_than_another_request_may()
    {
        await using ServerProcess hasty = await ServerProcess.Start(database.Serving, "--Limits:RequestTime", "00:00:05");
        Task<HttpResponseMessage> deleting;
        await using (CommitLock held = await CommitLock.Hold(database))
        {
            deleting = hasty.Admin.DeleteAsync(Sample.Jobs("elsewhere"));
            await held.WaitForWaiting(1);
            using HttpResponseMessage late = await hasty.Admin.PostAsync(Sample.Jobs("elsewhere"), Sample.Body(Sample.Manifest("late")));
            Assert.Equal(504, (int)late.StatusCode); // it came later, and its time is up
        }

        using HttpResponseMessage answer = await deleting;
        Assert.Equal(["a"], Names(await answer.Manifest()));
    }

    [Fact]
    public async Task Is_refused_where_the_queue_stays_full_for_as_long_as_a_request_may_take()
    {
        await using ServerProcess hasty = await ServerProcess.Start(
            database.Serving, "--Limits:RequestTime", "00:00:02", "--Lane:QueueLength", "1");
        foreach (string space in (string[])["first", "second", "third"])
            await server.Admin.Create("a", space);
        Task<HttpResponseMessage> first, second;
        await using (CommitLock held = await CommitLock.Hold(database))
        {
            first = hasty.Admin.DeleteAsync(Sample.Jobs("first"));
            await held.WaitForWaiting(1);
            second = hasty.Admin.DeleteAsync(Sample.Jobs("second"));
            await Eventually.Holds(
                async () => Regex.IsMatch(
                    await hasty.Admin.GetStringAsync("/metrics"), """^eventstore_queue_length\{[^}]*\} 1$""", RegexOptions.Multiline),
                "the second one waits in the queue");
            using HttpResponseMessage third = await hasty.Admin.DeleteAsync(Sample.Jobs("third"));
            Assert.Equal(429, (int)third.StatusCode);
        }

        foreach (Task<HttpResponseMessage> deleting in (Task<HttpResponseMessage>[])[first, second])
        {
            using HttpResponseMessage answer = await deleting;
            Assert.Equal(["a"], Names(await answer.Manifest()));
        }

        Assert.Equal(["a"], Names(await server.Admin.Get(Sample.Jobs("third"))));
    }

    [Fact]
    public async Task Is_not_waited_for_where_the_jobs_cannot_be_listed_nor_is_a_rollback_of_many()
    {
        await using ServerProcess hasty = await ServerProcess.Start(database.Serving, "--Limits:RequestTime", "00:00:05");
        await using NpgsqlConnection owner = await database.OwnerSource.OpenConnectionAsync();
        await using NpgsqlTransaction holding = await owner.BeginTransactionAsync();
        await using (var held = new NpgsqlCommand("LOCK TABLE eventstore.mt_doc_current_job IN ACCESS EXCLUSIVE MODE", owner))
            await held.ExecuteNonQueryAsync();

        Task<HttpResponseMessage> deleting = hasty.Admin.DeleteAsync(Sample.Jobs("elsewhere"));
        using HttpResponseMessage rolled = await hasty.Admin.PostAsync(
            Sample.Jobs("elsewhere") + "/rollback", Sample.Body("""{"revision":2}"""));
        using HttpResponseMessage deleted = await deleting;
        Assert.Equal((504, 504), ((int)rolled.StatusCode, (int)deleted.StatusCode));
    }

    [Fact]
    public async Task Of_much_is_answered_in_pieces_while_it_goes_on()
    {
        const int Jobs = 48;
        string filler = new('x', 1_000_000);
        for (int i = 0; i < Jobs; i++)
        {
            using HttpResponseMessage made = await server.Admin.PostAsync(
                Sample.Jobs("much"), Sample.Body(
                    Sample.Manifest($"job-{i:00}").Replace("/var/mnist.py", filler, StringComparison.Ordinal)));
            Assert.Equal(201, (int)made.StatusCode);
        }

        using var request = new HttpRequestMessage(HttpMethod.Delete, Sample.Jobs("much"));
        using HttpResponseMessage answer = await server.Admin.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);

        // Nobody reads yet, so no more is deleted than fits between client and server.
        Assert.NotEmpty(Names(await server.Admin.Get(Sample.Jobs("much"))));
        Assert.Equal(Enumerable.Range(0, Jobs).Select(i => $"job-{i:00}"), Names(await answer.Manifest()));
        Assert.Empty(Names(await server.Admin.Get(Sample.Jobs("much"))));
    }

    private async Task<JsonNode> Delete(string query)
    {
        using HttpResponseMessage answer = await server.Admin.DeleteAsync($"{Sample.Jobs()}?{query}");
        return await answer.Manifest();
    }

    private async Task<string[]> Left() => Names(await server.Admin.Get(Sample.Jobs()));

    private static string[] Names(JsonNode list) => [.. list["items"]!.AsArray().Select(item => (string)item!["metadata"]!["name"]!)];
}
