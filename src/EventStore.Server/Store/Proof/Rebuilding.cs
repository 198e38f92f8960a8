using System.Data;
using EventStore.Domain.History;
using EventStore.Server.Store.Format;
using EventStore.Server.Store.Reads;
using Npgsql;

namespace EventStore.Server.Store.Proof;

/// <summary>
/// Rebuilds everything that is derived from the events while servers read and write: current jobs, streams' rows, the index of
/// revisions and snapshots. Every row is compared with the fold of its events, and written if it is missing or differs.
/// </summary>
/// <remarks>
/// The alternative, new tables that replace the old ones at the end, was rejected: a reader with an older MVCC snapshot would find
/// the new tables empty, and every statement would wait for the last readers of the old ones. Rows written in place are seen by
/// each reader as of its snapshot, commits wait for a few hundred rows at most, and rows that are right cost nothing. Hashes are
/// evidence and not derived data: they are kept, and written only where the next hash proves them.
/// </remarks>
public sealed class Rebuilding : IAsyncDisposable
{
    private const int IndexMax = 8192; // index rows never change otherwise, so nobody waits for them
    private const int EventsBetweenNotes = 20_000;

    private readonly NpgsqlConnection reading;
    private readonly NpgsqlConnection writing;
    private readonly Action<Finding> wrong;
    private readonly Action<long, long> progress;
    private readonly CancellationToken stop;
    private JobFixes jobs = new();
    private List<IndexFix> index = [];
    private (long Done, long Noted, long Total) events;
    private Task written = Task.CompletedTask;

    private Rebuilding(
        NpgsqlConnection reading, NpgsqlConnection writing, Action<Finding> wrong, Action<long, long> progress, CancellationToken stop) =>
        (this.reading, this.writing, this.wrong, this.progress, this.stop) = (reading, writing, wrong, progress, stop);

    /// <summary>How many current jobs, snapshots and rows of the index were written or deleted.</summary>
    public long Changed { get; private set; }

    /// <summary>When the interrupted rebuild began that this one continues; null if it continues none.</summary>
    public DateTime? GoesOn { get; private set; }

    /// <summary>Rebuilds.</summary>
    /// <param name="owner">Connections of the owner.</param>
    /// <param name="wrong">Called for what a rebuild cannot correct, because the events themselves are not what was written.</param>
    /// <param name="progress">
    /// Called with the events done and the events in all. Each event counts twice, once for its job and once for its index entries.
    /// </param>
    /// <param name="stop">Cancels the rebuild; the next one continues from there.</param>
    /// <returns>What was done; null if another rebuild is running.</returns>
    public static async Task<Rebuilding?> Run(
        NpgsqlDataSource owner, Action<Finding> wrong, Action<long, long> progress, CancellationToken stop)
    {
        await using var rebuild = new Rebuilding(
            await owner.OpenConnectionAsync(stop), await owner.OpenConnectionAsync(stop), wrong, progress, stop);
        if (await rebuild.writing.Ask($"SELECT pg_try_advisory_lock({DatabaseNames.RebuildLock})", stop) is not true)
            return null;
        try
        {
            await rebuild.Run();
        }
        finally
        {
            // The reason why the last batch could not be written was thrown before, unless something else failed first.
            await rebuild.written.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            await rebuild.writing.Ask($"SELECT pg_advisory_unlock({DatabaseNames.RebuildLock})", CancellationToken.None);
        }

        return rebuild;
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await reading.DisposeAsync();
        await writing.DisposeAsync();
    }

    private async Task Run()
    {
        (Guid? stream, long? revision) = await Begin();
        events.Total = 2 * await EventLog.Count(reading, stop);
        if (revision is null)
        {
            await MakeJobs(stream);
            revision = 0;
            await writing.Run("UPDATE eventstore.rebuild SET revision = 0", stop);
        }

        events = (events.Total / 2, 0, events.Total);
        await MakeIndex(revision.Value);
        await writing.Run("DELETE FROM eventstore.rebuild", stop);
        progress(events.Total, events.Total);
    }

    private async Task<(Guid? Stream, long? Revision)> Begin()
    {
        bool isNew = await writing.Run("INSERT INTO eventstore.rebuild DEFAULT VALUES ON CONFLICT DO NOTHING", stop) == 1;
        await using var command = new NpgsqlCommand("SELECT began, stream, revision FROM eventstore.rebuild", writing);
        await using NpgsqlDataReader row = await command.ExecuteReaderAsync(stop);
        await row.ReadAsync(stop);
        GoesOn = isNew ? null : row.GetDateTime(0);
        return (row.IsDBNull(1) ? null : row.GetGuid(1), row.IsDBNull(2) ? null : row.GetInt64(2));
    }

