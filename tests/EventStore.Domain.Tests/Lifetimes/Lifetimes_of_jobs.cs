using EventStore.Domain.Jobs;
using EventStore.Domain.Json;
using EventStore.Domain.Lifetimes;
using EventStore.Domain.Tests.Jobs;
using EventStore.Domain.Tests.Manifests;

namespace EventStore.Domain.Tests.Lifetimes;

/// <summary>When a job ends by a field of its own, and what then becomes of it.</summary>
public sealed class Lifetimes_of_jobs
{
    private const string Succeeded = """{"type":"Succeeded","status":"True","lastTransitionTime":"2026-02-01T00:00:30Z"}""";
    private static readonly DateTimeOffset Midnight = new(2026, 2, 1, 0, 0, 0, TimeSpan.Zero);
    private static readonly Origin Controller = new("ttl", [], "", "", "r");

    [Theory]
    [InlineData("""{"spec":{"ttlSecondsAfterFinished":60},"status":{"completionTime":"2026-02-01T00:00:00Z","conditions":[SUCCEEDED]}}""", "Ttl 60 60")]
    [InlineData("""{"spec":{"ttlSecondsAfterFinished":0},"status":{"completionTime":"2026-02-01T00:00:00Z","conditions":[SUCCEEDED]}}""", "Ttl 0 0")]
    [InlineData("""{"spec":{"ttlSecondsAfterFinished":60},"status":{"completionTime":"2026-02-01T01:00:00.5+01:00","conditions":[SUCCEEDED]}}""", "Ttl 60.5 60")]
    [InlineData("""{"spec":{"ttlSecondsAfterFinished":60},"status":{"conditions":[SUCCEEDED]}}""", "Ttl 90 60")]
    [InlineData("""{"spec":{"ttlSecondsAfterFinished":60},"status":{"completionTime":"soon","conditions":[SUCCEEDED]}}""", "Ttl 90 60")]
    [InlineData("""{"spec":{"ttlSecondsAfterFinished":60},"status":{"completionTime":"2026-02-01T00:00:00Z","conditions":[{"type":"Failed","status":"True"}]}}""", "Ttl 60 60")]
    [InlineData("""{"spec":{"ttlSecondsAfterFinished":60},"status":{"completionTime":"2026-02-01T00:00:00Z","conditions":[{"type":"Failed","status":"False"}]}}""", null)]
    [InlineData("""{"spec":{"ttlSecondsAfterFinished":60},"status":{"completionTime":"2026-02-01T00:00:00Z","conditions":null}}""", null)]
    [InlineData("""{"spec":{"ttlSecondsAfterFinished":60},"status":{"completionTime":"2026-02-01T00:00:00Z"}}""", null)]
    [InlineData("""{"spec":{"ttlSecondsAfterFinished":60},"status":{"conditions":[{"type":"Succeeded","status":"True"}]}}""", null)]
    [InlineData("""{"spec":{"runPolicy":{"ttlSecondsAfterFinished":7}},"status":{"conditions":[SUCCEEDED]}}""", "Ttl 37 7")]
    [InlineData("""{"spec":{"ttlSecondsAfterFinished":8,"runPolicy":{"ttlSecondsAfterFinished":7}},"status":{"conditions":[SUCCEEDED]}}""", "Ttl 38 8")]
    [InlineData("""{"spec":{"runPolicy":{"ttlSecondsAfterFinished":-7}},"status":{"conditions":[SUCCEEDED]}}""", null)]
    [InlineData("""{"spec":{"runPolicy":{"ttlSecondsAfterFinished":"7"}},"status":{"conditions":[SUCCEEDED]}}""", null)]
    [InlineData("""{"spec":{"ttlSecondsAfterFinished":1,"activeDeadlineSeconds":1},"status":{"startTime":"2026-02-01T00:00:00Z","conditions":[SUCCEEDED]}}""", "Ttl 31 1")]
    [InlineData("""{"spec":{"ttlSecondsAfterFinished":1,"activeDeadlineSeconds":5},"status":{"startTime":"2026-02-01T00:00:00Z"}}""", "Deadline 5 5")]
    [InlineData("""{"spec":{"runPolicy":{"activeDeadlineSeconds":6}},"status":{"startTime":"2026-02-01T00:00:00Z"}}""", "Deadline 6 6")]
    [InlineData("""{"spec":{"activeDeadlineSeconds":5,"runPolicy":{"activeDeadlineSeconds":6}},"status":{"startTime":"2026-02-01T00:00:00Z"}}""", "Deadline 5 5")]
    [InlineData("""{"spec":{"activeDeadlineSeconds":5,"runPolicy":{"suspend":true}},"status":{"startTime":"2026-02-01T00:00:00Z"}}""", null)]
    [InlineData("""{"spec":{"activeDeadlineSeconds":5},"status":{"startTime":"2026-02-01T00:00:00Z","conditions":[{"type":"Suspended","status":"True"}]}}""", null)]
    [InlineData("""{"spec":{"activeDeadlineSeconds":5},"status":{}}""", null)]
    [InlineData("""{"spec":{"activeDeadlineSeconds":5},"status":"odd"}""", null)]
    [InlineData("""{"spec":{"activeDeadlineSeconds":9223372036854775807},"status":{"startTime":"2026-02-01T00:00:00Z"}}""", null)]
    [InlineData("""{"metadata":{"deletionTimestamp":"2026-02-01T00:00:00Z"},"spec":{"activeDeadlineSeconds":5},"status":{"startTime":"2026-02-01T00:00:00Z"}}""", null)]
    public void End_at_the_moment_their_fields_say(string manifest, string? expected)
    {
        Lifetime? lifetime = Lifetime.Of(Given.Object(manifest.Replace("SUCCEEDED", Succeeded, StringComparison.Ordinal)));
        Assert.Equal(expected, lifetime is null ? null : FormattableString.Invariant(
            $"{lifetime.Rule} {(lifetime.Due - Midnight).TotalSeconds} {lifetime.Seconds}"));
    }

