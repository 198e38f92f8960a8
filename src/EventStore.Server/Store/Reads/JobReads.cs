using System.Diagnostics;
using EventStore.Domain.Jobs;
using EventStore.Server.Store.Format;
using Npgsql;

namespace EventStore.Server.Store.Reads;

/// <summary>Reads jobs. Every read asks the database, so it sees every write answered before, of any process.</summary>
public sealed class JobReads(NpgsqlDataSource database)
{
    private static readonly TimeSpan FutureWait = TimeSpan.FromSeconds(3);
    private static readonly TimeSpan FuturePause = TimeSpan.FromMilliseconds(50);

    // From one namespace to the next over the index of living jobs, whatever number of jobs each has.
    private const string NamespacesSql = """
        WITH RECURSIVE living (path) AS (
            (SELECT (j.namespace || '/') COLLATE "C" FROM eventstore.mt_doc_current_job j
              WHERE NOT j.deleted ORDER BY (j.namespace || '/') COLLATE "C" LIMIT 1)
            UNION ALL
            SELECT (SELECT (j.namespace || '/') COLLATE "C" FROM eventstore.mt_doc_current_job j
                     WHERE NOT j.deleted AND (j.namespace || '/') COLLATE "C" > living.path ORDER BY (j.namespace || '/') COLLATE "C" LIMIT 1)
              FROM living WHERE living.path IS NOT NULL)
        SELECT h.revision, ARRAY(SELECT rtrim(living.path, '/') FROM living WHERE living.path IS NOT NULL) FROM eventstore.head h
        """;

    private readonly CoalescedReads gets = new(database, queriesMax: 2);

    /// <summary>The living job of that name, or null.</summary>
    public async Task<StoredJob?> Get(JobKey key, CancellationToken stop) => (await gets.Get(key, stop))?.Stored;

    /// <summary>The job of that name that lived at the revision, as it stood then, or null.</summary>
    public async Task<StoredJob?> GetAt(JobKey key, long revision, CancellationToken stop) =>
        await JobAt(key, revision, stop) is var (job, time) ? StoredJob.Of(job, time) : null;

    /// <summary>The job of that name that lived at the revision, as it stood then, and when its last event by then was; or null.</summary>
    public async Task<(Job Job, DateTimeOffset Time)?> JobAt(JobKey key, long revision, CancellationToken stop)
    {
        await using NpgsqlConnection connection = await database.OpenConnectionAsync(stop);
        return (await PastJobs.At(connection, [key], revision, stop)).TryGetValue(key, out var past) ? past : null;
    }

    /// <summary>The revision a moment stood at, or null for one that is yet to come; and the database's clock.</summary>
    public async Task<(long? Revision, DateTimeOffset Now)> RevisionAt(DateTimeOffset moment, CancellationToken stop)
    {
        await using NpgsqlConnection connection = await database.OpenConnectionAsync(stop);
        return await RevisionAtTime.Find(connection, moment, stop);
    }

    /// <summary>Opens a snapshot of all jobs.</summary>
    public async Task<ListTransaction> Snapshot(CancellationToken stop) => await ListTransaction.Open(await database.OpenConnectionAsync(stop), stop);

    /// <summary>Waits, for at most three seconds as upstream does, until the store has reached the revision.</summary>
    /// <returns>Null when it has, else the revision it stands at.</returns>
    public async Task<long?> WaitFor(long revision, CancellationToken stop)
    {
        long started = Stopwatch.GetTimestamp();
        while (true)
        {
            long head = await Head(stop);
            if (head >= revision)
                return null;
            if (Stopwatch.GetElapsedTime(started) >= FutureWait)
                return head;
            await Task.Delay(FuturePause, stop);
        }
    }

    /// <summary>The revision of the last event, of any job; 1 when there is none.</summary>
    public async Task<long> Head(CancellationToken stop)
    {
        await using NpgsqlCommand command = database.CreateCommand("SELECT revision FROM eventstore.head");
        return (long)(await command.ExecuteScalarAsync(stop))!;
    }

    /// <summary>Where the chain stands.</summary>
    public async Task<Checkpoint> Checkpoint(CancellationToken stop)
    {
        await using NpgsqlCommand command = database.CreateCommand("SELECT revision, encode(hash, 'hex') FROM eventstore.head");
        await using NpgsqlDataReader row = await command.ExecuteReaderAsync(stop);
        await row.ReadAsync(stop);
        return new Checkpoint(row.GetInt64(0), row.GetString(1));
    }

    /// <summary>Reads the changes behind a revision, up to another, from the log.</summary>
    /// <param name="after">Behind this revision.</param>
    /// <param name="upTo">Up to and including this one.</param>
    /// <param name="key">Of this job only, or null.</param>
    /// <param name="stop">Gives up.</param>
    public async IAsyncEnumerable<JobChange> Changes(
        long after, long upTo, JobKey? key, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken stop)
    {
        var log = new JobLog(jobsMax: 10_000);
        while (after < upTo)
        {
            List<JobChange> page;
            await using (NpgsqlConnection connection = await database.OpenConnectionAsync(stop))
                page = await log.Read(connection, after, upTo, key, stop);
            foreach (JobChange change in page)
                yield return change;
            if (page.Count < JobLog.PageLength)
                yield break;
            after = page[^1].Revision;
        }
    }

    /// <summary>The namespaces that have living jobs, in order, and the revision at which they had.</summary>
    public async Task<(long Revision, IReadOnlyList<string> Names)> Namespaces(CancellationToken stop)
    {
        await using NpgsqlCommand command = database.CreateCommand(NamespacesSql);
        await using NpgsqlDataReader reader = await command.ExecuteReaderAsync(stop);
        await reader.ReadAsync(stop);
        return (reader.GetInt64(0), reader.GetFieldValue<string[]>(1));
    }
}
