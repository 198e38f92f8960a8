using System.Globalization;
using EventStore.Domain.History;
using EventStore.Domain.Jobs;
using EventStore.Domain.Json;
using EventStore.Server.Resources;
using EventStore.Server.Store.Format;

namespace EventStore.Server.Audit;

/// <summary>A revision as an object of the API.</summary>
internal static class RevisionJson
{
    public static JsonObject Of(Revision revision)
    {
        string verb = RevisionVerbs.Of(revision.Event);
        JsonObject json = JsonObject.Of(
            ("apiVersion", RevisionEndpoints.Resource.GroupVersion),
            ("kind", RevisionEndpoints.Resource.Kind),
            ("metadata", JsonObject.Of(
                ("creationTimestamp", revision.Time.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture)),
                ("labels", JsonObject.Of(("job", revision.Key.Name), ("uid", revision.Uid.ToString()), ("verb", verb))),
                ("name", revision.Name),
                ("namespace", revision.Key.Namespace),
                ("resourceVersion", revision.Number.ToString(CultureInfo.InvariantCulture)))),
            ("job", revision.Key.Name),
            ("uid", revision.Uid.ToString()),
            ("revision", revision.Number),
            ("version", revision.Version),
            ("verb", verb),
            ("time", Time(revision)),
            ("user", User(revision.Origin.User, revision.Origin.Groups)),
            ("userAgent", revision.Origin.UserAgent),
            ("sourceAddress", revision.Origin.SourceAddress),
            ("requestId", revision.Origin.RequestId),
            ("changes", new JsonArray([.. Changes.Of(revision.Event).Select(Of)])));
        json = json.WithOrWithout("patch", RevisionVerbs.Patch(revision.Event));
        if (revision.Origin.Reason is { } reason)
            json = json.With("reason", reason);
        if (revision.Event is JobRestored restored)
            json = json.With("restoredFrom", JsonObject.Of(("revision", restored.Revision), ("uid", restored.FromUid.ToString())));
        if (revision.Origin.ImpersonatedBy is { } by)
            json = json.With("impersonatedBy", User(by.User, by.Groups));
        return revision.Previous is { } previous ? json.With("previousRevision", previous) : json;
    }

    /// <summary>When it was committed, to the microsecond.</summary>
    public static string Time(Revision revision) =>
        revision.Time.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.ffffff'Z'", CultureInfo.InvariantCulture);

    private static JsonObject User(string name, IReadOnlyList<string> groups) =>
        JsonObject.Of(("name", name), ("groups", new JsonArray([.. groups.Select(group => (JsonValue)group)])));

    // What is absent before or after has no member there: null is a value somebody may have written.
    private static JsonValue Of(Change change) =>
        JsonObject.Of(("path", change.Path.ToString())).WithOrWithout("before", change.Before).WithOrWithout("after", change.After);
}
