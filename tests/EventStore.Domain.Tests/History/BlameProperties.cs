using EventStore.Domain.History;
using EventStore.Domain.Jobs;
using EventStore.Domain.Json;
using EventStore.Domain.Manifests;
using EventStore.Domain.Tests.Jobs;
using EventStore.Domain.Tests.Manifests;
using FsCheck.Xunit;

namespace EventStore.Domain.Tests.History;

/// <summary>Who set what, told by the paths that events touched, against a replay that compares each job with the one before.</summary>
[Properties(Arbitrary = [typeof(RevertProperties)])]
public sealed class BlameProperties
{
    private static readonly Origin Somebody = new("somebody", [], "", "", "");
    private static readonly string[] Five =
        ["metadata.labels", "metadata.annotations", "spec.activeDeadlineSeconds", "spec.ttlSecondsAfterFinished", "spec.cleanPodPolicy"];

    [Property(MaxTest = 10_000)]
    public void Is_what_a_replay_gives_at_every_revision(RevertProperties.Commands commands)
    {
        foreach (IReadOnlyList<(JobEvent Happened, Job After)> life in RevertProperties.Lives(commands))
            Compare(life);
    }

    [Fact]
    public void Of_members_that_come_and_go_is_of_the_event_that_left_the_value_as_it_is()
    {
        string[] statuses =
        [
            """{"a":{"b":1,"c":{"d":2}}}""", """{"a":{"c":{"d":2}}}""", """{"a":{"c":{}}}""", """{"a":{"c":null}}""", """{"a":{"c":5}}""",
            """{"a":{"c":{"d":{"e":[]}}}}""", """{"a":{"c":{"d":{"e":[1]}}},"x.y":{"z":1}}""", """{"a":null,"x.y":{}}""",
            """{"a":{},"x.y":{}}""", "{}",
        ];
        Compare(Life(statuses.Select(status => (JsonObject)Given.Json(status))));
    }

    [Fact]
    public void Of_what_no_path_tells_is_undecided_until_the_events_are_asked()
    {
        JsonObject wide = JsonObject.Of(Enumerable.Range(0, 1500).Select(i => KeyValuePair.Create($"n{i}", (JsonValue)i)));
        string name = new('n', 1200);
        JsonObject longer = JsonObject.Of((name, JsonObject.Of(("m", 1))), ("short", 1));
        List<(JobEvent Happened, Job After)> life = Life([wide, wide.With("n0", "changed"), longer]);

        Blame second = Blame(life, 2);
        Assert.Equal(500, second.Leaves.Count(leaf => leaf.Revision is null)); // n0 is named again; n1 to n999 stand as recorded
        Assert.DoesNotContain(second.Leaves, leaf => leaf.Revision is null && leaf.Path.FirstMember != "status");
    }

    [Fact]
    public void Undecided_is_decided_by_the_newest_event_that_set_it()
    {
        string name = new('n', 1200);
        List<(JobEvent Happened, Job After)> life = Life(
        [
            JsonObject.Of((name, JsonObject.Of(("m", 1), ("o", 1)))), JsonObject.Of((name, JsonObject.Of(("m", 2), ("o", 1)))),
            JsonObject.Of((name, JsonObject.Of(("m", 2), ("o", 1))), ("x", 1)),
        ]);
        Blame blame = Blame(life, 3);
        Assert.Equal(2, blame.Leaves.Count(leaf => leaf.Revision is null));
        for (int i = 3; i >= 1; i--)
            blame = blame.Decide(life[i].Happened, life[i].After.Revision);
        Compare(life, 3, blame);
    }

    private static List<(JobEvent Happened, Job After)> Life(IEnumerable<JsonObject> statuses)
    {
        var life = new List<(JobEvent, Job)>();
        Job? job = null;
        Do(new CreateJob(new JobKey("kube-test", "pytorch-test"), DateTimeOffset.UnixEpoch, Somebody, Given.Job(), Guid.NewGuid()));
        foreach (JsonObject status in statuses)
            Do(new ReplaceStatus(job!.Key, DateTimeOffset.UnixEpoch, Somebody,
                job.Manifest.With("status", status).With("metadata", job.Metadata.With("resourceVersion", $"{job.Revision}"))));
        return life;

        void Do(JobCommand command)
        {
            JobEvent happened = Assert.IsType<Decision.Accepted>(JobDecider.Decide(job, command)).Event;
            job = Job.Evolve(job, happened, (job?.Revision ?? 1) + 3);
            life.Add((happened, job));
        }
    }

    private static void Compare(IReadOnlyList<(JobEvent Happened, Job After)> life)
    {
        for (int at = 0; at < life.Count; at++)
            Compare(life, at, Blame(life, at));
    }

    private static void Compare(IReadOnlyList<(JobEvent Happened, Job After)> life, int at, Blame blame)
    {
        (Dictionary<string, (JsonValue Value, long Revision)> leaves, Dictionary<string, long> removed) = Replay(life, at);
        Assert.Equal(
            leaves.OrderBy(leaf => leaf.Key, StringComparer.Ordinal)
                .Select(leaf => $"{leaf.Key}={leaf.Value.Value} @{leaf.Value.Revision}"),
            blame.Leaves.OrderBy(leaf => leaf.Path.ToString(), StringComparer.Ordinal)
                .Select(leaf => $"{leaf.Path}={leaf.Value} @{leaf.Revision}"));
        Assert.Equal(
            removed.OrderBy(leaf => leaf.Key, StringComparer.Ordinal).Select(leaf => $"{leaf.Key} @{leaf.Value}"), blame.Removed.Select(
                leaf => $"{leaf.Path} @{leaf.Revision}"));
    }

    private static Blame Blame(IReadOnlyList<(JobEvent Happened, Job After)> life, int at)
    {
        var touched = new Dictionary<string, long>();
        foreach ((JobEvent happened, Job after) in life.Take(at + 1))
        {
            foreach (string path in TouchedPaths.Of(happened))
                touched[path] = after.Revision;
        }

        return EventStore.Domain.History.Blame.Of(life[at].After, touched, life[0].After.Revision);
    }

    /// <summary>Leaf by leaf: what has its value from before keeps its event, everything else was set now.</summary>
    private static (Dictionary<string, (JsonValue Value, long Revision)>, Dictionary<string, long>) Replay(
        IReadOnlyList<(JobEvent Happened, Job After)> life, int at)
    {
        Dictionary<string, (JsonValue Value, long Revision)> leaves = [];
        Dictionary<string, long> removed = [];
        foreach ((_, Job job) in life.Take(at + 1))
        {
            Dictionary<string, (JsonValue Value, long Revision)> now = [];
            foreach (Change leaf in Diff.ByForm(JsonObject.Empty, job.Manifest))
            {
                string path = leaf.Path.ToString();
                now[path] = leaves.TryGetValue(path, out var before) && before.Value.Equals(leaf.After) ? before
                    : (leaf.After!, job.Revision);
                removed.Remove(path);
            }

            foreach (string path in leaves.Keys.Except(now.Keys).Where(path => Five.Any(field => path == field
                || path.StartsWith(field + ".", StringComparison.Ordinal) || path.StartsWith(field + "[", StringComparison.Ordinal))))
                removed[path] = job.Revision;
            leaves = now;
        }

        return (leaves, removed);
    }
}
