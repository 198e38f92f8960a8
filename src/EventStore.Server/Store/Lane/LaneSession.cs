using Npgsql;

namespace EventStore.Server.Store.Lane;

/// <summary>A session of PostgreSQL.</summary>
/// <param name="Pid">The number of its process, which may be used again.</param>
/// <param name="Began">When it began.</param>
/// <param name="ServerStarted">When its PostgreSQL server was started.</param>
internal readonly record struct LaneSession(int Pid, DateTime Began, DateTime ServerStarted);

/// <summary>A connection and its session. One that was opened too late is disposed of by whoever abandoned the opening.</summary>
internal sealed record OpenedSession(NpgsqlConnection Connection, LaneSession Session) : IAsyncDisposable
{
    public ValueTask DisposeAsync() => Connection.DisposeAsync();
}
