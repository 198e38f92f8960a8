using EventStore.Domain.History;
using EventStore.Server.Telemetry;
using Npgsql;

namespace EventStore.Server.Store.Hosts;

/// <summary>
/// Replica reads: what was committed up to a revision is read from a standby that has replayed it, and so takes no time of the primary's.
/// It is a read index, as in Raft: the revision is the primary's head at the beginning of the request, or an older one that was asked for,
/// so no answer is older than it may be. Where no standby has replayed it in time, or the one that was asked fails, the primary is read.
/// </summary>
/// <remarks>
/// That a standby is of the same history is told by the record of its last <see cref="Epoch"/>: each change of the place that is served
/// begins one, which is replayed like everything else.
/// </remarks>
public sealed class Standbys : IAsyncDisposable
{
    private readonly Func<NpgsqlDataSource>[] hosts;
    private readonly Lock gate = new();
    private volatile Standby[] present = [];
    private int turn;

    /// <summary>With no host but the primary, all is read from that one.</summary>
    /// <param name="primary">The primary.</param>
    /// <param name="hosts">For each host, in the order of the connection string, makes connections for reading.</param>
    public Standbys(Primary primary, params Func<NpgsqlDataSource>[] hosts) => (Primary, this.hosts) = (primary, hosts);

    /// <summary>The primary.</summary>
    public Primary Primary { get; }

    /// <summary>Whether any host may be read as a standby.</summary>
    internal bool Exist => hosts.Length > 0;

    /// <summary>No standby.</summary>
    public static implicit operator Standbys(Primary only) => FromPrimary(only);

    /// <summary>No standby.</summary>
    public static implicit operator Standbys(NpgsqlDataSource only) => FromPrimary(only);

    /// <summary>No standby.</summary>
    public static Standbys FromPrimary(Primary only) => new(only);

    /// <summary>No standby.</summary>
    public static Standbys FromNpgsqlDataSource(NpgsqlDataSource only) => new(only);

    /// <summary>Reads what was committed up to a revision.</summary>
    /// <param name="revision">The revision: the primary has it.</param>
    /// <param name="read">Reads it from a connection. It may be called a second time, with one to the primary.</param>
    /// <param name="stop">Cancels the read.</param>
    public async Task<T> Read<T>(long revision, Func<NpgsqlConnection, Task<T>> read, CancellationToken stop)
    {
        return await TryOpen(revision, stop) is { } there
            ? await there.Standby.OrElse(ReadAndClose(there.Connection, read), AtPrimary, stop)
            : await AtPrimary();

        Task<T> AtPrimary() => Primary.Read(read, stop);
    }

    /// <summary>Reads what a standby has that has replayed a revision, and perhaps more.</summary>
    /// <returns>Null where no standby answers, and where another epoch has begun meanwhile.</returns>
    internal async Task<T?> TryRead<T>(long revision, Func<NpgsqlConnection, Task<T?>> read, CancellationToken stop)
        where T : class
    {
        if (await TryOpen(revision, stop) is not { } there)
            return null;
        T? found = await there.Standby.OrElse(
            ReadAndClose(there.Connection, read), static () => Task.FromResult<T?>(null), stop);
        return Primary.Epochs.Known[^1] == there.Epoch ? found : null;
    }

    /// <summary>The same for answers that come one by one.</summary>
    /// <param name="revision">The revision: the primary has it.</param>
    /// <param name="read">Reads them from a connection. Called a second time, it goes on behind the last answer it gave.</param>
    /// <param name="stop">Cancels the read.</param>
    public IAsyncEnumerable<T> Read<T>(long revision, Func<NpgsqlConnection, IAsyncEnumerable<T>> read, CancellationToken stop)
    {
        return Exist ? Anywhere() : AtPrimary();

        async IAsyncEnumerable<T> Anywhere()
        {
            IAsyncEnumerable<T> answers = await TryOpen(revision, stop) is { } there
                ? there.Standby.OrElse(Owning(there.Connection), AtPrimary, stop)
                : AtPrimary();
            await foreach (T answer in answers)
                yield return answer;
        }

        async IAsyncEnumerable<T> AtPrimary()
        {
            Term term = Primary.Term;
            await foreach (T answer in term.Bound(Owning(await term.OpenConnectionAsync(stop)), stop: stop))
                yield return answer;
        }

        async IAsyncEnumerable<T> Owning(NpgsqlConnection connection)
        {
            await using (connection)
            {
                await foreach (T answer in read(connection))
                    yield return answer;
            }
        }
    }

    /// <summary>Opens a connection to a standby that has replayed a revision; null where none has.</summary>
    internal async ValueTask<StandbySession?> TryOpen(long revision, CancellationToken stop)
    {
        if (!Exist)
            return null;
        StandbySession? there = null;
        if (Next() is { } standby && Primary.Epochs.Known is [.., var epoch] && await standby.TryOpen(revision, epoch, stop) is { } open)
            there = new StandbySession(standby, open, epoch);
        Signals.CountRead(there is null ? "primary" : "standby");
        return there;
    }

    /// <summary>Says what a host was found to be.</summary>
    internal void Note(int host, bool isStandby)
    {
        lock (gate)
        {
            Standby? known = Array.Find(present, each => each.Host == host);
            if (isStandby == known is not null || !Exist)
                return;
            present = isStandby ? [.. present, new Standby(hosts[host](), host)] : Array.FindAll(present, each => each.Host != host);
            _ = known?.DisposeAsync().AsTask();
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        foreach (Standby each in present)
            await each.DisposeAsync();
    }

    private static async Task<T> ReadAndClose<T>(NpgsqlConnection connection, Func<NpgsqlConnection, Task<T>> read)
    {
        await using (connection)
            return await read(connection);
    }

    /// <summary>One of those that do not rest, in turn.</summary>
    private Standby? Next()
    {
        Standby[] all = present;
        for (int i = 0; i < all.Length; i++)
        {
            if (all[(uint)Interlocked.Increment(ref turn) % all.Length] is { IsResting: false } standby)
                return standby;
        }

        return null;
    }
}

/// <summary>A connection to a standby.</summary>
/// <param name="Standby">The standby.</param>
/// <param name="Connection">The connection.</param>
/// <param name="Epoch">The epoch in which it has replayed what was asked for.</param>
internal sealed record StandbySession(Standby Standby, NpgsqlConnection Connection, Epoch Epoch);
