using System.Globalization;
using EventStore.Domain.History;
using EventStore.Domain.Jobs;
using EventStore.Domain.Json;
using EventStore.Domain.Manifests;
using EventStore.Server.Audit;
using EventStore.Server.Resources;
using EventStore.Server.Store.Format;
using EventStore.Server.Store.History;
using FieldChanges = EventStore.Domain.History.Changes;

namespace EventStore.Server.Page.OneJob;

/// <summary>What a revision did, in words.</summary>
internal static class RevisionText
{
    /// <summary>How much of a user's name is shown.</summary>
    public const int UserLengthMax = 100;

    private const int ChangesMax = 20;
    private const int PathLengthMax = 300;
    private const int ValueLengthMax = 300;

    /// <summary>A revision with what it changed.</summary>
    public static ListedRevision Listed(Revision revision) => ListedRevision.Of(revision, Shown(FieldChanges.Of(revision.Event)));

    /// <summary>Fields that changed, each with its value before and after.</summary>
    /// <param name="changes">The changes.</param>
    /// <param name="max">How many are shown.</param>
    public static ShownChanges Shown(IReadOnlyList<Change> changes, int max = ChangesMax) => new(
        [.. changes.Take(max).Select(change => new FieldChange(Path(change.Path), Value(change.Before), Value(change.After)))],
        Math.Max(0, changes.Count - max));

    /// <summary>A path.</summary>
    public static string Path(FieldPath path) => Clip(path.ToString(), PathLengthMax);

    /// <summary>A text whose characters can all be seen; of a long one its beginning and how much more there is.</summary>
    public static string Clip(string text, int lengthMax)
    {
        string cut = text.CutTo(lengthMax);
        return cut.Length == text.Length
            ? Visible.Of(text)
            : string.Create(CultureInfo.InvariantCulture, $"{Visible.Of(cut)}… ({text.Length - cut.Length:N0} more characters)");
    }

    /// <summary>A revision as a timeline shows it.</summary>
    public static TimelinePoint Point(Revision revision)
    {
        (string user, string changed) = (Clip(revision.Origin.User, UserLengthMax), Visible.Of(ChangedColumn.Of(revision.Event)));
        string what = string.Create(
            CultureInfo.InvariantCulture, $"Revision {revision.Number}: {RevisionVerbs.Of(revision.Event)} by {user}, ");
        var title = new TimelineTitle(what, revision.Time, null, changed.Length > 0 ? $": {changed}" : "");
        return new TimelinePoint(
            revision.Number, revision.Time, revision.Origin.User, EventCodec.NameOf(revision.Event), Kinds(revision.Event), title);
    }

    /// <summary>Whether an event of that stored name begins a life of the name, or ends one; null for any other.</summary>
    public static bool? Begins(string type) => type switch
    {
        EventCodec.Created or EventCodec.Restored => true,
        EventCodec.Deleted => false,
        _ => null,
    };

    private static IReadOnlyList<ChangeKind> Kinds(JobEvent happened)
    {
        if (TimelineReads.KindOf(EventCodec.NameOf(happened)) is { } kind)
            return [kind];
        IReadOnlyCollection<string> paths = ChangedPaths.Of(happened);
        (ChangeKind Kind, string Begin)[] kinds =
            [(ChangeKind.Spec, "spec."), (ChangeKind.Metadata, "metadata."), (ChangeKind.Status, "status.")];
        return [.. kinds
            .Where(each => paths.Any(path => path.StartsWith(each.Begin, StringComparison.Ordinal))).Select(each => each.Kind)];
    }

    private static string? Value(JsonValue? value) => value is null ? null : Clip(value.ToString(), ValueLengthMax);
}
