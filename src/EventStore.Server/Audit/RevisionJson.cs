using System.Globalization;
using EventStore.Domain.History;
using EventStore.Domain.Jobs;
using EventStore.Domain.Manifests;
using EventStore.Server.Store;

namespace EventStore.Server.Audit;

/// <summary>A revision as an object of the API.</summary>
internal static class RevisionJson
{
    /// <summary>The object's name: the job's, and the revision.</summary>
    public static string Name(Revision revision) => string.Create(CultureInfo.InvariantCulture, $"{revision.Key.Name}.{revision.Number}");

    /// <summary>A list of revisions.</summary>
    public static byte[] List(IReadOnlyList<Revision> revisions, long head, string next) => JsonObject.Of(
        ("apiVersion", RevisionEndpoints.Resource.GroupVersion),
        ("items", new JsonArray([.. revisions.Select(Of)])),
        ("kind", RevisionEndpoints.Resource.Kind + "List"),
        ("metadata", JsonObject.Of(("continue", next), ("resourceVersion", Number(head))))).ToUtf8();

    private static Json Of(Revision revision)
    {
        string verb = RevisionSelector.Verb(revision.Event);
        JsonObject json = JsonObject.Of(
            ("apiVersion", RevisionEndpoints.Resource.GroupVersion),
            ("kind", RevisionEndpoints.Resource.Kind),
            ("metadata", JsonObject.Of(
                ("creationTimestamp", revision.Time.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture)),
                ("labels", JsonObject.Of(("job", revision.Key.Name), ("uid", revision.Uid.ToString()), ("verb", verb))),
                ("name", Name(revision)),
                ("namespace", revision.Key.Namespace),
                ("resourceVersion", Number(revision.Number)))),
            ("job", revision.Key.Name),
            ("uid", revision.Uid.ToString()),
            ("revision", revision.Number),
            ("version", revision.Version),
            ("verb", verb),
            ("time", revision.Time.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.ffffff'Z'", CultureInfo.InvariantCulture)),
            ("user", JsonObject.Of(
                ("name", revision.Origin.User),
                ("groups", new JsonArray([.. revision.Origin.Groups.Select(group => (Json)group)])))),
            ("userAgent", revision.Origin.UserAgent),
            ("sourceAddress", revision.Origin.SourceAddress),
            ("requestId", revision.Origin.RequestId),
            ("changes", new JsonArray([.. Changes.Of(revision.Event).Select(Of)])));
        json = json.WithOrWithout("patch", Patch(revision.Event));
        return revision.Previous is { } previous ? json.With("previousRevision", previous) : json;
    }

    // What is absent before or after has no member there: null is a value somebody may have written.
    private static Json Of(Change change) =>
        JsonObject.Of(("path", change.Path.ToString())).WithOrWithout("before", change.Before).WithOrWithout("after", change.After);

    private static JsonObject? Patch(JobEvent happened) => happened switch
    {
        JobPatched patched => patched.Patch,
        JobReplaced replaced => replaced.Patch,
        JobRolledBack rolledBack => rolledBack.Patch,
        JobDeleted deleted => deleted.Patch,
        _ => null,
    };

    private static string Number(long number) => number.ToString(CultureInfo.InvariantCulture);
}
