namespace EventStore.Server.Postgres;

/// <summary>
/// The schema could not be brought to where this server needs it. Meant for the operator: the message names the file or the session
/// that is in the way, and on a line of its own what to do. What was applied before it stays applied.
/// </summary>
public sealed class MigrationException : Exception
{
    /// <param name="problem">What is wrong, naming the file or the session.</param>
    /// <param name="hint">What the reader can do about it.</param>
    /// <param name="cause">What was caught, when something was.</param>
    public MigrationException(string problem, string hint, Exception? cause = null)
        : base($"{problem}\n{hint}", cause)
    {
    }
}
