using EventStore.Domain.History;
using EventStore.Server.Store.Format;

namespace EventStore.Server.Store.History;

/// <summary>The fields that a condition can be on.</summary>
public enum RevisionField
{
    /// <summary>Its name: <c>mnist.4711</c>.</summary>
    Name,

    /// <summary>The job's namespace.</summary>
    Namespace,

    /// <summary>The job's name, in all its incarnations.</summary>
    Job,

    /// <summary>The incarnation, as <see cref="Guid"/> prints it.</summary>
    Uid,

    /// <summary>The event's stored name, such as <c>job_patched</c>.</summary>
    Event,

    /// <summary>The user.</summary>
    User,

    /// <summary>A field it changed; all of <see cref="ChangedPaths"/> count.</summary>
    Path,

    /// <summary>The reason that the client gave; empty for none.</summary>
    Reason,
}

/// <summary>
/// One condition: the field's value is, or is not, one of these. A revision may have several paths: one of them is enough.
/// </summary>
/// <param name="Field">The field.</param>
/// <param name="Among">True if a value must be among them, false if none may be.</param>
/// <param name="Values">The values. None contains U+0000, which PostgreSQL texts cannot have.</param>
public sealed record RevisionCondition(RevisionField Field, bool Among, IReadOnlyList<string> Values)
{
    /// <summary>Whether it holds for a revision.</summary>
    public bool Holds(Revision revision) => ValuesOf(revision).Any(Values.Contains) == Among;

    private IEnumerable<string> ValuesOf(Revision revision) => Field switch
    {
        RevisionField.Name => [revision.Name],
        RevisionField.Namespace => [revision.Key.Namespace],
        RevisionField.Job => [revision.Key.Name],
        RevisionField.Uid => [revision.Uid.ToString()],
        RevisionField.Event => [EventCodec.NameOf(revision.Event)],
        RevisionField.User => [revision.Origin.User],
        RevisionField.Reason => [revision.Origin.Reason ?? string.Empty],
        _ => ChangedPaths.Of(revision.Event),
    };
}

/// <summary>Which revisions are asked for, and in which order.</summary>
public sealed record RevisionQuery
{
    /// <summary>The highest revision, with room to add one.</summary>
    public const long NumberMax = long.MaxValue - 1;

    /// <summary>The conditions, all of which must hold. No two of them are positive conditions on the same single-valued field.</summary>
    public IReadOnlyList<RevisionCondition> Conditions { get; private init; } = [];

    /// <summary>The first revision of the range.</summary>
    public long First { get; init; } = 1;

    /// <summary>The last revision of the range.</summary>
    public long Last { get; init; } = NumberMax;

    /// <summary>Whether the oldest comes first; else the newest does.</summary>
    public bool OldestFirst { get; init; }

    /// <summary>Whether no revision can match.</summary>
    public bool IsNothing => First > Last || Conditions.Any(condition => condition is { Among: true, Values.Count: 0 });

    /// <summary>The same with one more condition.</summary>
    public RevisionQuery And(RevisionCondition more)
    {
        bool oneValue = more.Field != RevisionField.Path;
        if (!oneValue)
            more = more with { Values = [.. more.Values.Select(ChangedPaths.Indexed)] };
        RevisionCondition? same = Conditions.FirstOrDefault(each => oneValue && each.Among && more.Among && each.Field == more.Field);
        return same is null
            ? this with { Conditions = [.. Conditions, more] }
            : this with
            {
                Conditions = [.. Conditions.Where(each => each != same),
                same with { Values = [.. same.Values.Intersect(more.Values)] }]
            };
    }

    /// <summary>The same with some of the conditions only.</summary>
    internal RevisionQuery Where(Func<RevisionCondition, bool> kept) => this with { Conditions = [.. Conditions.Where(kept)] };

    /// <summary>The same, continued behind a revision in the query's order.</summary>
    public RevisionQuery Behind(long revision) => OldestFirst
        ? this with { First = Math.Max(First, revision + 1) }
        : this with { Last = Math.Min(Last, revision - 1) };

    /// <summary>Whether a revision matches.</summary>
    public bool Covers(Revision revision) =>
        revision.Number >= First && revision.Number <= Last && Conditions.All(condition => condition.Holds(revision));
}
