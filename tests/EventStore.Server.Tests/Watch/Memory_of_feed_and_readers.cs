using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text.Json;
using EventStore.Domain.Jobs;
using EventStore.Domain.Json;
using EventStore.Server.Store.Activities;
using EventStore.Server.Store.Feed;
using EventStore.Server.Store.Format;
using EventStore.Server.Store.Lane;
using EventStore.Server.Store.Reads;
using EventStore.Server.Tests.Fixtures;
using Npgsql;

namespace EventStore.Server.Tests.Watch;

/// <summary>
/// What the feed and the readers of the log hold is bounded by bytes, however large each job is, and they count what they really hold.
/// </summary>
[Trait("Category", "Slow")]
public sealed class Memory_of_feed_and_readers : IAsyncLifetime
{
    private const int JobBytes = 200_000;

    private readonly NpgsqlDataSource nowhere = NpgsqlDataSource.Create("Host=127.0.0.1;Port=1");

    public Task InitializeAsync() => Task.CompletedTask;

    public async Task DisposeAsync() => await nowhere.DisposeAsync();

    [Fact]
    public void Of_recent_changes_are_no_more_than_their_bound_and_as_many_as_fit()
    {
        var recent = new RecentChanges(1, lengthMax: 100, bytesMax: 3 * (JobBytes + 2000));
        for (int revision = 2; revision <= 11; revision++)
            recent.Add(Change(revision));

        Assert.Equal([9, 10, 11], recent.After(0).Select(change => change.Revision));
        Assert.Equal(8, recent.Begin);
        Assert.Equal(recent.After(0).Sum(change => (long)change.WeightBytes), recent.Bytes);
        Assert.Equal([11], recent.After(10).Select(change => change.Revision));
    }

    [Fact]
    public void Of_a_watcher_are_bounded_and_the_one_that_waits_too_long_is_cut_off()
    {
        using JobFeed feed = InProcess.Feed(nowhere, new FeedLimits { BacklogBytes = 4 * JobBytes, RingBytes = JobBytes / 2 }, out _);
        using FeedSubscription slow = feed.Subscribe();
        using FeedSubscription quick = feed.Subscribe();
        Assert.True(slow.Join(1, 1) && quick.Join(1, 1));
        var taken = new List<long>();
        for (int revision = 2; revision <= 20; revision++)
        {
            feed.Publish(Change(revision));
            Assert.InRange(slow.WaitingBytes, 1, 5 * (JobBytes + 2000));
            while (quick.TryTake(out LogEntry? change))
                taken.Add(change.Revision);
            Assert.Equal((revision, 0L), (quick.Position, quick.WaitingBytes));
        }

        Assert.True(slow.Overrun.IsCancellationRequested);
        Assert.False(quick.Overrun.IsCancellationRequested);
        Assert.Equal(Enumerable.Range(2, 19).Select(revision => (long)revision), taken);
        Assert.Equal(5, slow.Position); // what it was not sent it has not reached
    }

    [Fact]
    public void Are_those_of_a_printed_change_and_no_parsed_job_once_it_is_printed()
    {
        (JobChange change, WeakReference job) = Made();
        change.Print();
        GC.Collect();
        Assert.False(job.IsAlive);
        Assert.InRange(change.WeightBytes, change.Stored.Utf8.Length, change.Stored.Utf8.Length + 2000);
        Assert.Equal("job_patched", EventCodec.NameOf(change.AsRevision!.Event));
        GC.KeepAlive(change);
    }

    [Fact]
    public void Of_known_jobs_are_bounded_least_recently_used_first_and_one_is_always_kept()
    {
        var known = new KnownJobs(bytesMax: 3 * (JobBytes + 1000));
        Job[] jobs = [.. Enumerable.Range(0, 5).Select(i => Large($"job-{i}"))];
        for (int i = 0; i < jobs.Length; i++)
        {
            known.Put(jobs[i]);
            if (i == 2)
                known.Advance(jobs[0], 10); // used again, so the next one is the first to go
            Assert.InRange(known.Bytes, 1, 3 * (JobBytes + 1000));
        }

        Assert.Equal([true, false, false, true, true], jobs.Select(job => known.At(job.Uid, 1) is not null));
        Assert.Null(known.At(jobs[4].Uid, 2));
        var tight = new KnownJobs(bytesMax: 1);
        tight.Put(jobs[0]);
        tight.Put(jobs[1]);
        Assert.Equal((null, jobs[1]), (tight.At(jobs[0].Uid, 1), tight.At(jobs[1].Uid, 1)));
    }

