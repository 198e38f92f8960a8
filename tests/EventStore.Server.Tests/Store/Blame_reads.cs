using EventStore.Domain.Jobs;
using EventStore.Domain.Json;
using EventStore.Domain.Manifests;
using EventStore.Server.Store.History;
using EventStore.Server.Store.Lane;
using EventStore.Server.Store.Proof;
using EventStore.Server.Tests.Fixtures;

namespace EventStore.Server.Tests.Store;

/// <summary>Who set each value last, read from what snapshots tell, against a replay of the log.</summary>
public sealed class Blame_reads : IAsyncLifetime
{
    private TestDatabase database = null!;

    private BlameReads Blames => new(database.Source);

    public async Task InitializeAsync() => database = await TestDatabase.Create();

    public async Task DisposeAsync() => await database.DisposeAsync();

    [Fact]
    public async Task Of_random_jobs_is_what_a_replay_gives()
    {
        await RandomHistory.Write(database.Source, seed: 23, jobs: 30, events: 900);
        IReadOnlyList<Naive> lives = await Naive.Of(database);
        Assert.True(lives.Count(life => life.Steps[^1].Job.Deleted) > 10);
        foreach (Naive life in lives)
        {
            foreach (int at in (int[])[0, life.Steps.Count / 2, life.Steps.Count - 1])
                await Same(life, at);
        }
    }

    [Fact]
    public async Task Of_a_long_history_is_read_from_snapshots_alone()
    {
        await WriteLong(900);
        Naive life = (await Naive.Of(database)).Single();
        int[] places = [130, 400, 640, life.Steps.Count - 1];
        foreach (int at in places)
            await Same(life, at);

        // What stands before the last snapshot is not even looked at.
        await database.Execute("""
            UPDATE eventstore.mt_events SET data = '{"paths": ["spec.cleanPodPolicy"]}'
             WHERE version > 1 AND version <= (SELECT max(version) FROM eventstore.job_snapshot)
            """);
        BlamedJob blamed = (await Blames.Of(life.Uid, long.MaxValue - 1, default))!;
        Same(life, life.Steps.Count - 1, blamed);
    }

    [Fact]
    public async Task Of_a_long_history_without_some_snapshots_is_the_same()
    {
        await WriteLong(700);
        Naive life = (await Naive.Of(database)).Single();
        long[] snapshots = await database.Ask<long[]>("SELECT array_agg(revision ORDER BY revision) FROM eventstore.job_snapshot");
        Assert.True(snapshots.Length >= 4, $"{snapshots.Length} snapshots");
        string[] losses =
        [
            $"DELETE FROM eventstore.job_snapshot WHERE revision = {snapshots[1]}",
            $"UPDATE eventstore.job_snapshot SET since = NULL, touched = NULL WHERE revision = {snapshots[2]}",
            "DELETE FROM eventstore.job_snapshot WHERE revision <> (SELECT max(revision) FROM eventstore.job_snapshot)",
            "DELETE FROM eventstore.job_snapshot",
        ];
        foreach (string loss in losses)
        {
            await database.Execute(loss);
            foreach (int at in (int[])[100, 300, 500, life.Steps.Count - 1])
                await Same(life, at);
        }

        await Rebuilding.Run(database.OwnerSource, finding => Assert.Fail(finding.What), (_, _) => { }, default);
        await Same(life, life.Steps.Count - 1);
        Assert.Equal(0, await database.Ask<long>("SELECT count(*) FROM eventstore.job_snapshot WHERE touched IS NULL"));
    }

    [Fact]
    public async Task That_was_edited_is_told_of_by_verify_and_mended_by_rebuild()
    {
        await WriteLong(300);
        string before = await Recorded();
        foreach (string edit in (string[])["touched = touched || '{\"spec.never\": 3}'",
            "touched = touched - (SELECT min(k) FROM jsonb_object_keys(touched) k)", "since = version", "touched = '[]'", "touched = NULL"])
        {
            await database.Execute(
                $"UPDATE eventstore.job_snapshot SET {edit} WHERE revision = (SELECT max(revision) FROM eventstore.job_snapshot)");
            List<Finding> findings = [];
            await Verification.Run(database.Source, null, findings.Add, (_, _) => { }, default);
            Assert.EndsWith("is not what the events give", Assert.Single(findings).What, StringComparison.Ordinal);
            await Rebuilding.Run(database.OwnerSource, finding => Assert.Fail(finding.What), (_, _) => { }, default);
            await Verification.Run(database.Source, null, finding => Assert.Fail(finding.What), (_, _) => { }, default);
        }

        Assert.NotEqual("", before);
    }

    private Task<string> Recorded() =>
        database.Ask<string>("SELECT coalesce(string_agg(touched::text, ';' ORDER BY revision), '') FROM eventstore.job_snapshot");

