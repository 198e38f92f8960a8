using EventStore.Domain.Jobs;
using EventStore.Server.Store.Format;
using Npgsql;

namespace EventStore.Server.Store.Reads;

/// <summary>
/// Reads the log forward as changes: each event with the job before and after it. Jobs are folded from event to event; one that is
/// not known yet is loaded as it was before its first event here, and never as it is now, which may be ahead.
/// </summary>
/// <param name="jobsMax">How many jobs are remembered at most; beyond them everything is forgotten and loaded again.</param>
internal sealed class JobLog(int jobsMax)
{
    /// <summary>The most events of one reading.</summary>
    public const int PageLength = 1000;

    private const string Sql = """
        SELECT e.seq_id, e.stream_id, e.version, e.timestamp, e.type, e.data::text, e.user_name, e.headers::text, e.correlation_id
          FROM eventstore.mt_events e
         WHERE e.seq_id > $1 AND e.seq_id <= $2 ORDER BY e.seq_id LIMIT $3
        """;

    private const string OfKeySql = """
        SELECT e.seq_id, e.stream_id, e.version, e.timestamp, e.type, e.data::text, e.user_name, e.headers::text, e.correlation_id
          FROM eventstore.mt_doc_current_job j JOIN eventstore.mt_events e ON e.stream_id = j.id
         WHERE e.seq_id > $1 AND e.seq_id <= $2 AND j.namespace = $4 AND j.name = $5 ORDER BY e.seq_id LIMIT $3
        """;

    private readonly Dictionary<Guid, Job> known = [];

    /// <summary>The next changes behind a revision, in order, up to and including another; at most a page of them.</summary>
    /// <param name="connection">A connection.</param>
    /// <param name="after">Behind this revision.</param>
    /// <param name="upTo">Not beyond this one.</param>
    /// <param name="key">Of this job only, or null.</param>
    /// <param name="stop">Gives up.</param>
    public async Task<List<JobChange>> Read(NpgsqlConnection connection, long after, long upTo, JobKey? key, CancellationToken stop)
    {
        List<Row> rows = await ReadRows(connection, after, upTo, key, stop);
        await LoadUnknown(connection, rows, stop);
        var changes = new List<JobChange>(rows.Count);
        foreach (Row row in rows)
        {
            // What is known may be ahead of a reading that broke off in its middle and is done again; a life begins only once.
            Job? before = row.Version == 1 ? null : known.GetValueOrDefault(row.Stream);
            Job now = Job.Evolve(before, row.Happened, row.Revision);
            if (now.Deleted)
                known.Remove(row.Stream);
            else
                known[row.Stream] = now;
            changes.Add(new JobChange(before, now, row.Time, row.Happened, row.Origin));
        }

        return changes;
    }

    private static async Task<List<Row>> ReadRows(NpgsqlConnection connection, long after, long upTo, JobKey? key, CancellationToken stop)
    {
        await using var command = new NpgsqlCommand(key is null ? Sql : OfKeySql, connection);
        command.Parameters.Add(new NpgsqlParameter<long> { TypedValue = after });
        command.Parameters.Add(new NpgsqlParameter<long> { TypedValue = upTo });
        command.Parameters.Add(new NpgsqlParameter<int> { TypedValue = PageLength });
        if (key is { } one)
        {
            command.Parameters.Add(new NpgsqlParameter<string> { TypedValue = one.Namespace });
            command.Parameters.Add(new NpgsqlParameter<string> { TypedValue = one.Name });
        }

        var rows = new List<Row>();
        await using NpgsqlDataReader reader = await command.ExecuteReaderAsync(stop);
        while (await reader.ReadAsync(stop))
        {
            JobEvent happened = EventCodec.Read(reader.GetString(4), reader.GetString(5));
            rows.Add(new Row(
                reader.GetInt64(0), reader.GetGuid(1), reader.GetInt64(2), reader.GetFieldValue<DateTimeOffset>(3), happened, EventCodec.ReadOrigin(reader, 6)));
        }

        return rows;
    }

    private async Task LoadUnknown(NpgsqlConnection connection, List<Row> rows, CancellationToken stop)
    {
        if (known.Count > jobsMax)
            known.Clear();
        var seen = new HashSet<Guid>();
        var missing = new Dictionary<Guid, long>();
        foreach (Row row in rows)
        {
            bool first = seen.Add(row.Stream);
            if (first && row.Version > 1 && !(known.TryGetValue(row.Stream, out Job? job) && job.Version == row.Version - 1))
                missing[row.Stream] = row.Version - 1;
        }

        if (missing.Count == 0)
            return;
        foreach ((Guid uid, (Job job, _)) in await PastJobs.AtVersions(connection, missing, stop))
            known[uid] = job;
    }

    private sealed record Row(long Revision, Guid Stream, long Version, DateTimeOffset Time, JobEvent Happened, StoredOrigin Origin);
}
