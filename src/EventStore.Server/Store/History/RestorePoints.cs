using EventStore.Domain.Jobs;
using EventStore.Server.Store.Format;
using EventStore.Server.Store.Hosts;
using EventStore.Server.Store.Reads;
using Npgsql;

namespace EventStore.Server.Store.History;

/// <summary>The state to restore a job from; or why there is none.</summary>
public abstract record RestorePoint
{
    private RestorePoint()
    {
    }

    /// <summary>The job in that state.</summary>
    public sealed record Found(Job Job) : RestorePoint;

    /// <summary>No job ever had that name.</summary>
    public sealed record NoSuchName : RestorePoint;

    /// <summary>No such job had that name at the revision.</summary>
    /// <param name="Lived">The uid of the job that had the name then; null for none.</param>
    public sealed record NotThen(Guid? Lived) : RestorePoint;

    /// <summary>No job of that name had the uid.</summary>
    public sealed record NotThatJob : RestorePoint;
}

/// <summary>Finds the state to restore a job from: at a revision, or just before its deletion.</summary>
public sealed class RestorePoints(Primary database)
{
    private const string LastSql = $"""
        SELECT e.stream_id, e.version, r.type = '{EventCodec.Deleted}'
          FROM eventstore.revision r JOIN eventstore.mt_events e ON e.seq_id = r.revision
         WHERE r.namespace = $1 AND r.job = $2 ORDER BY r.revision DESC LIMIT 1
        """;

    private const string OfUidSql = """
        SELECT j.id, j.mt_version, j.deleted FROM eventstore.mt_doc_current_job j WHERE j.id = $3 AND j.namespace = $1 AND j.name = $2
        """;

    /// <summary>Finds the state.</summary>
    /// <param name="key">The name.</param>
    /// <param name="uid">The incarnation; null for the last one or, with a revision, the one that lived then.</param>
    /// <param name="revision">The revision; null for just before its deletion or, if it lives, now.</param>
    /// <param name="stop">Cancels the reading.</param>
    /// <exception cref="UnreadableEventException">One of its events cannot be read.</exception>
    public Task<RestorePoint> Find(JobKey key, Guid? uid, long? revision, CancellationToken stop) =>
        database.Read(connection => Find(connection, key, uid, revision, stop), stop);

    private static async Task<RestorePoint> Find(
        NpgsqlConnection connection, JobKey key, Guid? uid, long? revision, CancellationToken stop)
    {
        if (await Ask(connection, LastSql, key, null, stop) is not { } last)
            return new RestorePoint.NoSuchName();
        Life? life = uid is null || uid == last.Uid ? last : await Ask(connection, OfUidSql, key, uid, stop);
        if (life is null)
            return new RestorePoint.NotThatJob();
        if (revision is { } asked)
        {
            Job? then = (await PastJobs.OneAt(connection, key, asked, stop))?.Job;
            return then is not null && (uid is null || then.Uid == uid)
                ? new RestorePoint.Found(then)
                : new RestorePoint.NotThen(then?.Uid);
        }

        var version = new Dictionary<Guid, long> { [life.Uid] = life.Deleted ? life.Version - 1 : life.Version };
        PastJobs.Found found = await PastJobs.AtVersions(connection, version, long.MaxValue, stop);
        return new RestorePoint.Found(found.Jobs[0].OrThrow().Job!);
    }

    private static async Task<Life?> Ask(NpgsqlConnection connection, string sql, JobKey key, Guid? uid, CancellationToken stop)
    {
        await using var command = new NpgsqlCommand(sql, connection);
        command.Parameters.Add(new NpgsqlParameter<string> { TypedValue = key.Namespace });
        command.Parameters.Add(new NpgsqlParameter<string> { TypedValue = key.Name });
        if (uid is { } one)
            command.Parameters.Add(new NpgsqlParameter<Guid> { TypedValue = one });
        await using NpgsqlDataReader reader = await command.ExecuteReaderAsync(stop);
        return await reader.ReadAsync(stop) ? new Life(reader.GetGuid(0), reader.GetInt64(1), reader.GetBoolean(2)) : null;
    }

    private sealed record Life(Guid Uid, long Version, bool Deleted);
}
