using System.ComponentModel.DataAnnotations;

namespace EventStore.Server.Limits;

/// <summary>What a list may take: the settings of the section <c>Lists</c>.</summary>
public sealed record ListLimits
{
    /// <summary>
    /// The most objects on a page, also of a list that asks for more or for all. 0 is no limit: a list is streamed, so its size
    /// costs the server nothing, and a client that asks for all need not know what a continue token is.
    /// </summary>
    [Range(0, int.MaxValue)]
    public int Page { get; init; }

    /// <summary>
    /// The most revisions on a page of the history. Who does not say how many gets <see cref="RevisionsUnasked"/> at most: unlike a
    /// list of jobs a history only grows.
    /// </summary>
    public int Revisions { get; init; } = 5000;

    /// <summary>How many revisions a page has for who does not say how many.</summary>
    public int RevisionsUnasked => Math.Min(500, Revisions);

    /// <summary>How long a list, or the beginning of a watch, may take: as long as upstream gives any request but a watch.</summary>
    public TimeSpan Duration { get; init; } = TimeSpan.FromMinutes(1);
}
