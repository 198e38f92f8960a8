namespace EventStore.Server.Store.Format;

/// <summary>A revision that a client asked for and that does not exist.</summary>
/// <param name="Asked">The revision.</param>
/// <param name="Head">The last revision.</param>
/// <param name="Epoch">The epoch in which it is known to be lost, or never to be given out; null where it may yet come.</param>
public readonly record struct MissingRevision(long Asked, long Head, long? Epoch);
