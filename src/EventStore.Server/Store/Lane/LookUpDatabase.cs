using EventStore.Server.Store.Hosts;

namespace EventStore.Server.Store.Lane;

/// <summary>
/// Connections by which the lane finds out what became of a batch. Unlike all others they may be of a database that has become read-only
/// meanwhile: it can still say what it has.
/// </summary>
public sealed record LookUpDatabase(Primary Source);
