using System.Text;
using EventStore.Domain.History;
using EventStore.Domain.Jobs;
using EventStore.Domain.Json;
using EventStore.Domain.Manifests;
using EventStore.Server.Store.Format;
using EventStore.Server.Store.History;
using EventStore.Server.Store.Hosts;
using EventStore.Server.Store.Lane;
using EventStore.Server.Tests.Fixtures;
using Npgsql;

namespace EventStore.Server.Tests.Store;

/// <summary>How many changes of each kind fell into each slice of time, by whom: counted by the database.</summary>
public sealed class Changes_over_time(ServedDatabase served) : IClassFixture<ServedDatabase>, IDisposable
{
    private readonly string space = $"ns-{Guid.NewGuid():N}"[..12];

    private TimelineReads Timelines { get; } = new(served.Database.Source, () => 0);

    public void Dispose() => Timelines.Dispose();

    [Theory]
    [InlineData(2)]
    [InlineData(7)]
    [InlineData(100)]
    public async Task Are_those_of_the_history(int slices)
    {
        JobKey key = await WriteHistory();
        HistoryExtent extent = (await Timelines.Extent(key, default))!;

        JobTimeline counted = await Timelines.Count(key, extent.Begins, extent.Ends, extent.First, extent.Last, slices, default);

        List<Revision> all = await All(key);
        Assert.Equal(all.Count, counted.Total);
        Assert.False(counted.LivesBefore);
        Assert.False(counted.Clipped);
        Assert.Equal(Expected(all, extent.Begins, extent.Ends, slices), counted.Cells.Select(Line).Order(StringComparer.Ordinal));
        Assert.All(counted.Cells, cell => Assert.True(cell.Exact));
        Assert.Equal((all[0].Number, all[0].Time, all[^1].Number, all[^1].Time), (extent.First, extent.Begins, extent.Last, extent.Ends));
    }

    [Fact]
    public async Task Of_a_stretch_are_those_within_it_and_tell_whether_a_job_lived_before()
    {
        JobKey key = await WriteHistory();
        List<Revision> all = await All(key);
        Revision deletion = all.Single(revision => revision.Event is JobDeleted);
        Revision secondLife = all[all.IndexOf(deletion) + 1];
        DateTimeOffset end = all[^1].Time;

        JobTimeline second = await Timelines.Count(key, secondLife.Time, end, secondLife.Number, all[^1].Number, 10, default);
        JobTimeline withDeletion = await Timelines.Count(key, deletion.Time, end, deletion.Number, all[^1].Number, 10, default);

        Assert.Equal((3, false), (second.Total, second.LivesBefore));
        Assert.Equal((4, true), (withDeletion.Total, withDeletion.LivesBefore));
        Assert.Equal(
            Expected([.. all.SkipWhile(revision => revision != deletion)], deletion.Time, end, 10),
            withDeletion.Cells.Select(Line).Order(StringComparer.Ordinal));
        Assert.Null(await Timelines.Extent(new JobKey(space, "nobody"), default));
    }

    [Fact]
    public async Task That_cannot_all_be_looked_into_are_counted_by_type_and_user_and_estimated_by_field()
    {
        JobKey key = await WriteHistory();
        await FillWithPatches(key, 12_000);
        HistoryExtent extent = (await Timelines.Extent(key, default))!;

        JobTimeline counted = await Timelines.Count(key, extent.Begins, extent.Ends, extent.First, extent.Last, 5, default);

        Assert.Equal((await All(key)).Count, counted.Total);
        TimelineCell[] many = [.. counted.Cells.Where(cell => cell.User == "somebody")];
        Assert.Contains(many, cell => !cell.Exact);
        // One in four changes the spec, the others labels; what is looked into is spread evenly, so an estimate is near.
        Assert.InRange(many.Where(cell => cell.Kind == ChangeKind.Spec).Sum(cell => cell.Count), 2_500, 3_500);
        Assert.InRange(many.Where(cell => cell.Kind == ChangeKind.Metadata).Sum(cell => cell.Count), 8_500, 9_500);
        // Who changed something once is not lost among them.
        Assert.Contains(counted.Cells, cell => cell is { User: "rare", Kind: ChangeKind.Metadata, Count: 1, Exact: true });
    }

