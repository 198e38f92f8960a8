using Npgsql;

namespace EventStore.Server.Store.Hosts;

/// <summary>
/// The primary of the database: of the hosts that the connection string names, the one that takes writes now. Whoever needs a connection
/// asks here each time. <see cref="PrimaryWatch"/> tells it when another host has taken over.
/// </summary>
/// <remarks>
/// Each host has a data source of its own. Npgsql's multi-host data source tries the hosts in their order: as long as the first one hangs,
/// a request waits for the whole connect time-out each time the remembered state of that host expires (npgsql #6483).
/// </remarks>
public sealed class Primary : IAsyncDisposable
{
    private readonly NpgsqlDataSource[] hosts;
    private volatile Term term;

    /// <summary>Takes the first host for the primary until it is told otherwise.</summary>
    /// <param name="hosts">The data source of each host, in the order of the connection string.</param>
    public Primary(params NpgsqlDataSource[] hosts) => (this.hosts, term) = (hosts, new Term(hosts[0], 0));

    /// <summary>The time during which the present primary is the primary.</summary>
    public Term Term => term;

    /// <summary>What is known of the epochs of its history.</summary>
    public Epochs Epochs { get; } = new();

    /// <summary>Whether a synchronous standby is required and the primary waits for none: then nothing may be written.</summary>
    public bool LacksStandby
    {
        get => Volatile.Read(ref field);
        internal set => Volatile.Write(ref field, value);
    }

    /// <summary>A single host, which stays the primary.</summary>
    public static implicit operator Primary(NpgsqlDataSource only) => FromNpgsqlDataSource(only);

    /// <summary>A single host, which stays the primary.</summary>
    public static Primary FromNpgsqlDataSource(NpgsqlDataSource only) => new(only);

    /// <inheritdoc cref="Term.OpenConnectionAsync"/>
    public ValueTask<NpgsqlConnection> OpenConnectionAsync(CancellationToken stop = default) => term.OpenConnectionAsync(stop);

    /// <inheritdoc cref="Term.Read"/>
    public Task<T> Read<T>(Func<NpgsqlConnection, Task<T>> read, CancellationToken stop = default) => term.Read(read, stop);

    /// <summary>Compares the epochs with those of the database, on a connection of its own.</summary>
    public Task CheckEpoch(CancellationToken stop) => term.Read(
        async connection =>
        {
            await Epochs.Check(connection, stop);
            return Epochs.Last;
        },
        stop);

    /// <summary>A command that runs on a connection of its own, for what is waited for within <see cref="Term"/>.</summary>
    public NpgsqlCommand CreateCommand(string? sql = null) => term.Checked.CreateCommand(sql);

    /// <summary>Closes the idle connections.</summary>
    public void Clear() => term.Source.Clear();

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        foreach (NpgsqlDataSource host in hosts)
            await host.DisposeAsync();
        term.Dispose();
    }

    /// <summary>Begins a new term: another host is the primary, or the same name has come to mean another server.</summary>
    /// <param name="host">The host.</param>
    /// <param name="isStray">Whether it writes another history than the one that was served, and so nothing may be asked of it.</param>
    internal void MoveTo(int host, bool isStray = false)
    {
        Term left = term;
        left.Source.Clear(); // before: the host may be the same, and nobody may get an idle session of the server that was left
        term = new Term(hosts[host], host, isStray);
        left.End();
    }
}
