using EventStore.Domain.Jobs;
using EventStore.Server.Store.Format;
using Npgsql;

namespace EventStore.Server.Store.Reads;

/// <summary>
/// The names that a list as of a past revision has to examine, in order: jobs living now, and jobs deleted since, of which there may be
/// many more. The first are read along their index, the second are sorted once by a cursor in the database.
/// </summary>
/// <param name="connection">A connection within a snapshot.</param>
/// <param name="range">Which jobs.</param>
/// <param name="revision">As of this revision.</param>
internal sealed class NamesAtRevision(NpgsqlConnection connection, JobRange range, long revision)
{
    private readonly Queue<(JobKey Key, bool HasChanged)> living = new();
    private readonly Queue<JobKey> deleted = new();
    private readonly JobRange whole = range;
    private JobRange rest = range;
    private bool isOpen;
    private bool noMoreLiving;
    private bool noMoreDeleted;

    /// <summary>The next names, each with whether its job has changed since the revision; empty at the end.</summary>
    public async Task<List<(JobKey Key, bool HasChanged)>> Next(int count, CancellationToken stop)
    {
        var next = new List<(JobKey, bool)>(count);
        while (next.Count < count)
        {
            if (living.Count == 0 && !noMoreLiving)
                await ReadLiving(count, stop);
            if (deleted.Count == 0 && !noMoreDeleted)
                await ReadDeleted(count, stop);
            if (living.Count == 0 && deleted.Count == 0)
                break;
            next.Add(Lower());
        }

        return next;
    }

    // A name that was deleted and lives again is one name.
    private (JobKey, bool) Lower()
    {
        int order = living.Count == 0 ? 1 : deleted.Count == 0 ? -1 : JobRange.Compare(living.Peek().Key, deleted.Peek());
        if (order > 0)
            return (deleted.Dequeue(), true);
        if (order == 0)
            deleted.Dequeue();
        return living.Dequeue();
    }

    private async Task ReadLiving(int count, CancellationToken stop)
    {
        await using var command = new NpgsqlCommand { Connection = connection, CommandTimeout = 0 };
        JobRange.Add(command, "SELECT j.namespace, j.name, j.revision > ", revision);
        command.CommandText += " FROM eventstore.mt_doc_current_job j WHERE NOT j.deleted";
        rest.Narrow(command, "j.namespace", "j.name");
        JobRange.Add(command, $" ORDER BY {JobRange.Order("j.namespace", "j.name")} LIMIT ", count);
        await using NpgsqlDataReader reader = await command.ExecuteReaderAsync(stop);
        while (await reader.ReadAsync(stop))
        {
            rest = rest with { Behind = new JobKey(reader.GetString(0), reader.GetString(1)) };
            living.Enqueue((rest.Behind.Value, reader.GetBoolean(2)));
        }

        noMoreLiving = living.Count < count;
    }

    private async Task ReadDeleted(int count, CancellationToken stop)
    {
        if (!isOpen)
            await Open(stop);
        await using var command = new NpgsqlCommand($"FETCH {count} FROM deleted_since", connection) { CommandTimeout = 0 };
        await using NpgsqlDataReader reader = await command.ExecuteReaderAsync(stop);
        while (await reader.ReadAsync(stop))
            deleted.Enqueue(new JobKey(reader.GetString(0), reader.GetString(1)));
        noMoreDeleted = deleted.Count < count;
    }

    private async Task Open(CancellationToken stop)
    {
        // That of a list before in this snapshot, which may have been broken off anywhere.
        await using (var closing = new NpgsqlCommand("CLOSE ALL", connection))
            await closing.ExecuteNonQueryAsync(stop);
        await using var command = new NpgsqlCommand { Connection = connection, CommandTimeout = 0 };
        const string DeletedSince = $"""
            DECLARE deleted_since NO SCROLL CURSOR FOR
            SELECT r.namespace, r.job FROM eventstore.revision r WHERE r.type = '{EventCodec.Deleted}' AND r.revision >
            """;
        JobRange.Add(command, DeletedSince + " ", revision);
        whole.Narrow(command, "r.namespace", "r.job");
        command.CommandText += $" GROUP BY r.namespace, r.job ORDER BY {JobRange.Order("r.namespace", "r.job")}";
        await command.ExecuteNonQueryAsync(stop);
        isOpen = true;
    }
}
