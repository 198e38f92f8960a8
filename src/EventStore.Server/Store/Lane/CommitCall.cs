using System.Data;
using EventStore.Server.Store.Format;
using Npgsql;
using NpgsqlTypes;

namespace EventStore.Server.Store.Lane;

/// <summary>What the database said of a batch.</summary>
/// <param name="Held">For each key whether its job still stood as named; where not, nothing of it was appended.</param>
/// <param name="Revisions">For each event its revision; 0 where it was not appended.</param>
/// <param name="Rebuild">
/// The number of the last rebuild that wrote current jobs; null where it was not asked. If it is not the one the batch named, nothing was
/// held: what was read before it may be wrong.
/// </param>
/// <param name="Lease">
/// The number under which the lease of lifetimes is held, where the batch named one; if it is not the one named, nothing was held.
/// </param>
/// <param name="Epoch">
/// The last epoch, where the batch named one; 0 where it has to be compared first. If it is not the one named, nothing was held.
/// </param>
internal sealed record Committed(bool[] Held, long[] Revisions, long? Rebuild, long? Lease = null, long? Epoch = null)
{
    /// <summary>Nothing of the batch was stored.</summary>
    public static Committed Nothing(Batch batch) => new(new bool[batch.ByKey.Count], new long[batch.Entries.Count], null, batch.Lease);

    /// <summary>
    /// Whether all of a batch was stored; of one without events, whether all was held. With events that is not asked: what is looked up
    /// later is told by its events, and a key that has none has nothing to tell.
    /// </summary>
    public bool IsWhole => Revisions.Length > 0 ? Revisions.All(revision => revision > 0) : Held.All(held => held);

    /// <summary>Whether the batch was looked at at all.</summary>
    public bool IsOf(Batch batch, Fence fence) => Rebuild == fence.Rebuild && Lease == batch.Lease && Epoch == fence.Epoch;
}

/// <summary>A fencing token: what was known of the database when jobs were read. Where it holds no more nothing is committed.</summary>
/// <param name="Rebuild">The last rebuild before the jobs were read.</param>
/// <param name="Epoch">The last epoch by then.</param>
/// <param name="Seen">The last revision seen at the commit.</param>
internal readonly record struct Fence(long Rebuild, long Epoch, long Seen = 0);

/// <summary>
/// The one call that appends: <c>eventstore.commit_jobs_7</c> of migrations/V0023, which has its whole text. One statement is one round
/// trip and, without a transaction around it, one transaction: the lock it takes is never held across a round trip.
/// </summary>
internal static class CommitCall
{
    /// <summary>
    /// Writes a small record, so that the transaction waits for the synchronous standbys. They have all that was committed before it then:
    /// the write-ahead log is in order.
    /// </summary>
    public const string WriteRecord = "pg_logical_emit_message(true, 'eventstore', '')";

    // Synchronous replication: PostgreSQL waits for a standby only where a transaction wrote something. Where nothing was appended, the
    // answers (no change, not found, a conflict) may rest on a commit that the primary alone has.
    private const string Replicated =
        $"CASE WHEN current_setting('synchronous_standby_names') <> '' AND 0 = ALL (revisions) THEN {WriteRecord} END";

    private const string Sql = $"""
        SELECT held, revisions, rebuild, lease, epoch, {Replicated}
          FROM eventstore.commit_jobs_7(
                   $1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13,$14,$15,$16,$17,$18,$19,$20,$21,$22,$23,$24,$25,$26,$27)
        """;

    /// <summary>Commits the batch. When this throws a <see cref="PostgresException"/> of severity ERROR, nothing was stored.</summary>
    /// <param name="connection">A connection outside any transaction.</param>
    /// <param name="batch">The batch.</param>
    /// <param name="wakeOthers">Whether the feeds of other processes are to be told.</param>
    /// <param name="fence">What was known when the batch's jobs were read; null for who has read them just now.</param>
    /// <param name="patience">How long it may take.</param>
    /// <param name="allOrNone">Whether nothing of the batch is stored where one of its bases stands no more.</param>
    public static async Task<Committed> Execute(
        NpgsqlConnection connection, Batch batch, bool wakeOthers, Fence? fence, TimeSpan patience, bool allOrNone)
    {
        await using NpgsqlCommand command = Of(connection, batch, wakeOthers, fence, allOrNone);
        command.CommandTimeout = WholeSeconds(patience);
        return await Read(command);
    }