    [Fact]
    public void A_null_at_the_top_leaves_it_to_the_run_policy() => Assert.Equal(
        7, Lifetime.Of((JsonObject)Ask.Set(
            Given.Object("""{"spec":{"runPolicy":{"activeDeadlineSeconds":7}},"status":{"startTime":"2026-02-01T00:00:00Z"}}"""),
            "spec.activeDeadlineSeconds", "null"))!.Seconds);

    [Fact]
    public void A_finished_job_is_deleted_when_it_is_due_and_not_before()
    {
        Story story = Story.Given(Ask.Created("""{"spec":{"ttlSecondsAfterFinished":60}}"""), Finished());
        story.When(End(after: 59.999)).ThenRefused<Rejection.NotFound>();
        story.When(End(after: 60)).Then(Ask.Deleted());
        Assert.Equal("TTL expired after 60 s", Seen(story.Job!).Reason);
    }

    [Fact]
    public void Finalizers_hold_a_job_whose_time_is_over_as_they_hold_it_for_anybody()
    {
        Story story = Story.Given(
            Ask.Created("""{"metadata":{"finalizers":["example.com/hold"]},"spec":{"ttlSecondsAfterFinished":60}}"""), Finished());
        story.When(End(after: 60)).Then(new JobDeletionRequested("2026-02-01T00:01:00Z"));
        story.When(End(after: 60)).And.When(_ => End(story.Job!, after: 61)).ThenRefused<Rejection.NotFound>();
    }

    [Fact]
    public void What_was_seen_before_the_field_was_changed_ends_nothing()
    {
        Story before = Story.Given(Ask.Created("""{"spec":{"ttlSecondsAfterFinished":60}}"""), Finished());
        JobCommand late = End(before.Job!, after: 100_000);
        before.When(Ask.Patch("""{"spec":{"ttlSecondsAfterFinished":61}}""")).And.When(late).ThenRefused<Rejection.NotFound>();
        before.When(Ask.Patch("""{"spec":{"ttlSecondsAfterFinished":null}}""")).And.When(late).ThenRefused<Rejection.NotFound>();
        before.When(Ask.Patch("""{"metadata":{"labels":{"a":"b"}}}""")).And.When(late).Then(Ask.Deleted());
        before.When(new EndLifetime(Ask.Key, Midnight.AddDays(1), Controller, Guid.Parse(Ask.OtherUid), Seen(before.Job!)))
            .ThenRefused<Rejection.NotFound>();
        Story.Given().When(late).ThenRefused<Rejection.NotFound>();
    }

    [Fact]
    public void A_job_that_is_active_for_too_long_fails_as_upstream_has_it_fail()
    {
        Story story = Story.Given(
            Ask.Created("""{"spec":{"activeDeadlineSeconds":5}}"""),
            Ask.StatusUpdated(
                """{"startTime":"2026-02-01T00:00:00Z","conditions":[{"type":"Created","status":"True"},{"type":"Failed","status":"False"},{"type":"Running","status":"True","reason":"r"}],"replicaStatuses":{}}""",
                null));
        Story failed = story.When(End(after: 5));
        Assert.Equal(
            Given.Json("""
                {"startTime":"2026-02-01T00:00:00Z","completionTime":"2026-02-01T00:00:05Z","replicaStatuses":{},"conditions":[{"type":"Created","status":"True"},
                {"type":"Running","status":"False","reason":"r"},
                {"type":"Failed","status":"True","reason":"DeadlineExceeded","message":"Job pytorch-test has failed because it was active longer than specified deadline",
                "lastTransitionTime":"2026-02-01T00:00:05Z","lastUpdateTime":"2026-02-01T00:00:05Z"}]}
                """),
            failed.After.Manifest["status"]);
        Assert.Equal(story.Job!.Metadata["generation"], failed.After.Metadata["generation"]);
        failed.And.When(_ => End(story.Job!, after: 6)).ThenRefused<Rejection.NotFound>();
    }

    [Fact]
    public void A_completion_time_that_is_there_stays()
    {
        Story story = Story.Given(
            Ask.Created("""{"spec":{"activeDeadlineSeconds":5}}"""),
            Ask.StatusUpdated("""{"startTime":"2026-02-01T00:00:00Z","completionTime":"2026-01-31T00:00:00Z"}""", null));
        Assert.Equal("2026-01-31T00:00:00Z", story.When(End(after: 5)).After.Manifest["status"]!.Member("completionTime"));
    }

    private static JobStatusUpdated Finished() =>
        Ask.StatusUpdated($$"""{"completionTime":"2026-02-01T00:00:00Z","conditions":[{{Succeeded}}]}""", null);

    private static Lifetime Seen(Job job) => Lifetime.Of(job.Manifest)!;

    private static Func<Job, JobCommand> End(double after) => job => End(job, after);

    private static EndLifetime End(Job job, double after) => new(Ask.Key, Midnight.AddSeconds(after), Controller, job.Uid, Seen(job));
}
