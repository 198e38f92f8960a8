namespace EventStore.Server.Postgres;

/// <summary>
/// The private PostgreSQL cannot be had. Meant for the person who started the server: <see cref="Exception.Message"/>
/// says what is wrong and then, on lines of its own, what to do about it; no stack trace is needed to act on it.
/// </summary>
public sealed class PostgresUnavailableException : Exception
{
    /// <param name="problem">What is wrong, naming the folder, file or account.</param>
    /// <param name="hint">What the reader can do about it.</param>
    /// <param name="cause">What was caught, when something was.</param>
    public PostgresUnavailableException(string problem, string hint, Exception? cause = null)
        : base($"{problem}\n{hint}", cause)
    {
        Problem = problem;
        Hint = hint;
    }

    /// <summary>What is wrong, without the advice.</summary>
    public string Problem { get; }

    /// <summary>What to do about it.</summary>
    public string Hint { get; }
}
