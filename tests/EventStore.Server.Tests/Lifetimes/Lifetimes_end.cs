using System.Globalization;
using System.Net;
using System.Text.Json.Nodes;
using EventStore.Server.Tests.Fixtures;

namespace EventStore.Server.Tests.Lifetimes;

/// <summary>What a job's own fields bring about, with <c>--controllers=ttl,deadline</c>.</summary>
[Trait("Category", "Slow")]
public sealed class Lifetimes_end : IAsyncLifetime
{
    private TestDatabase database = null!;
    private ServerProcess server = null!;

    private HttpClient Admin => server.Admin;

    public async Task InitializeAsync()
    {
        database = await TestDatabase.Create();
        server = await ServerProcess.Start(database.Serving, "--controllers", "ttl,deadline");
    }

    public async Task DisposeAsync()
    {
        await server.DisposeAsync();
        await database.DisposeAsync();
    }

    [Theory]
    [InlineData("Succeeded", true)]
    [InlineData("Failed", false)]
    public async Task A_finished_job_is_deleted_once_at_its_moment_and_the_history_says_by_whom_and_why(
        string condition, bool hasCompletionTime)
    {
        DateTimeOffset finished = Now();
        await Create("done", ""","ttlSecondsAfterFinished":2""");
        await Finish("done", finished, condition, hasCompletionTime);
        await IsGone("done");

        JsonNode deletion = Assert.Single(
            await Revisions("done"), revision => revision!.ToJsonString().Contains("ttl-controller", StringComparison.Ordinal))!;
        Assert.Equal(1, await database.Ask<long>($$"""
            SELECT count(*) FROM eventstore.mt_events WHERE type = 'job_deleted' AND user_name = 'system:serviceaccount:eventstore:ttl-controller'
               AND headers ->> 'reason' = 'TTL expired after 2 s' AND timestamp >= '{{finished.AddSeconds(2):O}}'
            """));
        Assert.Contains("Deleted", deletion.ToJsonString(), StringComparison.Ordinal);
        Assert.Contains("TTL expired after 2 s", deletion.ToJsonString(), StringComparison.Ordinal);
        Assert.Matches("eventstore_lifetimes_ended_total\\{[^}]*controller=\"ttl-controller\"[^}]*\\} 1", await Metrics(
            "eventstore_lifetimes_ended_total"));
        Assert.Contains("eventstore_lifetimes_due", await Metrics("eventstore_lifetimes_due"), StringComparison.Ordinal);
        Assert.Contains("[+]lifetimes ok", await Admin.GetStringAsync("/readyz?verbose"), StringComparison.Ordinal);
        await database.AssertWhole();
    }

    [Fact]
    public async Task Finalizers_hold_it_as_for_anybody()
    {
        await Create("held", ""","ttlSecondsAfterFinished":0""", ""","finalizers":["example.com/hold"]""");
        await Finish("held", Now());
        await Eventually.Holds(() => Admin.Get(Sample.Job("held")), job => job["metadata"]!["deletionTimestamp"] is not null);
        await Create("after", ""","ttlSecondsAfterFinished":0"""); // when this one is gone, what was due before it has had its turn
        await Finish("after", Now());
        await IsGone("after");
        Assert.Equal(["job_created", "job_status_updated", "job_deletion_requested"], await Types("held"));
        Assert.Equal("system:serviceaccount:eventstore:ttl-controller", await UserOf("held", "job_deletion_requested"));

        await (await Admin.Patch(Sample.Job("held"), """{"metadata":{"finalizers":null}}""")).Manifest();
        Assert.Equal(HttpStatusCode.NotFound, await Code("held"));
        Assert.Equal("admin", await UserOf("held", "job_deleted"));
    }

