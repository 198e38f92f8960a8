using EventStore.Server.Store.Format;
using EventStore.Server.Store.Hosts;
using Npgsql;

namespace EventStore.Server.Store.Lane;

/// <summary>Finds out what became of a batch whose reply was lost, by connections that are opened for that alone.</summary>
/// <param name="source">
/// The database. Unlike elsewhere a read-only session is accepted: a database that became read-only can still say what was stored.
/// </param>
public sealed class LostReplies(Primary source) : IAsyncDisposable
{
    private const string StateSql =
        "SELECT pg_is_in_recovery(), current_setting('transaction_read_only')::boolean, pg_postmaster_start_time()";

    // True once the session has ended, null if it had ended already, false if it did not end in time.
    private const string EndSql =
        "SELECT bool_and(pg_terminate_backend(pid, $3)) FROM pg_stat_activity WHERE pid = $1 AND backend_start = $2";

    private const string FindSql = """
        SELECT e.place, m.seq_id
          FROM unnest($1::uuid[], $2::bigint[], $3::uuid[]) WITH ORDINALITY AS e (stream, version, id, place)
          JOIN eventstore.mt_events m ON m.stream_id = e.stream AND m.version = e.version AND m.id = e.id
        """;

    /// <summary>The database.</summary>
    public Primary Source => source;

    /// <summary>Closes the database's connections.</summary>
    public ValueTask DisposeAsync() => source.DisposeAsync();

    /// <summary>
    /// Looks up whether a batch was committed. First the session that sent it is terminated (fencing): then nothing of the batch can be
    /// committed any more, and an event that is not found now was not stored.
    /// </summary>
    /// <param name="batch">The batch.</param>
    /// <param name="sender">The session that sent it.</param>
    /// <param name="patience">How long it may take.</param>
    internal Task<Committed> Find(Batch batch, LaneSession sender, TimeSpan patience)
    {
        Term asked = source.Term;
        return asked.Bound(FindOnce()).WaitAsync(patience + LaneConnection.Grace);

        async Task<Committed> FindOnce()
        {
            await using NpgsqlConnection open = await Open(asked, sender);
            await End(open, sender, patience);
            Committed found = await Read(open, batch, patience);
            if (found.Revisions.Any(revision => revision > 0)) // a session that is terminated waits for the standbys no more
                await StandbyWait.On(open, source, patience);
            return found;
        }
    }

    /// <summary>
    /// Opens a session, and accepts it only on the same PostgreSQL server that the batch was sent to. A standby may be behind, and a
    /// read-only database may be a former primary: neither knows what became of the batch.
    /// </summary>
    private static async Task<NpgsqlConnection> Open(Term asked, LaneSession sender)
    {
        NpgsqlConnection opened = await asked.OpenConnectionAsync();
        try
        {
            await using var command = new NpgsqlCommand(StateSql, opened);
            await using NpgsqlDataReader reader = await command.ExecuteReaderAsync();
            await reader.ReadAsync();
            (bool isStandby, bool isReadOnly) = (reader.GetBoolean(0), reader.GetBoolean(1));
            if (isStandby || (isReadOnly && reader.GetDateTime(2) != sender.ServerStarted))
                throw new ReadOnlyDatabaseException();
            return opened;
        }
        catch
        {
            await opened.DisposeAsync();
            throw;
        }
    }

    private static async Task End(NpgsqlConnection open, LaneSession session, TimeSpan patience)
    {
        await using var command = new NpgsqlCommand(EndSql, open) { CommandTimeout = CommitCall.WholeSeconds(patience) };
        command.Parameters.Add(new NpgsqlParameter<int> { TypedValue = session.Pid });
        command.Parameters.Add(new NpgsqlParameter<DateTime> { TypedValue = session.Began });
        command.Parameters.Add(new NpgsqlParameter<long> { TypedValue = Math.Max(1, (long)patience.TotalMilliseconds / 2) });
        if (await command.ExecuteScalarAsync() is false)
            throw new TimeoutException($"the session of process {session.Pid} has not ended yet");
    }

    /// <summary>
    /// Commits are atomic: if one event of the batch is found, all that were appended are. A key none of whose events is found was
    /// refused or has no event, and its commands must be decided again. No lock is needed, and none is taken.
    /// </summary>
    private static async Task<Committed> Read(NpgsqlConnection open, Batch batch, TimeSpan patience)
    {
        await using var command = new NpgsqlCommand(FindSql, open) { CommandTimeout = CommitCall.WholeSeconds(patience) };
        CommitCall.Add(command.Parameters, batch.Entries, entry => entry.After.Uid);
        CommitCall.Add(command.Parameters, batch.Entries, entry => entry.After.Version);
        CommitCall.Add(command.Parameters, batch.Entries, entry => entry.Id);
        var committed = Committed.Nothing(batch);
        await using NpgsqlDataReader reader = await command.ExecuteReaderAsync();
        while (await reader.ReadAsync())
        {
            int place = (int)reader.GetInt64(0) - 1;
            committed.Revisions[place] = reader.GetInt64(1);
            committed.Held[batch.Entries[place].OfKey.Place] = true;
        }

        return committed;
    }
}