    private async Task WriteLong(int events)
    {
        await using CommitLane lane = InProcess.Lane(database.Source);
        await lane.Execute(InProcess.Create("long"));
        var random = new Random(9);
        foreach (int[] some in Enumerable.Range(2, events - 1).Chunk(60))
        {
            Outcome[] outcomes = await Task.WhenAll(some.Select(i => lane.Execute(Next(i))));
            Assert.All(outcomes, outcome => Assert.IsType<Outcome.Done>(outcome));
        }

        JobCommand Next(int i) => random.Next(8) switch
        {
            0 => InProcess.Patch("long", $$$"""{"spec":{"activeDeadlineSeconds":{{{i}}}}}"""),
            1 => InProcess.Patch("long", """{"metadata":{"labels":null}}"""),
            2 => InProcess.Patch("long", $$$$"""{"metadata":{"labels":{"r{{{{i}}}}":"x","l1":null}}}"""),
            3 => new PatchStatus(
                new JobKey(InProcess.Namespace, "long"), DateTimeOffset.UnixEpoch, InProcess.Origin,
                (JsonObject)JsonReading.Parse(System.Text.Encoding.UTF8.GetBytes(
                    $$$$"""{"status":{"a":{{{{(i % 3 == 0 ? "{\"b\":1}" : "{\"b\":null}")}}}},"n":{{{{i}}}}}}"""))),
            _ => InProcess.Label("long", $"l{i % 5}", $"v{i}"),
        };
    }

    private async Task Same(Naive life, int at)
    {
        long revision = life.Steps[at].Job.Revision;
        Same(life, at, (await Blames.Of(life.Uid, revision, default))!);
        if (!life.Steps[at].Job.Deleted)
            Same(life, at, (await Blames.At(life.Steps[at].Job.Key, revision, default))!);
    }

    private static void Same(Naive life, int at, BlamedJob blamed)
    {
        Naive.Step step = life.Steps[at];
        Assert.Equal(step.Job.Revision, blamed.Job.Revision);
        Assert.Equal(
            step.Leaves.Select(leaf => $"{leaf.Key}={leaf.Value.Value} @{leaf.Value.Revision}").Order(StringComparer.Ordinal),
            blamed.Blame.Leaves.Select(leaf => $"{leaf.Path}={leaf.Value} @{leaf.Revision}").Order(StringComparer.Ordinal));
        Assert.Equal(
            step.Removed.Select(leaf => $"{leaf.Key} @{leaf.Value}").Order(StringComparer.Ordinal),
            blamed.Blame.Removed.Select(leaf => $"{leaf.Path} @{leaf.Revision}").Order(StringComparer.Ordinal));
        Assert.All(blamed.Blame.Leaves, leaf => Assert.Contains(leaf.Revision!.Value, blamed.Setters.Keys));
    }

    /// <summary>One incarnation, folded from the table of events, leaf by leaf: what has its value from before keeps its event.</summary>
    private sealed record Naive(Guid Uid, IReadOnlyList<Naive.Step> Steps)
    {
        private static readonly string[] Five =
        [
            "metadata.labels", "metadata.annotations", "spec.activeDeadlineSeconds", "spec.ttlSecondsAfterFinished", "spec.cleanPodPolicy",
        ];

        public static async Task<IReadOnlyList<Naive>> Of(TestDatabase database)
        {
            Replay replay = await Replay.Of(database);
            return [.. replay.Lives.Select(life => new Naive(life[0].Uid, Fold(life)))];
        }

        private static List<Step> Fold(IReadOnlyList<Job> life)
        {
            var steps = new List<Step>();
            foreach (Job job in life)
            {
                Dictionary<string, (JsonValue Value, long Revision)> before = steps.Count == 0 ? [] : steps[^1].Leaves, now = [];
                Dictionary<string, long> removed = steps.Count == 0 ? [] : new(steps[^1].Removed);
                foreach (Change leaf in Diff.ByForm(JsonObject.Empty, job.Manifest))
                {
                    string path = leaf.Path.ToString();
                    now[path] = before.TryGetValue(path, out var kept) && kept.Value.Equals(leaf.After) ? kept
                        : (leaf.After!, job.Revision);
                    removed.Remove(path);
                }

                foreach (string path in before.Keys.Where(path => !now.ContainsKey(path) && Five.Any(field => path == field
                    || path.StartsWith(field + ".", StringComparison.Ordinal) || path.StartsWith(field + "[", StringComparison.Ordinal))))
                    removed[path] = job.Revision;
                steps.Add(new Step(job, now, removed));
            }

            return steps;
        }

        internal sealed record Step(Job Job, Dictionary<string, (JsonValue Value, long Revision)> Leaves, Dictionary<string, long> Removed);
    }
}