    [Fact]
    public void Of_a_known_job_are_measured_again_when_its_events_add_up()
    {
        var known = new KnownJobs(bytesMax: long.MaxValue);
        Job job = Large("job");
        known.Put(job);
        long bytes = known.Bytes;
        for (int i = 0; i < 10; i++)
        {
            known.Advance(job, JobBytes); // a status as large as the job, each in place of the one before
            Assert.InRange(known.Bytes, bytes, (2 * bytes) + 65_536 + JobBytes);
        }
    }

    [Fact]
    public async Task Of_a_reading_of_the_log_are_a_page_and_few_jobs()
    {
        await using TestDatabase database = await TestDatabase.Create();
        await using (var lane = InProcess.Lane(database.Source))
        {
            string large = new('x', JobBytes);
            for (int i = 0; i < 30; i++)
                await lane.Execute(InProcess.Create($"job-{i}"), false, 256, CancellationToken.None);
            for (int round = 0; round < 3; round++)
            {
                for (int i = 0; i < 30; i++)
                    await lane.Execute(
                        InProcess.Patch($"job-{i}", $$$$"""{"metadata":{"annotations":{"a":"{{{{round}}}}{{{{large}}}}"}}}"""), false,
                        JobBytes, CancellationToken.None);
            }
        }

        Replay replay = await Replay.Of(database);
        long[] revisions = [.. replay.Revisions];
        const long known = 3 * JobBytes;
        var log = new JobLog(database.Source, known);
        var read = new List<(long, string)>();
        long most = 0;
        await foreach (LogEntry change in log.Read(revisions[40], long.MaxValue, null, CancellationToken.None))
        {
            most = Math.Max(most, log.HeldBytes);
            read.Add((change.Revision, System.Text.Encoding.UTF8.GetString(((JobChange)change).Stored.Utf8.Span)));
        }

        Assert.Equal(revisions[41..], read.Select(change => change.Item1));
        Assert.Equal(replay.Changes(_ => true, revisions[40]).Select(frame => frame.Object), read.Select(change => change.Item2));
        Assert.InRange(most, JobBytes, known + JobLog.PageBytes + (3 * JobBytes)); // of 30 jobs and 79 events, 20 MB
    }

    [Fact]
    public async Task Of_a_list_are_those_of_its_longest_text()
    {
        await using TestDatabase database = await TestDatabase.Create();
        await using (CommitLane lane = InProcess.Lane(database.Source))
        {
            for (int i = 0; i < 10; i++)
            {
                string annotation = $$$$"""{"metadata":{"annotations":{"a":"{{{{new string('x', i % 2 * JobBytes)}}}}"}}}""";
                await lane.Execute(InProcess.Create($"job-{i}"));
                await lane.Execute(InProcess.Patch($"job-{i}", annotation), false, JobBytes, CancellationToken.None);
            }
        }

        await using ListTransaction list = await new JobReads(database.Source).BeginList(CancellationToken.None);
        var buffers = new HashSet<byte[]>();
        var jobs = new List<(string Name, bool IsLong)>();
        await foreach (StoredJob job in list.List(new JobRange(), list.Head, CancellationToken.None))
        {
            Assert.True(MemoryMarshal.TryGetArray(job.Utf8, out ArraySegment<byte> text));
            buffers.Add(text.Array!);
            Assert.Equal(job.Key.Name, ((JsonText)JsonReading.Parse(text).Member("metadata")!.Member("name")!).Value);
            jobs.Add((job.Key.Name, text.Count > JobBytes));
        }

        Assert.Equal(Enumerable.Range(0, 10).Select(i => ($"job-{i}", i % 2 == 1)), jobs);
        Assert.Equal(2, buffers.Count); // one for the first, and one for the second, in which all others fit
    }

    [Fact]
    public async Task Of_many_reads_of_single_jobs_are_those_of_one_query_and_every_read_is_answered()
    {
        await using TestDatabase database = await TestDatabase.Create();
        await using (var lane = InProcess.Lane(database.Source))
        {
            await Task.WhenAll(Enumerable.Range(0, 40).Select(i => lane.Execute(InProcess.CreateLarge($"large-{i}", JobBytes))));
            await Task.WhenAll(Enumerable.Range(0, 40).Select(i => lane.Execute(InProcess.Create($"small-{i}"))));
        }

        var reads = new CoalescedReads(database.Source, queriesMax: 1);
        string[] names = [.. Enumerable.Range(0, 40).SelectMany(i => new[] { $"large-{i}", $"small-{i}", $"none-{i}" })];

        LivingRow?[] rows = await Task.WhenAll(
            names.Select(name => reads.Get(new JobKey(InProcess.Namespace, name), CancellationToken.None)));

        Assert.Equal(
            names.Select(name => name.StartsWith("none", StringComparison.Ordinal) ? null : name),
            rows.Select(row => row?.Stored?.Key.Name));
        Assert.InRange(reads.BytesMost, JobBytes, CoalescedReads.AnswerBytes); // of 8 MB
    }

