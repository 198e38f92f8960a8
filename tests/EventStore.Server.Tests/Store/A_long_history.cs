using System.Text;
using EventStore.Domain.Jobs;
using EventStore.Server.Store.Format;
using EventStore.Server.Store.Lane;
using EventStore.Server.Store.Reads;
using EventStore.Server.Tests.Fixtures;

namespace EventStore.Server.Tests.Store;

/// <summary>The past of jobs with many events and of many jobs, against a replay of the log.</summary>
[Trait("Category", "Slow")]
public sealed class A_long_history : IAsyncLifetime
{
    /// <summary>A snapshot every 128 events, and a batch of 256 between that and the next.</summary>
    private const int FoldMax = 128 + 256;

    private TestDatabase database = null!;

    public async Task InitializeAsync() => database = await TestDatabase.Create();

    public async Task DisposeAsync() => await database.DisposeAsync();

    [Fact]
    public async Task Of_one_job_is_read_from_the_nearest_snapshot()
    {
        const int wanted = 900;
        await WriteOne("long", events: 1500);
        Replay replay = await Replay.Of(database);
        long[] revisions = [.. replay.Revisions];
        Assert.InRange(await database.Ask<long>("SELECT count(*) FROM eventstore.job_snapshot"), 1500 / FoldMax, 1500 / 128);
        await Same(replay, [.. revisions.Where((_, i) => i % 41 == 0), .. revisions[120..135], revisions[^1], revisions[^1] + 1]);

        // Whatever is further away is not even looked at.
        string before = await Read(revisions[wanted - 1]);
        await database.Execute($"UPDATE eventstore.mt_events SET type = 'unreadable' WHERE abs(version - {wanted}) > {FoldMax}");
        Assert.Equal(before, await Read(revisions[wanted - 1]));
        await Assert.ThrowsAsync<UnreadableEventException>(() => Read(revisions[20]));
    }

    [Fact]
    public async Task Without_snapshots_or_with_some_is_the_same()
    {
        await WriteOne("long", events: 700);
        Replay replay = await Replay.Of(database);
        long[] revisions = [.. replay.Revisions.Where((_, i) => i % 67 == 0 || i is 0 or 699)];
        foreach (string lost in (string[])["revision < (SELECT max(revision) FROM eventstore.job_snapshot)", "true"])
        {
            await database.Execute($"DELETE FROM eventstore.job_snapshot WHERE {lost}");
            await Same(replay, revisions);
        }

        await database.Execute("DELETE FROM eventstore.mt_events WHERE version = 300");
        await Assert.ThrowsAsync<UnreadableEventException>(() => Read(replay.Revisions.ElementAt(345)));
    }

    [Fact]
    public async Task Of_many_jobs_is_listed_and_counted_at_any_revision_and_from_any_place()
    {
        await RandomHistory.Write(database.Source, seed: 5, jobs: 700, events: 5000);
        Assert.True(await database.Ask<long>("SELECT count(*) FROM eventstore.revision WHERE type = 'job_deleted'") > 300);
        Replay replay = await Replay.Of(database);
        long head = replay.Head;
        await using ListTransaction list = await new JobReads(database.Source).BeginList(default);
        foreach (long revision in (long[])[1, 2, 300, 701, head / 3, head / 2, head - 700, head - 1, head])
        {
            Job[] lived = [.. replay.At(revision)];
            List<string> listed = await List(list, new JobRange(), revision);
            Assert.Equal(lived.Length, listed.Count);
            foreach ((string expected, string actual) in lived.Select(Replay.Text).Zip(listed))
                Assert.Equal(expected, actual); // one by one: of two lists only the beginnings of the texts would be shown
            Assert.Equal(lived.Length, await list.Count(new JobRange(), revision, default));
            foreach (int at in (int[])[lived.Length / 4, lived.Length / 2, lived.Length - 1])
            {
                if (at <= 0)
                    continue;
                var rest = new JobRange { Behind = lived[at].Key };
                Assert.Equal(lived[(at + 1)..].Select(Replay.Text), await List(list, rest, revision));
                Assert.Equal(lived.Length - at - 1, await list.Count(rest, revision, default));
            }

            var team = new JobRange { Namespace = "team-1" };
            Job[] ofTeam = [.. lived.Where(job => job.Key.Namespace == "team-1")];
            Assert.Equal(ofTeam.Select(Replay.Text), await List(list, team, revision));
            Assert.Equal(ofTeam.Length, await list.Count(team, revision, default));
            if (ofTeam.Length > 0)
            {
                var one = new JobRange { Namespace = "team-1", Name = ofTeam[0].Key.Name };
                Assert.Equal([Replay.Text(ofTeam[0])], await List(list, one, revision));
                Assert.Empty(await List(list, one with { Behind = ofTeam[0].Key }, revision));
            }
        }

        // A list that is broken off leaves the snapshot to the next.
        await foreach (StoredJob _ in list.List(new JobRange(), head / 2, default))
            break;
        Assert.Equal(replay.At(head / 2).Count(), (await List(list, new JobRange(), head / 2)).Count);
    }

    private static async Task<List<string>> List(ListTransaction list, JobRange range, long revision)
    {
        var texts = new List<string>();
        await foreach (StoredJob job in list.List(range, revision, default))
            texts.Add(Encoding.UTF8.GetString(job.Utf8.Span));
        return texts;
    }

    private async Task WriteOne(string name, int events)
    {
        await using CommitLane lane = InProcess.Lane(database.Source);
        await lane.Execute(InProcess.Create(name));
        foreach (int[] some in Enumerable.Range(2, events - 1).Chunk(90))
        {
            Outcome[] outcomes = await Task.WhenAll(some.Select(i => lane.Execute(i % 7 == 0
                ? InProcess.Patch(name, $$$"""{"spec":{"activeDeadlineSeconds":{{{i}}}}}""")
                : InProcess.Label(name, $"l{i % 5}", $"v{i}"))));
            Assert.All(outcomes, outcome => Assert.IsType<Outcome.Done>(outcome));
        }
    }

    private async Task Same(Replay replay, IEnumerable<long> revisions)
    {
        foreach (long revision in revisions)
            Assert.Equal(Replay.Text(replay.At(revision).Single()), await Read(revision));
    }

    private async Task<string> Read(long revision)
    {
        (Job job, DateTimeOffset time) =
            (await new JobReads(database.Source).JobAt(new JobKey(InProcess.Namespace, "long"), revision, default))!.Value;
        return Encoding.UTF8.GetString(StoredJob.Of(job, time).Utf8.Span);
    }
}
