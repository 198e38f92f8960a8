using Npgsql;

namespace EventStore.Server.Store.Lane;

/// <summary>A session of PostgreSQL.</summary>
/// <param name="Pid">The number of its process, which the operating system may reuse.</param>
/// <param name="Began">When it began.</param>
/// <param name="ServerStarted">When its PostgreSQL server was started.</param>
internal readonly record struct LaneSession(int Pid, DateTime Began, DateTime ServerStarted);

/// <summary>A connection and its session. If the opening was abandoned, the connection is closed as soon as it is open.</summary>
internal sealed record OpenedSession(NpgsqlConnection Connection, LaneSession Session) : IAsyncDisposable
{
    public ValueTask DisposeAsync() => Connection.DisposeAsync();
}