    [Fact]
    public void Of_an_event_that_is_counted_are_those_that_are_counted()
    {
        var options = new JsonSerializerOptions();
        ActivityStore.KeepParts(options);
        Job large = Large("job");
        var status = JsonObject.Of(
            ("conditions", new JsonArray([JsonObject.Of(("message", new string('x', JobBytes)), ("type", "Running"))])));
        JobEvent[] events =
        [
            new JobCreated(large.Manifest), new JobPatched(large.Manifest, large.Manifest, ["a"]),
            new JobStatusUpdated(status, status, ["b"]),
        ];

        string[] kept = [.. events.Select(happened =>
            EventCodec.Data((JobEvent)JsonSerializer.Deserialize(EventCodec.Data(happened), happened.GetType(), options)!))];

        Assert.Equal(
            [
                """{"manifest":{"metadata":{"name":"job","namespace":"ns"}}}""",
                """{"patch":{},"paths":["a"]}""",
                """{"status":{"completionTime":null,"conditions":[{"type":"Running"}]},"paths":["b"]}""",
            ],
            kept);
    }

    [Fact]
    public async Task Of_a_reading_by_cursor_are_those_of_a_page_however_the_sizes_of_rows_change()
    {
        await using TestDatabase database = await TestDatabase.Create();
        await using (var lane = InProcess.Lane(database.Source))
        {
            for (int i = 0; i < 300; i++)
                await lane.Execute(i % 100 < 80 ? InProcess.Create($"job-{i}") : InProcess.CreateLarge($"job-{i}", JobBytes));
        }

        var fetched = new List<(long Revision, long Bytes)>();
        (var pages, var revisions) = (new List<long>(), new List<long>());
        await using NpgsqlConnection connection = await database.Source.OpenConnectionAsync();
        await using NpgsqlTransaction snapshot = await connection.BeginTransactionAsync(System.Data.IsolationLevel.RepeatableRead);
        await foreach ((long revision, long bytes) in Cursor.Read(
            connection, "e.seq_id, e.data::text", Cursor.SizeOf("e.data"), "FROM eventstore.mt_events e ORDER BY e.seq_id", Row,
            CancellationToken.None))
        {
            if (fetched.Count > 0)
                pages.Add(fetched.Sum(row => row.Bytes)); // fetched at once, for the first of them
            fetched.Clear();
            Assert.True(bytes > 0);
            revisions.Add(revision);
        }

        Assert.Equal(Enumerable.Range(2, 300).Select(revision => (long)revision), revisions);
        Assert.InRange(pages.Max(), JobBytes, Cursor.PageBytes + JobBytes);

        (long, long) Row(NpgsqlDataReader row)
        {
            fetched.Add((row.GetInt64(0), row.GetString(1).Length));
            return fetched[^1];
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static (JobChange Change, WeakReference Job) Made()
    {
        Job before = Large("job");
        Job after = before with { Version = 2, Revision = 2, Manifest = before.Manifest.With("spec", JsonObject.Empty) };
        return (new JobChange(before, after, Happened(2, after)), new WeakReference(after));
    }

    internal static JobChange Change(long revision)
    {
        Job job = Large($"job-{revision}") with { Revision = revision };
        return new JobChange(null, job, Happened(revision, job));
    }

    private static StoredEvent Happened(long revision, Job job) => new(
        revision, job.Uid, job.Version, DateTimeOffset.UnixEpoch, "job_patched", """{"patch":{},"replaced":{},"paths":[]}"""u8.ToArray(),
        new StoredOrigin("tester", [], "id"));

    private static Job Large(string name)
    {
        var uid = Guid.NewGuid();
        JsonObject metadata = JsonObject.Of(
            ("annotations", JsonObject.Of(("a", new string('x', JobBytes)))), ("name", name), ("namespace", "ns"), ("uid", uid.ToString()));
        return new Job(new JobKey("ns", name), uid, JsonObject.Of(("metadata", metadata)), 1, 1, false);
    }
}