    [Fact]
    public async Task A_patch_of_the_field_moves_the_moment_also_backwards()
    {
        foreach (string name in (string[])["sooner", "later", "never", "by-label"])
        {
            await Create(name, name == "sooner" ? ""","ttlSecondsAfterFinished":1000000""" : ""","ttlSecondsAfterFinished":3""");
            await Finish(name, Now());
        }

        await (await Admin.Patch(Sample.Job("later"), """{"spec":{"ttlSecondsAfterFinished":1000000}}""")).Manifest();
        await (await Admin.Patch(Sample.Job("never"), """{"spec":{"ttlSecondsAfterFinished":null}}""")).Manifest();
        await (await Admin.Patch(Sample.Job("by-label"), """{"metadata":{"labels":{"a":"b"}}}""")).Manifest();
        await (await Admin.Patch(Sample.Job("sooner"), """{"spec":{"ttlSecondsAfterFinished":1}}""")).Manifest();
        await IsGone("sooner");
        await IsGone("by-label");
        Assert.Equal("TTL expired after 1 s", await database.Ask<string>(
            "SELECT headers ->> 'reason' FROM eventstore.mt_events JOIN eventstore.mt_doc_current_job j ON j.id = stream_id WHERE type = 'job_deleted' AND name = 'sooner'"));
        await Create("end", ""","ttlSecondsAfterFinished":3"""); // due after "later" and "never" would have been
        await Finish("end", Now());
        await IsGone("end");
        Assert.Equal((HttpStatusCode.OK, HttpStatusCode.OK), (await Code("later"), await Code("never")));

        // A moment that has passed already is now.
        await (await Admin.Patch(Sample.Job("later"), """{"spec":{"ttlSecondsAfterFinished":0}}""")).Manifest();
        await IsGone("later");
    }

    [Fact]
    public async Task Both_layouts_count_and_the_top_level_wins()
    {
        await Create("policy", ""","runPolicy":{"ttlSecondsAfterFinished":0}""");
        await Create("both", ""","ttlSecondsAfterFinished":1000000,"runPolicy":{"ttlSecondsAfterFinished":0}""");
        foreach (string name in (string[])["both", "policy"])
            await Finish(name, Now());
        await IsGone("policy");
        Assert.Equal(HttpStatusCode.OK, await Code("both"));
    }

    [Fact]
    public async Task An_active_job_fails_at_its_deadline_and_its_TTL_begins()
    {
        DateTimeOffset started = Now();
        await Create("slow", ""","activeDeadlineSeconds":1""");
        await Create("finished", ""","activeDeadlineSeconds":1""");
        await Finish("finished", started);
        await Status(
            "slow",
            $$$"""{"startTime":"{{{Text(started)}}}","conditions":[{"type":"Running","status":"True","reason":"PyTorchJobRunning"}]}""");
        await Eventually.Holds(() => Admin.Get(Sample.Job("slow")), job => job["status"]!["completionTime"] is not null);

        JsonNode status = (await Admin.Get(Sample.Job("slow")))["status"]!;
        JsonNode failed = status["conditions"]![1]!;
        Assert.Equal(
            ("Failed", "True", "DeadlineExceeded", "Job slow has failed because it was active longer than specified deadline"),
            ((string)failed["type"]!, (string)failed["status"]!, (string)failed["reason"]!, (string)failed["message"]!));
        Assert.Equal("False", (string)status["conditions"]![0]!["status"]!);
        Assert.True(DateTimeOffset.Parse((string)status["completionTime"]!, CultureInfo.InvariantCulture) >= started.AddSeconds(1));
        Assert.Equal(["job_created", "job_status_updated", "job_status_updated"], await Types("slow"));
        Assert.Equal("system:serviceaccount:eventstore:deadline-controller", await database.Ask<string>(
            "SELECT user_name FROM eventstore.mt_events WHERE headers ->> 'reason' = 'deadline exceeded after 1 s'"));
        Assert.Equal(["job_created", "job_status_updated"], await Types("finished"));

        await (await Admin.Patch(Sample.Job("slow"), """{"spec":{"ttlSecondsAfterFinished":0}}""")).Manifest();
        await IsGone("slow");
        await database.AssertWhole();
    }

