using System.Globalization;
using System.Net;
using System.Text.Json.Nodes;
using EventStore.Server.Store.Reads;
using EventStore.Server.Tests.Fixtures;

namespace EventStore.Server.Tests.Jobs;

/// <summary>Jobs and lists as of a moment.</summary>
public sealed class Jobs_as_of_a_time(ServedDatabase served) : IClassFixture<ServedDatabase>
{
    private HttpClient Admin => served.Server.Admin;

    [Fact]
    public async Task Stand_at_the_last_revision_of_the_moment_or_before()
    {
        const string space = "moments";
        await Admin.Create("a", space);
        await Admin.Create("b", space);
        await (await Admin.Patch(Sample.Job("a", space), """{"metadata":{"labels":{"app":"second"}}}""")).Manifest();
        await (await Admin.DeleteAsync(Sample.Job("a", space))).Manifest();
        await Admin.Create("a", space);
        List<(long Revision, DateTimeOffset Time)> events = await Events(space);
        foreach ((long revision, DateTimeOffset time) in events)
        {
            // At its very microsecond, and a tenth of one before it.
            foreach ((string moment, long expected) in ((string, long)[])[(Text(time), revision),
                (Text(time.AddTicks(-1)), await Before(revision, time))])
            {
                string exact = await Admin.GetStringAsync($"{Sample.Jobs(space)}?resourceVersion={expected}&resourceVersionMatch=Exact");
                Assert.Equal(exact, await Admin.GetStringAsync($"{Sample.Jobs(space)}?asOf={moment}"));
                using HttpResponseMessage then = await Admin.GetAsync($"{Sample.Job("a", space)}?asOf={moment}");
                using HttpResponseMessage at = await Admin.GetAsync(
                    $"{Sample.Job("a", space)}?resourceVersion={expected}&resourceVersionMatch=Exact");
                Assert.Equal(at.StatusCode, then.StatusCode);
                Assert.Equal(await at.Content.ReadAsStringAsync(), await then.Content.ReadAsStringAsync());
            }
        }

        using HttpResponseMessage deleted = await Admin.GetAsync($"{Sample.Job("a", space)}?asOf={Text(events[3].Time)}");
        Assert.Equal(HttpStatusCode.NotFound, deleted.StatusCode);
        Assert.Equal(
            (string)(await Admin.Get($"{Sample.Job("a", space)}?asOf={Text(events[4].Time)}"))["metadata"]!["uid"]!,
            (string)(await Admin.Get(Sample.Job("a", space)))["metadata"]!["uid"]!);
    }

    [Fact]
    public async Task Before_the_first_event_hold_nothing()
    {
        await Admin.Create("first", "before");
        JsonNode list = await Admin.Get("/apis/kubeflow.org/v1/pytorchjobs?asOf=2001-02-03T04:05:06Z");
        Assert.Equal(("1", 0), (list.Revision(), list["items"]!.AsArray().Count));
        using HttpResponseMessage one = await Admin.GetAsync($"{Sample.Job("first", "before")}?asOf=2001-02-03T04:05:06Z");
        Assert.Equal(HttpStatusCode.NotFound, one.StatusCode);
    }

    [Fact]
    public async Task Keep_their_revision_on_every_page_and_in_every_form()
    {
        const string space = "paged";
        foreach (string name in (string[])["a", "b", "c", "d", "e"])
            await Admin.Create(name, space);
        string moment = Text((await Events(space))[^1].Time);
        await (await Admin.DeleteAsync(Sample.Job("d", space))).Manifest();
        await (await Admin.Patch(Sample.Job("b", space), """{"metadata":{"labels":{"app":"later"}}}""")).Manifest();

        (string? token, string? revision, List<string> names) = ("", null, []);
        do
        {
            JsonNode page = await Admin.Get($"{Sample.Jobs(space)}?asOf={moment}&limit=2&continue={token}");
            Assert.Equal(revision ??= page.Revision(), page.Revision());
            names.AddRange(page["items"]!.AsArray().Select(item => $"{item!["metadata"]!["name"]}={item["metadata"]!["labels"]!["app"]}"));
            token = (string?)page["metadata"]!["continue"];
        }
        while (!string.IsNullOrEmpty(token));
        Assert.Equal(["a=test", "b=test", "c=test", "d=test", "e=test"], names);

        using var table = new HttpRequestMessage(HttpMethod.Get, $"{Sample.Jobs(space)}?asOf={moment}");
        table.Headers.Add("Accept", "application/json;as=Table;g=meta.k8s.io;v=v1");
        JsonNode rows = await (await Admin.SendAsync(table)).Manifest();
        Assert.Equal((5, revision), (rows["rows"]!.AsArray().Count, rows.Revision()));

        string first = (string)(await Admin.Get($"{Sample.Jobs(space)}?asOf={moment}&limit=2"))["metadata"]!["continue"]!;
        await Refused($"{Sample.Jobs(space)}?asOf=2001-02-03T04:05:06Z&limit=2&continue={first}", "another moment");
    }

