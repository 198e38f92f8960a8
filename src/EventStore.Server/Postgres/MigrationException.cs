namespace EventStore.Server.Postgres;

/// <summary>
/// The schema could not be migrated. The message is for the operator: it names the file or the session in the way and, on a line of
/// its own, what to do. Files applied before stay applied.
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
