using EventStore.Domain.Jobs;
using EventStore.Server.Store.Format;
using Npgsql;

namespace EventStore.Server.Store.Reads;

/// <content>What a standby may answer: it is shown, and nothing is decided by it.</content>
public sealed partial class JobReads
{
    /// <summary>
    /// The living job of that name as a standby has it, not older than the revision. The primary is not asked how far it is: what this
    /// server has not seen yet may be a change for which the primary still waits, and is not shown.
    /// </summary>
    /// <param name="key">The job.</param>
    /// <param name="revision">The revision; 0 for any that this server has seen.</param>
    /// <param name="stop">Cancels the read.</param>
    /// <returns>Null where the primary is to be asked.</returns>
    public async Task<StoredJob?> TryGetOnStandby(JobKey key, long revision, CancellationToken stop)
    {
        // A client may name any revision, and a standby must not be waited for in vain.
        if (revision > database.Epochs.Seen || Lacking(revision) is not null)
            return null;
        long needed = revision > 0 ? revision : database.Epochs.Seen;
        StoredJob? job = await standbys.TryRead(needed, Read, stop);
        return Lacking(revision) is null ? job : null; // an epoch may have begun meanwhile

        async Task<StoredJob?> Read(NpgsqlConnection connection) =>
            (await LivingRow.One(connection, key))?.Shown is { } shown && shown.Revision <= database.Epochs.Seen ? shown : null;
    }

    /// <summary>The same as <see cref="JobAt"/>.</summary>
    /// <exception cref="UnreadableEventException">One of its events cannot be read.</exception>
    public async Task<(Job Job, DateTimeOffset Time)?> JobShownAt(JobKey key, long revision, CancellationToken stop)
    {
        PastJob? past = await standbys.Read(revision, connection => PastJobs.OneAt(connection, key, revision, stop), stop);
        return past is null ? null : (past.Job!, past.Time);
    }

    /// <summary>
    /// Opens a transaction that may be on a standby, for lists that are shown to a client and decide nothing. It has everything
    /// that the primary has committed before the call or, with <paramref name="isAny"/>, everything that this server has seen.
    /// </summary>
    /// <param name="isAny">
    /// Whether the last revision that this server has seen is recent enough, so that the primary need not be asked.
    /// </param>
    /// <param name="stop">Cancels the read.</param>
    public async Task<ListTransaction> BeginShownList(bool isAny, CancellationToken stop)
    {
        if (!standbys.Exist)
            return await BeginList(stop);
        long needed = isAny ? database.Epochs.Seen : await Head(stop);
        // What waits for a synchronous standby is to be seen there before it is on the primary.
        return await BeginOnStandby(
            needed, async head => (!isAny && head == needed) || head <= await Head(stop), stop) ?? await BeginList(stop);
    }

    /// <summary>The same for a list as of a revision, which the primary has.</summary>
    public async Task<ListTransaction> BeginShownList(long revision, CancellationToken stop) =>
        await BeginOnStandby(revision, _ => Task.FromResult(true), stop) ?? await BeginList(stop);

    private async Task<ListTransaction?> BeginOnStandby(long revision, Func<long, Task<bool>> mayBeShown, CancellationToken stop)
    {
        if (await standbys.TryOpen(revision, stop) is not { } there || await ListTransaction.TryOpen(database, there, stop) is not { } list)
            return null;
        bool isTaken = false;
        try
        {
            isTaken = await mayBeShown(list.Head) && database.Epochs.Known[^1] == there.Epoch;
            return isTaken ? list : null;
        }
        finally
        {
            if (!isTaken)
                await list.DisposeAsync();
        }
    }
}
