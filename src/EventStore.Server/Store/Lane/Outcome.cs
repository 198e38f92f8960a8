using EventStore.Domain.Jobs;
using EventStore.Server.Store.Format;

namespace EventStore.Server.Store.Lane;

/// <summary>What became of a command, after the database has confirmed it.</summary>
public abstract record Outcome
{
    private Outcome()
    {
    }

    /// <summary>The command was carried out, or there was nothing to do.</summary>
    /// <param name="Job">The job after the command; marked as deleted if the command deleted it.</param>
    /// <param name="Utf8">The job as an answer shows it.</param>
    public sealed record Done(Job Job, byte[] Utf8) : Outcome;

    /// <summary>The command was refused, and nothing changed.</summary>
    public sealed record Refused(Rejection Why) : Outcome;

    /// <summary>Too many commands are waiting, or other servers changed the job at each attempt; nothing was done.</summary>
    public sealed record Busy : Outcome;

    /// <summary>The data needed to decide on these jobs together exceed the memory bound; nothing was done.</summary>
    /// <param name="Jobs">How many jobs they are.</param>
    public sealed record TooMuchAtOnce(int Jobs) : Outcome;

    /// <summary>The database cannot serve right now.</summary>
    /// <param name="MayHaveBeenApplied">
    /// Whether the connection broke during the commit and the result could not be looked up afterwards.
    /// </param>
    /// <param name="Why">Why it cannot, in words for the client.</param>
    public sealed record Unavailable(bool MayHaveBeenApplied, string Why = DatabaseAway.Unreachable) : Outcome;

    /// <summary>Another server has taken over the lease under which the command was sent; nothing was done.</summary>
    public sealed record Fenced : Outcome;

    /// <summary>
    /// A fault of this server, or a command that the database refused even in a batch of its own; the reason is in the log.
    /// </summary>
    /// <param name="MayHaveBeenApplied">Whether something may have been stored; else nothing changed.</param>
    public sealed record Failed(bool MayHaveBeenApplied) : Outcome;
}
