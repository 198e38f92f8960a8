using System.Globalization;

namespace EventStore.Domain.History;

/// <summary>
/// A part of the one order of revisions that is served at one place. A new epoch begins where another primary serves or a backup was
/// restored, far above everything that was given out before: so no revision ever means two things.
/// </summary>
/// <param name="Number">Its number; a later epoch has a higher one.</param>
/// <param name="Revision">The last revision before it.</param>
/// <param name="Floor">Every revision of it is above this one.</param>
/// <param name="System">The identifier of the PostgreSQL cluster; 0 where nobody may read it.</param>
/// <param name="Timeline">The cluster's timeline, which each promotion raises.</param>
/// <param name="Database">The database's oid.</param>
/// <param name="LostFrom">The first revision that is known to be lost with it; null where none is.</param>
/// <param name="LostTo">The last one.</param>
/// <param name="TimeMicroseconds">When it began, in microseconds since 1970.</param>
public sealed record Epoch(
    long Number, long Revision, long Floor, long System, long Timeline, long Database, long? LostFrom, long? LostTo, long TimeMicroseconds)
{
    /// <summary>Whether it is the first epoch of a store that was empty then. It is not linked: the chain begins with zeros.</summary>
    public bool IsBeginning => Number == 1 && Revision == 1;

    /// <summary>How many revisions are known to be lost with it.</summary>
    public long LostCount => LostTo - LostFrom + 1 ?? 0;

    /// <summary>When it began.</summary>
    public DateTimeOffset Began => DateTimeOffset.UnixEpoch.AddTicks(TimeMicroseconds * TimeSpan.TicksPerMicrosecond);

    /// <summary>Whether a revision is none of the history as it stands in this epoch: it was lost, or never given out.</summary>
    public bool Lacks(long revision) => revision > Revision && revision <= Floor;

    /// <summary>What is known to be lost with it, as a sentence without its end; null where nothing is.</summary>
    public string? Loss => LostFrom is null
        ? null
        : string.Create(CultureInfo.InvariantCulture, $"revisions {LostFrom} to {LostTo} were lost with epoch {Number}");
}
