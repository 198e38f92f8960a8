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
    /// The most revisions on a page of the history. Without <c>limit</c> a page has at most <see cref="RevisionsUnasked"/>, because
    /// a history only grows.
    /// </summary>
    public int Revisions { get; init; } = 5000;

    /// <summary>How many revisions a page has for who does not say how many.</summary>
    public int RevisionsUnasked => Math.Min(500, Revisions);

    /// <summary>How long a list, or the beginning of a watch, may take: as long as upstream gives any request but a watch.</summary>
    public TimeSpan Duration { get; init; } = TimeSpan.FromMinutes(1);
}
