namespace EventStore.Server.Store.History;

/// <summary>What a change was about: the rows of a timeline.</summary>
public enum ChangeKind
{
    /// <summary>The job was created or restored, its deletion was requested, or it was deleted.</summary>
    Life,

    /// <summary>A field of the spec.</summary>
    Spec,

    /// <summary>Labels, annotations, finalizers.</summary>
    Metadata,

    /// <summary>The status.</summary>
    Status,
}

/// <summary>A stretch of time in equal slices, with the number of changes of each kind, type and user in each slice.</summary>
/// <param name="From">Where the stretch begins: within the first slice.</param>
/// <param name="To">Where it ends; what was committed at this very moment is within it.</param>
/// <param name="Slices">The slices.</param>
/// <param name="Total">How many revisions were counted; one that is of two kinds is one revision.</param>
/// <param name="Cells">The counts that are not zero.</param>
/// <param name="LivesBefore">Whether a job of the name lived when the stretch began.</param>
/// <param name="Clipped">
/// Whether older revisions of the stretch were left out, as of more than <see cref="TimelineReads.CountedMax"/> at once.
/// </param>
public sealed record JobTimeline(
    DateTimeOffset From, DateTimeOffset To, TimeSlices Slices, long Total, IReadOnlyList<TimelineCell> Cells, bool LivesBefore,
    bool Clipped);

/// <summary>The changes of one kind by one user within one slice.</summary>
/// <param name="Slice">The slice, from 0.</param>
/// <param name="Kind">What was changed.</param>
/// <param name="Type">The stored name of the events.</param>
/// <param name="User">Who did it.</param>
/// <param name="Count">How many changes there are.</param>
/// <param name="Exact">Whether <paramref name="Count"/> was counted; else it was estimated from a part of the slice.</param>
/// <param name="First">The first revision of this user's and type's within the slice.</param>
/// <param name="Last">The last one.</param>
public sealed record TimelineCell(int Slice, ChangeKind Kind, string Type, string User, long Count, bool Exact, long First, long Last);

/// <summary>Where a name's history begins and ends.</summary>
/// <param name="First">Its first revision.</param>
/// <param name="Begins">When that was committed.</param>
/// <param name="Last">Its last revision.</param>
/// <param name="Ends">When that was committed.</param>
public sealed record HistoryExtent(long First, DateTimeOffset Begins, long Last, DateTimeOffset Ends);