    [Theory]
    [InlineData("yesterday", "RFC 3339")]
    [InlineData("", "RFC 3339")]
    [InlineData("2026-11-23", "RFC 3339")]
    [InlineData("2026-02-30T07:58:24Z", "RFC 3339")]
    [InlineData("2026-11-23T07:58:24", "RFC 3339")]
    [InlineData("2026-11-23T08:58:24+01:00", "%2B01:00")] // a + in a query is a space
    [InlineData("2999-01-01T00:00:00Z", "is yet to come: here it is 2")]
    [InlineData("2026-11-23T07:58:24Z&resourceVersion=5", "give one of them")]
    [InlineData("2026-11-23T07:58:24Z&resourceVersion=5&resourceVersionMatch=Exact", "give one of them")]
    public async Task That_cannot_be_meant_are_refused(string query, string why)
    {
        await Refused($"{Sample.Jobs()}?asOf={query}", why);
        await Refused($"/apis/kubeflow.org/v1/pytorchjobs?asOf={query}", why);
        await Refused($"{Sample.Job("any")}?asOf={query}", why);
    }

    [Theory]
    [InlineData("2026-11-23t07:58:24z")]
    [InlineData("2026-11-23T07:58:24.123456789012345Z")]
    [InlineData("2026-11-23T08:58:24.5%2B01:00")]
    public async Task May_be_written_as_RFC_3339_allows(string moment) => await Admin.Get($"{Sample.Jobs()}?asOf={moment}");

    [Fact]
    public async Task Are_neither_watched_from_nor_deleted_at()
    {
        await Refused($"{Sample.Jobs()}?asOf=2026-11-23T07:58:24Z&watch=1", "cannot be watched");
        using HttpResponseMessage answer = await Admin.DeleteAsync($"{Sample.Jobs("nowhere")}?asOf=2026-11-23T07:58:24Z");
        Assert.Contains(
            "only what is there now can be deleted", (string)(await answer.Manifest(400))["message"]!, StringComparison.Ordinal);
    }

    private const string WaitingSql =
        "SELECT count(*) FROM pg_locks WHERE NOT granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";

    [Fact]
    public async Task Wait_for_a_batch_that_has_taken_its_time_and_is_not_committed_yet()
    {
        await Admin.Create("late", "late");
        await using var held = await CommitLock.Hold(served.Database);
        Task<(long? Revision, DateTimeOffset Now)> asked = new JobReads(served.Database.Source)
            .RevisionAt(DateTimeOffset.UtcNow.AddSeconds(-0.001), default);
        while (await served.Database.Ask<long>(WaitingSql) == 0)
            Assert.False(asked.IsCompleted, "it answered without waiting for the batch");
        Assert.False(asked.IsCompleted);
        await held.DisposeAsync();
        Assert.NotNull((await asked).Revision);
    }

    private async Task Refused(string path, string why)
    {
        using HttpResponseMessage answer = await Admin.GetAsync(path);
        Assert.Contains(why, (string)(await answer.Manifest(400))["message"]!, StringComparison.Ordinal);
    }

    private async Task<long> Before(long revision, DateTimeOffset time) => await served.Database.Ask<long>(
        $"SELECT coalesce(max(seq_id), 1) FROM eventstore.mt_events WHERE seq_id < {revision} AND timestamp < '{Text(time)}'");

    private async Task<List<(long Revision, DateTimeOffset Time)>> Events(string space)
    {
        await using var command = served.Database.OwnerSource.CreateCommand(
            $"SELECT e.seq_id, e.timestamp FROM eventstore.mt_events e JOIN eventstore.mt_doc_current_job j ON j.id = e.stream_id WHERE j.namespace = '{space}' ORDER BY 1");
        await using var reader = await command.ExecuteReaderAsync();
        var events = new List<(long, DateTimeOffset)>();
        while (await reader.ReadAsync())
            events.Add((reader.GetInt64(0), reader.GetFieldValue<DateTimeOffset>(1)));
        return events;
    }

    private static string Text(DateTimeOffset time) =>
        time.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.fffffff'Z'", CultureInfo.InvariantCulture);
}