    /// <summary>The call itself, with everything the function is to be told, in the order of its parameters.</summary>
    internal static NpgsqlCommand Of(NpgsqlConnection connection, Batch batch, bool wakeOthers, Fence? fence, bool allOrNone)
    {
        var command = new NpgsqlCommand(Sql, connection);
        AddKeys(command.Parameters, batch.ByKey);
        AddEvents(command.Parameters, batch.Entries);
        AddPaths(command.Parameters, batch.Entries);
        AddRows(command.Parameters, [.. batch.Entries.Where(entry => entry.WritesRow)]);
        command.Parameters.Add(new NpgsqlParameter<bool> { TypedValue = wakeOthers });
        command.Parameters.Add(new NpgsqlParameter<bool> { TypedValue = allOrNone });
        foreach (long? known in (long?[])[fence?.Rebuild, batch.Lease, fence?.Epoch, fence?.Seen])
            command.Parameters.Add(new NpgsqlParameter<long?> { TypedValue = known, NpgsqlDbType = NpgsqlDbType.Bigint });
        return command;
    }

    /// <summary>A time as Npgsql wants it, where 0 would be for ever.</summary>
    public static int WholeSeconds(TimeSpan time) => Math.Max(1, (int)Math.Ceiling(time.TotalSeconds));

    /// <summary>
    /// Whether a migration replaced the function while the batch waited within it for the lock: a trigger of migrations/V0004 then turned
    /// it away, nothing was stored, and the next call is one of the new function.
    /// </summary>
    public static bool IsOutrun(PostgresException e) =>
        e.SqlState == PostgresErrorCodes.RaiseException && e.Where?.Contains("refuse_unlinked", StringComparison.Ordinal) == true;

    private static async Task<Committed> Read(NpgsqlCommand command)
    {
        await using NpgsqlDataReader reader = await command.ExecuteReaderAsync();
        await reader.ReadAsync();
        var committed = new Committed(
            await reader.IsDBNullAsync(0) ? [] : await reader.GetFieldValueAsync<bool[]>(0), // an empty batch has no key to tell of
            await reader.GetFieldValueAsync<long[]>(1),
            reader.GetInt64(2),
            reader.IsDBNull(3) ? null : reader.GetInt64(3),
            reader.IsDBNull(4) ? null : reader.GetInt64(4));
        // A long row may come before the commit, and closing the reader passes over a time-out: only the end of the answer tells of it.
        while (await reader.NextResultAsync())
        {
        }

        return committed;
    }

    private static void AddKeys(NpgsqlParameterCollection parameters, List<Batch.KeyCommands> keys)
    {
        Add(parameters, keys, each => each.Key.Namespace);
        Add(parameters, keys, each => each.Key.Name);
        Add(parameters, keys, each => each.Basis?.Uid);
        Add(parameters, keys, each => each.Basis?.Version);
        Add(parameters, keys, each => each.Basis?.Revision);
    }

    private static void AddEvents(NpgsqlParameterCollection parameters, List<Batch.Entry> entries)
    {
        Add(parameters, entries, entry => entry.OfKey.Place + 1);
        Add(parameters, entries, entry => entry.Id);
        Add(parameters, entries, entry => entry.After.Uid);
        Add(parameters, entries, entry => entry.After.Version);
        Add(parameters, entries, entry => entry.Name);
        Add(parameters, entries, _ => (string?)null); // the class: Marten finds it by the stored name
        Add(parameters, entries, entry => entry.Data, NpgsqlDbType.Jsonb);
        Add(parameters, entries, entry => entry.Origin.User);
        Add(parameters, entries, entry => entry.Headers, NpgsqlDbType.Jsonb);
        Add(parameters, entries, entry => entry.Origin.RequestId);
    }

    private static void AddPaths(NpgsqlParameterCollection parameters, List<Batch.Entry> entries)
    {
        List<(int Event, string Path)> paths = [.. entries.SelectMany(entry => entry.Paths.Select(path => (entry.Place + 1, path)))];
        Add(parameters, paths, path => path.Event);
        Add(parameters, paths, path => path.Path);
    }

    private static void AddRows(NpgsqlParameterCollection parameters, List<Batch.Entry> rows)
    {
        Add(parameters, rows, row => row.Place + 1);
        Add(parameters, rows, row => SnapshotRow.IsDue(
            before: row.OfKey.Basis is { } basis && basis.Uid == row.After.Uid ? basis.Version : 0, row.After.Version));
        Add(parameters, rows, row => row.Text.Head, NpgsqlDbType.Text);
        Add(parameters, rows, row => row.Text.Tail, NpgsqlDbType.Text);
    }

    /// <summary>Adds an array with a value for each item.</summary>
    internal static void Add<TItem, TValue>(
        NpgsqlParameterCollection parameters, List<TItem> items, Func<TItem, TValue> value, NpgsqlDbType? type = null)
    {
        var values = new TValue[items.Count];
        for (int i = 0; i < values.Length; i++)
            values[i] = value(items[i]);
        var parameter = new NpgsqlParameter<TValue[]> { TypedValue = values };
        if (type is { } element)
            parameter.NpgsqlDbType = NpgsqlDbType.Array | element;
        parameters.Add(parameter);
    }
}
