using System.Globalization;
using EventStore.Domain.History;
using EventStore.Domain.Json;
using EventStore.Server.Kubernetes.Answers;
using EventStore.Server.Resources;
using EventStore.Server.Store.History;

namespace EventStore.Server.Page.OneJob;

/// <summary>The last setter of a line.</summary>
/// <param name="Revision">The revision that did.</param>
/// <param name="Time">When it was committed.</param>
/// <param name="User">Who did it.</param>
/// <param name="Title">The tooltip: what was done, by whom and why. The time stands beside the mark.</param>
public sealed record BlameMark(long Revision, DateTimeOffset Time, string User, string Title)
{
    /// <summary>
    /// The marks of lines. Lines and leaves come in the same order, so both are gone through once. An array is one leaf, and its mark is
    /// that of all its lines. A line that only begins an object has none, as what the server shows and nobody set.
    /// </summary>
    /// <param name="lines">The lines of the job.</param>
    /// <param name="blamed">The last setter of each value.</param>
    public static IReadOnlyList<BlameMark?> Of(IEnumerable<YamlLine> lines, BlamedJob blamed)
    {
        var marks = new List<BlameMark?>();
        var known = new Dictionary<long, BlameMark>();
        (int next, BlamedLeaf? at, string? within) = (0, null, null);
        foreach (YamlLine line in lines)
        {
            if (next < blamed.Blame.Leaves.Count && line.Path.Equals(blamed.Blame.Leaves[next].Path))
            {
                at = blamed.Blame.Leaves[next++];
                within = at.Value is JsonArray { Items.Count: > 0 } ? at.Path + "[" : null;
            }
            else if (within is null || !line.Path.ToString().StartsWith(within, StringComparison.Ordinal))
            {
                (at, within) = (null, null);
            }

            marks.Add(at?.Revision is { } revision ? Of(blamed.Setters[revision], known) : null);
        }

        return marks;
    }

    private static BlameMark Of(Setter setter, Dictionary<long, BlameMark> known)
    {
        if (known.TryGetValue(setter.Revision, out BlameMark? mark))
            return mark;
        string user = RevisionText.Clip(setter.Origin.User, RevisionText.UserLengthMax);
        string title = string.Create(
            CultureInfo.InvariantCulture,
            $"Revision {setter.Revision}: {RevisionVerbs.OfEventName(setter.Name)} by {user}");
        if (setter.Origin.Reason is { Length: > 0 } reason)
            title += $": {Visible.Of(reason)}";
        return known[setter.Revision] = new BlameMark(setter.Revision, setter.Time, setter.Origin.User, title);
    }
}
