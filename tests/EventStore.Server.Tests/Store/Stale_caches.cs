using System.Globalization;
using System.Net;
using System.Text.RegularExpressions;
using EventStore.Server.Tests.Fixtures;

namespace EventStore.Server.Tests.Store;

/// <summary>
/// Process A knows a job, process B changes it, and A is asked at once: whatever A answers must come from the store as it stands,
/// and not from what A remembers. Refusals and "no change" are answers too.
/// </summary>
[Trait("Category", "Slow")]
public sealed class Stale_caches(TwoServers servers) : IClassFixture<TwoServers>
{
    private HttpClient A => servers.A.Admin;

    private HttpClient B => servers.B.Admin;

    [Fact]
    public async Task The_old_value_sent_again_is_a_change()
    {
        await Known("old-value", """{"metadata":{"labels":{"team":"old"}}}""");
        await Ok(B.Patch(Sample.Job("old-value"), """{"metadata":{"labels":{"team":"new"}}}"""));

        Reply reply = await Ok(A.Patch(Sample.Job("old-value"), """{"metadata":{"labels":{"team":"old"}}}"""));

        Assert.Equal("old", reply.Label("team"));
        Assert.Equal(4, await servers.Database.Events("old-value"));
    }

    /// <summary>A may have heard of the change in time: then it has nothing to decide again, and the next one is looked at.</summary>
    [Fact]
    public async Task What_was_decided_again_is_counted()
    {
        await Known("counted");
        double before = await Moved();
        int i = 0;
        await Eventually.Holds(Tried, moved => moved > before, "A has decided again");

        async Task<double> Tried()
        {
            await Ok(B.Patch(Sample.Job("counted"), $$$$"""{"metadata":{"labels":{"b":"{{{{i}}}}"}}}"""));
            await Ok(A.Patch(Sample.Job("counted"), $$$$"""{"metadata":{"labels":{"a":"{{{{i++}}}}"}}}"""));
            return await Moved(); // as of at most 0.3 s ago: so long a scrape is kept
        }
    }

    [Fact]
    public async Task What_the_other_process_has_done_already_is_no_change()
    {
        await Known("done-already", """{"metadata":{"labels":{"team":"old"}}}""");
        Reply theirs = await Ok(B.Patch(Sample.Job("done-already"), """{"metadata":{"labels":{"team":"new"}}}"""));

        Reply ours = await Ok(A.Patch(Sample.Job("done-already"), """{"metadata":{"labels":{"team":"new"}}}"""));

        Assert.Equal(theirs.Text, ours.Text);
        Assert.Equal(3, await servers.Database.Events("done-already"));
    }

    [Fact]
    public async Task The_new_resourceVersion_is_accepted_and_the_old_one_refused()
    {
        string old = (await Known("revisions")).Json.Revision();
        string current = (await Ok(B.Patch(Sample.Job("revisions"), """{"metadata":{"labels":{"by":"b"}}}"""))).Json.Revision();

        Assert.Equal(HttpStatusCode.Conflict, (await Reply.Of(A.Patch(Sample.Job("revisions"), Locked(old, "a")))).Code);
        Assert.Equal("a", (await Ok(A.Patch(Sample.Job("revisions"), Locked(current, "a")))).Label("by"));
        current = (await Ok(B.Patch(Sample.Job("revisions"), """{"metadata":{"labels":{"by":"b"}}}"""))).Json.Revision();
        // A never saw the old one refused.
        Assert.Equal("c", (await Ok(A.Patch(Sample.Job("revisions"), Locked(current, "c")))).Label("by"));
        Assert.Equal(6, await servers.Database.Events("revisions"));
    }

    [Fact]
    public async Task A_job_deleted_elsewhere_is_not_found()
    {
        await Known("deleted-patch");
        await Known("deleted-delete");
        await Known("deleted-noop", """{"metadata":{"labels":{"team":"ml"}}}""");
        foreach (string job in (string[])["deleted-patch", "deleted-delete", "deleted-noop"])
            await Ok(B.DeleteAsync(Sample.Job(job)));

        Assert.Equal(
            HttpStatusCode.NotFound, (await Reply.Of(A.Patch(Sample.Job("deleted-patch"), """{"metadata":{"labels":{"a":"b"}}}"""))).Code);
        Assert.Equal(HttpStatusCode.NotFound, (await Reply.Of(A.DeleteAsync(Sample.Job("deleted-delete")))).Code);
        Assert.Equal(
            HttpStatusCode.NotFound,
            (await Reply.Of(A.Patch(Sample.Job("deleted-noop"), """{"metadata":{"labels":{"team":"ml"}}}"""))).Code);
    }

    [Fact]
    public async Task A_name_deleted_elsewhere_can_be_created()
    {
        await Known("free-again");
        await Ok(B.DeleteAsync(Sample.Job("free-again")));

        Assert.Equal(HttpStatusCode.Created, (await Create(A, "free-again")).Code);
    }

    [Fact]
    public async Task A_name_created_elsewhere_exists()
    {
        Assert.Equal(HttpStatusCode.NotFound, (await Reply.Of(A.Patch(Sample.Job("not-yet"), "{}"))).Code);
        Assert.Equal(HttpStatusCode.Created, (await Create(B, "not-yet")).Code);

        Reply again = await Create(A, "not-yet");
        Assert.Equal("AlreadyExists", (string?)again.Json["reason"]);
        await Ok(A.Patch(Sample.Job("not-yet"), """{"metadata":{"labels":{"a":"b"}}}"""));
    }