    /// <summary>What is added is counted, and what was counted is not counted again, whatever became of its rows meanwhile.</summary>
    [Fact]
    public async Task Are_counted_on_from_where_they_were_counted_before_until_something_is_rebuilt_or_lost()
    {
        long rebuilds = 0;
        Primary primary = served.Database.Source;
        using var timelines = new TimelineReads(primary, () => Volatile.Read(ref rebuilds));
        JobKey key = await WriteHistory();
        HistoryExtent extent = (await timelines.Extent(key, default))!;
        DateTimeOffset end = extent.Begins.AddDays(1); // so the slices stay the same while it grows
        JobTimeline before = await Count(), same = await Count();
        Assert.Same(before.Cells, same.Cells);
        const string user = "somebody else altogether";
        await served.Database.Ask<long>(
            $"UPDATE eventstore.revision SET user_name = '{user}' WHERE namespace = '{key.Namespace}' AND revision = {extent.First} RETURNING revision");
        await (await served.Server.Admin.Patch(Sample.Job(key.Name, space), """{"metadata":{"labels":{"a":"3"}}}""")).Manifest();
        extent = (await timelines.Extent(key, default))!;

        JobTimeline after = await Count();

        Assert.Equal(before.Total + 1, after.Total);
        Assert.Equal(after.Total, (await All(key)).Count);
        Assert.DoesNotContain(after.Cells, cell => cell.User == user);
        Assert.Equal(
            before.Cells.Where(cell => cell.Kind == ChangeKind.Metadata).Sum(cell => cell.Count) + 1,
            after.Cells.Where(cell => cell.Kind == ChangeKind.Metadata).Sum(cell => cell.Count));
        Assert.Equal(extent.Last, after.Cells.Max(cell => cell.Last));
        Volatile.Write(ref rebuilds, 1);
        JobTimeline anew = await Count();
        Assert.Contains(anew.Cells, cell => cell.User == user);
        Assert.Equal(after.Total, anew.Total);

        await served.Database.Ask<long>(
            $"UPDATE eventstore.revision SET user_name = 'and another' WHERE namespace = '{key.Namespace}' AND revision = {extent.First} RETURNING revision");
        await using (NpgsqlConnection connection = await served.Database.Source.OpenConnectionAsync())
            await primary.Epochs.Check(connection); // other epochs are known now than those it was counted in
        Assert.Contains((await Count()).Cells, cell => cell.User == "and another");

        Task<JobTimeline> Count() => timelines.Count(key, extent.Begins, end, extent.First, extent.Last, 100, default);
    }

    [Fact]
    public void Are_kept_within_their_bound_of_bytes()
    {
        using var kept = new CountedTimelines();
        TimelineCell[] cells = [.. Enumerable.Range(0, 1000).Select(i => new TimelineCell(
            i, ChangeKind.Spec, "job_patched", new string('u', 100), 1, true, i, i))];
        for (int i = 0; i < 100; i++)
            kept.Keep(
                new TimelineKey(new JobKey("ns", $"job-{i}"), default, default, 1), new CountedTimeline(2, 1000, cells, false, 0, []));
        Assert.InRange(kept.Count, 1, CountedTimelines.BytesMax / (1000 * 320));
    }

    private static string Line(TimelineCell cell) =>
        $"{cell.Slice:D3} {cell.Kind} {cell.Type} {cell.User} {cell.Count} {cell.First}-{cell.Last}";

    private static IEnumerable<string> Expected(IReadOnlyList<Revision> all, DateTimeOffset from, DateTimeOffset to, int slices)
    {
        var cut = TimeSlices.Of(from, to, slices);
        int SliceOf(Revision revision) => Enumerable.Range(1, cut.Count - 1).Count(place => revision.Time >= cut.Start(place));
        var groups = all.GroupBy(revision => (Slice: SliceOf(revision), Type: EventCodec.NameOf(revision.Event), revision.Origin.User));
        return (from alike in groups
                from kind in Enum.GetValues<ChangeKind>()
                let count = alike.Count(revision => Is(kind, revision))
                where count > 0
                select Line(new TimelineCell(
                    alike.Key.Slice, kind, alike.Key.Type, alike.Key.User, count, true, alike.Min(each => each.Number),
                    alike.Max(each => each.Number))))
            .Order(StringComparer.Ordinal);
    }

    private static bool Is(ChangeKind kind, Revision revision) => revision.Event switch
    {
        JobCreated or JobDeleted or JobDeletionRequested => kind == ChangeKind.Life,
        JobStatusUpdated => kind == ChangeKind.Status,
        var other =>
            Changes.Of(other).Any(change => string.Equals(change.Path.FirstMember, kind.ToString(), StringComparison.OrdinalIgnoreCase)),
    };

