using EventStore.Domain.Jobs;
using EventStore.Server.Store.Format;

namespace EventStore.Server.Store.Lane;

/// <summary>What became of a command, after the database has confirmed it.</summary>
public abstract record Outcome
{
    private Outcome()
    {
    }

    /// <summary>The command was carried out, or there was nothing to do; the job stands like this.</summary>
    /// <param name="Job">The job after the command. Deleted when the command took it away.</param>
    /// <param name="Utf8">The job as an answer shows it.</param>
    public sealed record Done(Job Job, byte[] Utf8) : Outcome;

    /// <summary>The command was refused, and nothing changed.</summary>
    public sealed record Refused(Rejection Why) : Outcome;

    /// <summary>Too many commands are waiting, or too many others change the same job; nothing was done.</summary>
    public sealed record Busy : Outcome;

    /// <summary>What is needed to decide upon some jobs does not fit into memory together; nothing was done.</summary>
    /// <param name="Jobs">How many jobs they are.</param>
    public sealed record TooMuchAtOnce(int Jobs) : Outcome;

    /// <summary>The database cannot serve right now.</summary>
    /// <param name="MayHaveBeenApplied">
    /// Whether the connection broke while the command was being committed and nobody could look afterwards.
    /// </param>
    /// <param name="Why">Why it cannot, for whoever sent the request.</param>
    public sealed record Unavailable(bool MayHaveBeenApplied, string Why = DatabaseAway.Unreachable) : Outcome;

    /// <summary>Another server has taken over the lease under which the command was sent; nothing was done.</summary>
    public sealed record Fenced : Outcome;

    /// <summary>The database refused this very command, alone; the reason is in the log. Nothing changed.</summary>
    public sealed record Failed : Outcome;
}