    [Fact]
    public async Task A_server_that_starts_ends_what_became_due_before_and_only_what_it_is_told_to()
    {
        await server.Stop();
        await using ServerProcess plain = await ServerProcess.Start(database.Serving);
        foreach (string name in (string[])["due", "active"])
            await (await plain.Admin.PostAsync(Sample.Jobs(),
                Sample.Body(Sample.Manifest(name, spec: ""","ttlSecondsAfterFinished":0,"activeDeadlineSeconds":1""")))).Manifest(201);
        await (await plain.Admin.Patch(Sample.Job("due") + "/status", Finished(Now(), "Succeeded", true))).Manifest();
        await (await plain.Admin.Patch(Sample.Job("active") + "/status", $$$"""{"status":{"startTime":"{{{Text(Now().AddDays(-1))}}}"}}"""))
            .Manifest();
        Assert.DoesNotContain(
            "lifetimes", await plain.Admin.GetStringAsync("/metrics") + await plain.Admin.GetStringAsync("/readyz?verbose"),
            StringComparison.Ordinal);
        Assert.Equal(0, await database.Ask<long>(
            "SELECT count(*) FROM eventstore.mt_events WHERE user_name LIKE 'system:serviceaccount:eventstore:%'"));

        await using ServerProcess again = await ServerProcess.Start(database.Serving, "--controllers", "ttl");
        await Eventually.Equal(HttpStatusCode.NotFound, async () => (await plain.Admin.GetAsync(Sample.Job("due"))).StatusCode);
        Assert.Null((await plain.Admin.Get(Sample.Job("active")))["status"]!["completionTime"]);
    }

    private static DateTimeOffset Now() => DateTimeOffset.FromUnixTimeSeconds(DateTimeOffset.UtcNow.ToUnixTimeSeconds());

    private static string Text(DateTimeOffset time) => time.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture);

    private static string Finished(DateTimeOffset at, string condition, bool hasCompletionTime) =>
        $$$"""{"status":{{{{(hasCompletionTime ? $"\"completionTime\":\"{Text(at)}\"," : "")}}}"conditions":[{"type":"{{{condition}}}","status":"True","lastTransitionTime":"{{{Text(at)}}}"}]}}""";

    private Task IsGone(string name) => Eventually.Equal(HttpStatusCode.NotFound, () => Code(name), $"GET of {name}");

    private async Task Create(string name, string spec, string metadata = "") =>
        await (await Admin.PostAsync(Sample.Jobs(), Sample.Body(Sample.Manifest(name, metadata: metadata, spec: spec)))).Manifest(201);

    private async Task Finish(string name, DateTimeOffset at, string condition = "Succeeded", bool hasCompletionTime = true) =>
        await (await Admin.Patch(Sample.Job(name) + "/status", Finished(at, condition, hasCompletionTime))).Manifest();

    private async Task Status(string name, string status) =>
        await (await Admin.Patch(Sample.Job(name) + "/status", $$"""{"status":{{status}}}""")).Manifest();

    private async Task<HttpStatusCode> Code(string name)
    {
        using HttpResponseMessage answer = await Admin.GetAsync(Sample.Job(name));
        return answer.StatusCode;
    }

    private async Task<JsonArray> Revisions(string name) =>
        (await Admin.Get($"/apis/audit.eventstore.io/v1/namespaces/kube-test/pytorchjobrevisions?fieldSelector=job%3D{name}"))["items"]!
            .AsArray();

    private Task<string[]> Types(string name) => database.Ask<string[]>($"""
        SELECT array_agg(e.type::text ORDER BY e.seq_id) FROM eventstore.mt_events e JOIN eventstore.mt_doc_current_job j ON j.id = e.stream_id WHERE j.name = '{name}'
        """);

    private Task<string> UserOf(string name, string type) => database.Ask<string>($"""
        SELECT min(e.user_name) FROM eventstore.mt_events e JOIN eventstore.mt_doc_current_job j ON j.id = e.stream_id WHERE j.name = '{name}' AND e.type = '{type}'
        """);

    // A scrape is cached for 0.3 s.
    private Task<string> Metrics(string expected) =>
        Eventually.Holds(() => Admin.GetStringAsync("/metrics"), metrics => metrics.Contains(expected, StringComparison.Ordinal), expected);
}
