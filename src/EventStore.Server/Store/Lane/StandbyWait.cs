using EventStore.Server.Store.Format;
using EventStore.Server.Store.Hosts;
using Npgsql;

namespace EventStore.Server.Store.Lane;

/// <summary>
/// Synchronous replication: waits until the standbys have all that was committed so far, for an answer that rests on what is there.
/// </summary>
public sealed class StandbyWait(Primary database)
{
    private const string Sql =
        $"SELECT CASE WHEN current_setting('synchronous_standby_names') <> '' THEN {CommitCall.WriteRecord} END";

    /// <summary>Waits; not at all where the primary waits for no standby.</summary>
    /// <exception cref="NotSynchronousException">A standby is required, and the primary waits for none.</exception>
    /// <exception cref="NotReplicatedException">PostgreSQL gave up waiting.</exception>
    public async Task Confirm(TimeSpan patience, CancellationToken stop)
    {
        await using NpgsqlConnection open = await database.OpenConnectionAsync(stop);
        await On(open, database, patience, stop);
    }

    /// <summary>The same by a connection that is open.</summary>
    internal static async Task On(NpgsqlConnection open, Primary source, TimeSpan patience, CancellationToken stop = default)
    {
        if (source.LacksStandby)
            throw new NotSynchronousException();
        bool hasGivenUp = false;
        open.Notice += (_, sent) => hasGivenUp |= IsGivenUp(sent.Notice);
        await using var command = new NpgsqlCommand(Sql, open) { CommandTimeout = CommitCall.WholeSeconds(patience) };
        await command.ExecuteNonQueryAsync(stop);
        if (hasGivenUp)
            throw new NotReplicatedException();
    }

    /// <summary>Whether PostgreSQL tells that it no longer waits for a synchronous standby; its text is translated.</summary>
    internal static bool IsGivenUp(PostgresNotice notice) => notice.Routine == "SyncRepWaitForLSN";
}