    private async Task MakeJobs(Guid? behind)
    {
        await using NpgsqlTransaction transaction = await reading.BeginTransactionAsync(IsolationLevel.RepeatableRead, stop);
        await foreach (JudgedStream judged in StreamWalk.Judge(reading, new StreamRange { Behind = behind },
            stray => jobs.WrongSnapshots.Add(stray with { Text = string.Empty }), stop))
        {
            if (judged.Stream is not { } stream)
                jobs.Orphans.Add(judged.Uid);
            else
                Add(stream, judged.Difference);
            if (Passed(judged.Stream?.Events ?? 0, jobs.IsMany))
                await WriteJobs($"UPDATE eventstore.rebuild SET stream = '{judged.Uid}'");
        }

        await WriteJobs("UPDATE eventstore.rebuild SET stream = stream");
        await written;

        void Add(ReplayedStream stream, string? difference)
        {
            if (stream.Row is null)
                wrong(new Finding(stream.Revision, difference!));
            jobs.Add(stream, difference is not null && stream.Row is not null);
        }
    }

    private async Task MakeIndex(long behind)
    {
        await using NpgsqlTransaction transaction = await reading.BeginTransactionAsync(IsolationLevel.RepeatableRead, stop);
        byte[] start = behind == 0
            ? Chain.Beginning.ToArray()
            : (byte[])(await reading.Ask($"SELECT hash FROM eventstore.revision WHERE revision = {behind}", stop))!;
        byte[]? head = await reading.Ask("SELECT hash FROM eventstore.head", stop) as byte[];
        var walk = new IndexWalk(await ChainRows.Keys(reading, stop), Damage, fix => index.Add(fix));
        await foreach ((long revision, bool decided) in walk.Follow(reading, behind, start, head, stop))
        {
            if (decided && Passed(1, index.Count >= IndexMax))
                await WriteIndex($"UPDATE eventstore.rebuild SET revision = {revision}");
        }

        await WriteIndex("UPDATE eventstore.rebuild SET revision = revision");
        await written;

        void Damage(Finding finding)
        {
            if (!finding.IsDerived)
                wrong(finding);
        }
    }

    /// <summary>Counts events, and returns whether the collected corrections and the progress must be written now.</summary>
    private bool Passed(long more, bool isMany)
    {
        events.Done += more;
        progress(Math.Min(events.Done, events.Total), events.Total);
        if (!isMany && events.Done - events.Noted < EventsBetweenNotes)
            return false;
        events.Noted = events.Done;
        return true;
    }

    /// <summary>Writes jobs and the progress under the commit lock, so that none of the jobs changes meanwhile.</summary>
    private async Task WriteJobs(string note)
    {
        (JobFixes batch, jobs) = (jobs, new JobFixes());
        await WriteBehind(batch.Count, note, async () =>
        {
            if (batch.Jobs.Count + batch.Orphans.Count > 0)
            {
                await writing.Run(DatabaseNames.TakeCommitLock, stop);
                await DerivedRows.WriteJobs(writing, await AsTheyStand(batch.Jobs), stop);
                if (batch.Orphans.Count > 0)
                    await DerivedRows.DeleteWithoutEvents(writing, [.. batch.Orphans], stop);
                await writing.Ask(DatabaseNames.CountRebuild, stop);
                await writing.Run($"NOTIFY {DatabaseNames.RebuiltChannel}", stop);
            }

            await DerivedRows.DeleteSnapshots(writing, batch.WrongSnapshots, stop);
            await DerivedRows.WriteSnapshots(writing, batch.MissingSnapshots, stop);
        });
    }

    private async Task WriteIndex(string note)
    {
        (List<IndexFix> batch, index) = (index, []);
        await WriteBehind(batch.Count, note, () => DerivedRows.WriteIndex(writing, batch, stop));
    }

    /// <summary>Writes a batch while the next one is read (a pipeline of two).</summary>
    private async Task WriteBehind(int count, string note, Func<Task> write)
    {
        await written;
        written = Task.Run(Write, stop);

        async Task Write()
        {
            await using NpgsqlTransaction transaction = await DerivedRows.Begin(writing, stop);
            await write();
            await writing.Run(note, stop);
            await transaction.CommitAsync(stop);
            Changed += count;
        }
    }

    /// <summary>The streams as they were folded. A stream that has got an event since is folded again.</summary>
    private async Task<List<ReplayedStream>> AsTheyStand(List<ReplayedStream> folded)
    {
        Dictionary<Guid, long> versions = await EventLog.Versions(writing, [.. folded.Select(stream => stream.Uid)], stop);
        List<ReplayedStream> standing = folded.FindAll(stream => versions.GetValueOrDefault(stream.Uid) == stream.Events);
        Guid[] moved = [.. folded.Except(standing).Select(stream => stream.Uid)];
        if (moved.Length > 0)
        {
            await foreach (ReplayedStream stream in EventLog.Fold(writing, new StreamRange { Only = moved }, _ => { }, stop))
                standing.Add(stream.Row is null ? throw new FormatException($"{stream.Uid}: {stream.Problem}") : stream);
        }

        return standing;
    }
}
