using System.Runtime.CompilerServices;
using EventStore.Domain.Jobs;
using EventStore.Server.Store.Format;
using EventStore.Server.Store.Hosts;

namespace EventStore.Server.Store.Reads;

/// <summary>
/// Lists of jobs as of one revision, from a snapshot of the primary or of a standby. Where the standby fails, the rest is read from the
/// primary, as of the same revision.
/// </summary>
public sealed class ListTransaction : IAsyncDisposable
{
    private readonly Primary primary;
    private ListSnapshot snapshot;
    private Standby? standby;

    private ListTransaction(Primary primary, ListSnapshot snapshot, Standby? standby) =>
        (this.primary, this.snapshot, this.standby, Head) = (primary, snapshot, standby, snapshot.Head);

    /// <summary>The revision the snapshot stood at when it was taken.</summary>
    public long Head { get; }

    /// <summary>Takes a snapshot of the primary.</summary>
    internal static async Task<ListTransaction> Open(Primary primary, CancellationToken stop) =>
        new(primary, await ListSnapshot.Take(await primary.OpenConnectionAsync(stop), stop), null);

    /// <summary>Takes one of a standby; null if that fails.</summary>
    internal static async Task<ListTransaction?> TryOpen(Primary primary, StandbySession there, CancellationToken stop) =>
        await there.Standby.OrElse(Taken(there, stop), () => Task.FromResult<ListSnapshot?>(null), stop) is { } taken
            ? new ListTransaction(primary, taken, there.Standby)
            : null;

    /// <inheritdoc cref="ListSnapshot.List"/>
    public IAsyncEnumerable<StoredJob> List(JobRange range, long revision, CancellationToken stop) =>
        standby is { } there ? List(there, range, revision, stop) : snapshot.List(range, revision, stop);

    /// <inheritdoc cref="ListSnapshot.Count"/>
    public Task<long> Count(JobRange range, long revision, CancellationToken stop)
    {
        Task<long> counted = snapshot.Count(range, revision, stop);
        return standby is { } there ? there.OrElse(counted, Again, stop) : counted;

        async Task<long> Again()
        {
            await MoveToPrimary(revision, stop);
            return await snapshot.Count(range, revision, stop);
        }
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => standby is { } there ? new ValueTask(there.Close(snapshot)) : snapshot.DisposeAsync();

    private async IAsyncEnumerable<StoredJob> List(
        Standby there, JobRange range, long revision, [EnumeratorCancellation] CancellationToken stop)
    {
        JobKey? behind = range.Behind;
        await foreach (StoredJob job in there.OrElse(snapshot.List(range, revision, stop), Rest, stop))
        {
            behind = job.Key;
            yield return job;
        }

        async IAsyncEnumerable<StoredJob> Rest()
        {
            await MoveToPrimary(revision, stop);
            await foreach (StoredJob job in snapshot.List(range with { Behind = behind }, revision, stop))
                yield return job;
        }
    }

    private static async Task<ListSnapshot?> Taken(StandbySession there, CancellationToken stop) =>
        await ListSnapshot.Take(there.Connection, stop);

    /// <summary>Goes on at the primary. Nobody waits until what was read of the standby is closed, for it may hang.</summary>
    /// <exception cref="PrimaryChangedException">It has not got the revision: it is another primary, and the revision is lost.</exception>
    private async Task MoveToPrimary(long revision, CancellationToken stop)
    {
        _ = standby!.Close(snapshot);
        (standby, snapshot) = (null, await ListSnapshot.Take(await primary.OpenConnectionAsync(stop), stop));
        if (snapshot.Head < revision)
            throw new PrimaryChangedException();
    }
}
