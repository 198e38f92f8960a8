using System.ComponentModel.DataAnnotations;

namespace EventStore.Server.Limits;

/// <summary>What a list may take: the settings of the section <c>Lists</c>.</summary>
public sealed record ListLimits
{
    /// <summary>
    /// The most objects on a page, also for a list that asks for more or for all. 0 is no limit: lists are streamed, so their size
    /// costs the server no memory, and simple clients do not follow continue tokens.
    /// </summary>
    [Range(0, int.MaxValue)]
    public int Page { get; init; }

    /// <summary>
    /// The most revisions on a page of the history. Without <c>limit</c> a page has at most 500, because a history only grows. A
    /// page also ends at 8 MiB.
    /// </summary>
    public int Revisions { get; init; } = 5000;

    /// <summary>The most revisions on a page if the request has no <c>limit</c>.</summary>
    public int RevisionsUnasked => Math.Min(500, Revisions);

    /// <summary>How long sending a list, or the start of a watch, may take before the connection is aborted. Upstream's time-out.</summary>
    public TimeSpan Duration { get; init; } = TimeSpan.FromMinutes(1);
}