    /// <summary>Two lives of one name, by two users, with changes of each kind, one of two kinds; and another job's between them.</summary>
    private async Task<JobKey> WriteHistory()
    {
        string name = $"job-{Guid.NewGuid():N}"[..12];
        string path = Sample.Job(name, space);
        using HttpClient bob = served.Server.Client(ServerProcess.BobToken);
        await served.Server.Admin.Create(name, space);
        await served.Server.Admin.Create(name + "-other", space);
        foreach (string patch in (string[])[
            """{"spec":{"cleanPodPolicy":"All"}}""", """{"metadata":{"labels":{"a":"1"}}}""",
            """{"metadata":{"annotations":{"b":"1"}},"spec":{"activeDeadlineSeconds":9}}""", """{"metadata":{"labels":{"a":"2"}}}""",
        ])
        {
            await (await bob.Patch(path, patch)).Manifest();
            await (await served.Server.Admin.Patch(Sample.Job(name + "-other", space), patch)).Manifest();
        }

        await (await served.Server.Admin.Patch(path + "/status", """{"status":{"startTime":"2026-01-01T00:00:00Z"}}""")).Manifest();
        await (await served.Server.Admin.Patch(path, """{"spec":{"ttlSecondsAfterFinished":3}}""")).Manifest();
        await (await bob.DeleteAsync(path)).Manifest();
        await bob.Create(name, space);
        await (await bob.Patch(path + "/status", """{"status":{"startTime":"2026-01-02T00:00:00Z"}}""")).Manifest();
        await using var lane = InProcess.Lane(served.Database.Source);
        var status = (JsonObject)JsonReading.Parse(Encoding.UTF8.GetBytes(
            $$$"""{"apiVersion":"kubeflow.org/v1","kind":"PyTorchJob","metadata":{"name":"{{{name}}}"},"status":{"completionTime":"2026-01-03T00:00:00Z"}}"""));
        var apply = new ApplyJob(
            new JobKey(space, name), DateTimeOffset.UtcNow, InProcess.Create(name).Origin, status, Force: false, Guid.NewGuid())
        {
            Profile = Profile.Kubeflow,
            OfStatus = true,
        };
        Assert.IsType<Outcome.Done>(await lane.Execute(apply));
        return new JobKey(space, name);
    }

    /// <summary>Many patches behind what is there, as only the database's owner could write them in a second.</summary>
    private async Task FillWithPatches(JobKey key, int count)
    {
        string sql = $$$$"""
            WITH last AS (SELECT max(e.seq_id) AS revision, max(e.timestamp) AS time FROM eventstore.mt_events e),
            stream AS (SELECT j.id, j.mt_version FROM eventstore.mt_doc_current_job j WHERE j.namespace = '{{{{key.Namespace}}}}' AND j.name = '{{{{key.Name}}}}' AND NOT j.deleted),
            made AS (
                INSERT INTO eventstore.mt_events (seq_id, id, stream_id, version, type, timestamp, user_name, headers, correlation_id, data)
                SELECT last.revision + i, gen_random_uuid(), stream.id, stream.mt_version + i, 'job_patched', last.time + i * interval '1 us',
                       CASE i WHEN 777 THEN 'rare' ELSE 'somebody' END, '{}', 'x',
                       CASE WHEN i % 4 = 0
                            THEN '{"patch":{"spec":{"cleanPodPolicy":"All"}},"replaced":{"spec":{"cleanPodPolicy":"None"}},"paths":["spec.cleanPodPolicy"]}'
                            ELSE '{"patch":{"metadata":{"labels":{"n":"1"}}},"replaced":{"metadata":{"labels":{"n":"0"}}},"paths":["metadata.labels.n"]}' END::jsonb
                  FROM last, stream, generate_series(1, {{{{count}}}}) i
                RETURNING seq_id, type, user_name)
            INSERT INTO eventstore.revision (revision, namespace, job, type, user_name, hash)
            SELECT m.seq_id, '{{{{key.Namespace}}}}', '{{{{key.Name}}}}', m.type, m.user_name, sha256('') FROM made m
            RETURNING setval('eventstore.mt_events_sequence', (SELECT last.revision FROM last) + {{{{count}}}})
            """;
        await served.Database.Ask<long>(sql);
    }

    private async Task<List<Revision>> All(JobKey key)
    {
        RevisionQuery query = new RevisionQuery { OldestFirst = true }
            .And(new RevisionCondition(RevisionField.Namespace, true, [key.Namespace])).And(new RevisionCondition(
                RevisionField.Job, true, [key.Name]));
        var all = new List<Revision>();
        await foreach (RevisionStep step in new RevisionReads(served.Database.Source).List(query, 100_000, default))
        {
            if (step.Revision is { } revision)
                all.Add(revision);
            else
                await foreach (RevisionStep more in new RevisionReads(served.Database.Source).List(
                    query.Behind(step.Bound), 100_000, default))
                    all.AddRange(more.Revision is { } next ? [next] : []);
        }

        return all;
    }
}
