using EventStore.Server.Store.Format;
using EventStore.Server.Store.Hosts;
using Npgsql;

namespace EventStore.Server.Store.Lane;

/// <summary>
/// Synchronous replication: waits until the standbys have everything committed so far, before an answer that was derived from it is sent.
/// </summary>
public sealed class StandbyWait(Primary database)
{
    private const string Sql =
        $"SELECT CASE WHEN current_setting('synchronous_standby_names') <> '' THEN {CommitCall.WriteRecord} END";

    /// <summary>Waits; returns at once if the primary has no synchronous standby.</summary>
    /// <exception cref="NotSynchronousException">The settings require a synchronous standby, and the primary has none.</exception>
    /// <exception cref="NotReplicatedException">PostgreSQL gave up waiting.</exception>
    public Task Confirm(TimeSpan patience, CancellationToken stop) => database.Read(
        async open =>
        {
            await On(open, database, patience, stop);
            return true;
        },
        stop);

    /// <summary>The same on an open connection.</summary>
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

    /// <summary>
    /// Whether PostgreSQL reports that it gave up waiting for a synchronous standby. Its text may be translated, so the routine is
    /// compared.
    /// </summary>
    internal static bool IsGivenUp(PostgresNotice notice) => notice.Routine == "SyncRepWaitForLSN";
}
