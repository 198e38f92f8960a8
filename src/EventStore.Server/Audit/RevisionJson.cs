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
        (string verb, string uid, Origin origin) = (RevisionVerbs.Of(revision.Event), revision.Uid.ToString(), revision.Origin);
        var members = new List<KeyValuePair<string, JsonValue>>(24); // in order, or they are sorted
        Add("apiVersion", RevisionEndpoints.Resource.GroupVersion);
        Add("changes", new JsonArray([.. Changes.Of(revision.Event).Select(Of)]));
        Add("impersonatedBy", origin.ImpersonatedBy is { } by ? User(by.User, by.Groups) : null);
        Add("job", revision.Key.Name);
        Add("kind", RevisionEndpoints.Resource.Kind);
        Add("metadata", JsonObject.Of(
            ("creationTimestamp", Rfc3339.Of(revision.Time)),
            ("labels", JsonObject.Of(("job", revision.Key.Name), ("uid", uid), ("verb", verb))),
            ("name", revision.Name),
            ("namespace", revision.Key.Namespace),
            ("resourceVersion", revision.Number.ToString(CultureInfo.InvariantCulture))));
        Add("patch", RevisionVerbs.Patch(revision.Event));
        Add("previousRevision", revision.Previous is { } previous ? (JsonValue)previous : null);
        Add("reason", origin.Reason is { } reason ? (JsonValue)reason : null);
        Add("requestId", origin.RequestId);
        Add("restoredFrom", revision.Event is JobRestored restored
            ? JsonObject.Of(("revision", restored.Revision), ("uid", restored.FromUid.ToString()))
            : null);
        Add("revision", revision.Number);
        Add("sourceAddress", origin.SourceAddress);
        Add("time", Time(revision));
        Add("uid", uid);
        Add("user", User(origin.User, origin.Groups));
        Add("userAgent", origin.UserAgent);
        Add("verb", verb);
        Add("version", revision.Version);
        return JsonObject.Of(members);

        void Add(string name, JsonValue? value)
        {
            if (value is not null)
                members.Add(new(name, value));
        }
    }

    /// <summary>When it was committed, to the microsecond.</summary>
    public static string Time(Revision revision) =>
        Rfc3339.Exact(revision.Time);

    private static JsonObject User(string name, IReadOnlyList<string> groups) =>
        JsonObject.Of(("groups", new JsonArray([.. groups.Select(group => (JsonValue)group)])), ("name", name));

    // What is absent before or after has no member there: null is a value somebody may have written.
    private static JsonValue Of(Change change) =>
        JsonObject.Of(("path", change.Path.ToString())).WithOrWithout("before", change.Before).WithOrWithout("after", change.After);
}