    [Fact]
    public async Task A_fixed_field_is_compared_with_the_incarnation_that_lives()
    {
        await Known("other-image");
        await Ok(B.DeleteAsync(Sample.Job("other-image")));
        string manifest = Sample.Manifest("other-image", spec: ""","schedulerName":"new" """);
        Assert.Equal(
            HttpStatusCode.Created, (await Reply.Of(B.PostAsync(Sample.Jobs() + "?fieldValidation=Ignore", Sample.Body(manifest)))).Code);

        await Ok(A.Patch(Sample.Job("other-image"), """{"spec":{"schedulerName":"new"}}"""));
        Assert.Equal(
            HttpStatusCode.BadRequest, (await Reply.Of(A.Patch(Sample.Job("other-image"), """{"spec":{"schedulerName":null}}"""))).Code);
    }

    [Fact]
    public async Task A_finalizer_may_be_taken_off_as_soon_as_a_delete_was_accepted_elsewhere()
    {
        string manifest = Sample.Manifest("held", metadata: ""","finalizers":["example.com/one"]""");
        Assert.Equal(HttpStatusCode.Created, (await Reply.Of(A.PostAsync(Sample.Jobs(), Sample.Body(manifest)))).Code);
        await Ok(B.DeleteAsync(Sample.Job("held")));

        await Ok(A.Patch(Sample.Job("held"), """{"metadata":{"finalizers":null}}"""));
        Assert.Equal(HttpStatusCode.NotFound, (await Reply.Of(B.GetAsync(Sample.Job("held")))).Code);
    }

    [Fact]
    public async Task A_delete_speaks_of_the_incarnation_that_lives()
    {
        string old = Uid(await Known("named-uid"));
        await Ok(B.DeleteAsync(Sample.Job("named-uid")));
        string current = Uid(await Create(B, "named-uid"));

        Assert.Equal(HttpStatusCode.Conflict, (await Reply.Of(Delete(A, "named-uid", old))).Code);
        await Ok(Delete(A, "named-uid", current));

        static string Uid(Reply reply) => (string)reply.Json["metadata"]!["uid"]!;
    }

    [Fact]
    public async Task A_dry_run_is_decided_upon_the_job_as_it_stands()
    {
        string old = (await Known("dry")).Json.Revision();
        string current = (await Ok(B.Patch(Sample.Job("dry"), """{"metadata":{"labels":{"by":"b"}}}"""))).Json.Revision();

        Reply preview = await Ok(A.Patch(Sample.Job("dry") + "?dryRun=All", """{"metadata":{"labels":{"dry":"yes"}}}"""));
        Assert.Equal(("b", "yes", current), (preview.Label("by"), preview.Label("dry"), preview.Json.Revision()));
        Assert.Equal(HttpStatusCode.Conflict, (await Reply.Of(A.Patch(Sample.Job("dry") + "?dryRun=All", Locked(old, "a")))).Code);
        Assert.Equal(3, await servers.Database.Events("dry"));

        await Ok(B.DeleteAsync(Sample.Job("dry")));
        Assert.Equal(HttpStatusCode.NotFound, (await Reply.Of(A.DeleteAsync(Sample.Job("dry") + "?dryRun=All"))).Code);
        Reply created = await Reply.Of(A.PostAsync(Sample.Jobs() + "?dryRun=All", Sample.Body(Sample.Manifest("dry"))));
        Assert.Equal(HttpStatusCode.Created, created.Code);
        Assert.Equal(HttpStatusCode.NotFound, (await Reply.Of(A.GetAsync(Sample.Job("dry")))).Code);
    }

    /// <summary>How often A has decided again because another was faster.</summary>
    private async Task<double> Moved()
    {
        string metrics = await A.GetStringAsync("/metrics");
        return Regex.Match(metrics, """^eventstore_conflicts_total\{[^}]*kind="moved"[^}]*\} ([0-9]+)""", RegexOptions.Multiline)
            is { Success: true } found
            ? double.Parse(found.Groups[1].Value, CultureInfo.InvariantCulture)
            : 0;
    }

    /// <summary>A job that A created and patched: A has it at hand.</summary>
    private async Task<Reply> Known(string job, string patch = """{"metadata":{"labels":{"known":"yes"}}}""")
    {
        Assert.Equal(HttpStatusCode.Created, (await Create(A, job)).Code);
        return await Ok(A.Patch(Sample.Job(job), patch));
    }

    private static string Locked(string revision, string by) =>
        $$$$"""{"metadata":{"resourceVersion":"{{{{revision}}}}","labels":{"by":"{{{{by}}}}"}}}""";

    private static Task<Reply> Create(HttpClient client, string job) =>
        Reply.Of(client.PostAsync(Sample.Jobs(), Sample.Body(Sample.Manifest(job))));

    private static Task<HttpResponseMessage> Delete(HttpClient client, string job, string uid) =>
        client.SendAsync(new HttpRequestMessage(HttpMethod.Delete, Sample.Job(job))
        {
            Content = Sample.Body($$$$"""{"apiVersion":"v1","kind":"DeleteOptions","preconditions":{"uid":"{{{{uid}}}}"}}"""),
        });

    private static async Task<Reply> Ok(Task<HttpResponseMessage> answer)
    {
        Reply reply = await Reply.Of(answer);
        Assert.True(reply.Code == HttpStatusCode.OK, reply.Text);
        return reply;
    }
}
