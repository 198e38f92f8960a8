using System.Runtime.CompilerServices;
using EventStore.Domain.Jobs;
using EventStore.Server.Store.Format;
using EventStore.Server.Store.Hosts;
using Npgsql;

namespace EventStore.Server.Store.Reads;

/// <summary>
/// Lists of jobs as of one revision, from a transaction of the primary or of a standby. Where the standby fails, the rest is read from the
/// primary, as of the same revision.
/// </summary>
public sealed class ListTransaction : IAsyncDisposable
{
    private readonly Primary primary;
    private RepeatableRead? transaction;
    private Standby? standby;
    private Term term; // of the primary where it is the primary's

    private ListTransaction(Primary primary, Term term, RepeatableRead transaction, Standby? standby) =>
        (this.primary, this.term, this.transaction, this.standby, Head) = (primary, term, transaction, standby, transaction.Head);

    /// <summary>The revision the transaction stood at when it was begun.</summary>
    public long Head { get; }

    /// <summary>Begins one on the primary.</summary>
    internal static async Task<ListTransaction> Open(Primary primary, CancellationToken stop)
    {
        Term term = primary.Term;
        return new ListTransaction(primary, term, await term.Bound(Begun()), null);

        async Task<RepeatableRead> Begun() => await RepeatableRead.Begin(await term.OpenConnectionAsync(stop), stop);
    }

    /// <summary>Begins one on a standby; null if that fails.</summary>
    internal static async Task<ListTransaction?> TryOpen(Primary primary, StandbySession there, CancellationToken stop) =>
        await there.Standby.OrElse(Begun(there, stop), () => Task.FromResult<RepeatableRead?>(null), stop) is { } begun
            ? new ListTransaction(primary, primary.Term, begun, there.Standby)
            : null;

    /// <inheritdoc cref="RepeatableRead.List"/>
    public IAsyncEnumerable<StoredJob> List(JobRange range, long revision, CancellationToken stop) =>
        standby is { } there ? List(there, range, revision, stop) : ListHere(range, revision, stop);

    /// <inheritdoc cref="RepeatableRead.Count"/>
    public Task<long> Count(JobRange range, long revision, CancellationToken stop)
    {
        Task<long> counted = transaction!.Count(range, revision, stop);
        return standby is { } there ? there.OrElse(counted, Again, stop, transaction) : Here(counted);

        async Task<long> Again()
        {
            await MoveToPrimary(revision, stop);
            return await Here(transaction!.Count(range, revision, stop));
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        if (transaction is not null)
            await (standby?.Close(transaction) ?? term.Closed(transaction.DisposeAsync().AsTask()));
    }

    private IAsyncEnumerable<StoredJob> ListHere(JobRange range, long revision, CancellationToken stop) =>
        term.Bound(transaction!.List(range, revision, stop), Leave, stop);

    private async Task<long> Here(Task<long> counted)
    {
        try
        {
            return await term.Bound(counted);
        }
        finally
        {
            if (!counted.IsCompleted)
                _ = AbandonedTask.Close(counted, Leave());
        }
    }

    /// <summary>Gives the transaction away: what was asked of it is abandoned, and it is closed when that has ended.</summary>
    private RepeatableRead? Leave()
    {
        (RepeatableRead? left, transaction) = (transaction, null);
        return left;
    }

    private async IAsyncEnumerable<StoredJob> List(
        Standby there, JobRange range, long revision, [EnumeratorCancellation] CancellationToken stop)
    {
        JobKey? behind = range.Behind;
        await foreach (StoredJob job in there.OrElse(transaction!.List(range, revision, stop), Rest, stop, transaction))
        {
            behind = job.Key;
            yield return job;
        }

        async IAsyncEnumerable<StoredJob> Rest()
        {
            await MoveToPrimary(revision, stop);
            await foreach (StoredJob job in ListHere(range with { Behind = behind }, revision, stop))
                yield return job;
        }
    }

    private static async Task<RepeatableRead?> Begun(StandbySession there, CancellationToken stop) =>
        await RepeatableRead.Begin(there.Connection, stop);

    /// <summary>Continues on the primary. <see cref="Standby"/> closes the transaction on the standby, once it has ended.</summary>
    /// <exception cref="PrimaryChangedException">It is another primary, and the revision is lost.</exception>
    private async Task MoveToPrimary(long revision, CancellationToken stop)
    {
        (standby, transaction, term) = (null, null, primary.Term);
        transaction = await term.Bound(Begun());

        async Task<RepeatableRead> Begun()
        {
            NpgsqlConnection connection = await term.OpenConnectionAsync(stop);
            try
            {
                await primary.Epochs.Check(connection, stop);
                if (primary.Epochs.Lacking(revision) is not null)
                    throw new PrimaryChangedException();
            }
            catch
            {
                await connection.DisposeAsync();
                throw;
            }

            return await RepeatableRead.Begin(connection, stop);
        }
    }
}
