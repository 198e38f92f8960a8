using System.Globalization;
using System.Text.Json;
using EventStore.Domain.History;
using EventStore.Domain.Jobs;
using EventStore.Domain.Json;
using EventStore.Domain.Manifests;
using EventStore.Server.Resources;
using EventStore.Server.Store.Format;

namespace EventStore.Server.Audit;

/// <summary>A revision as an object of the API, printed without a tree of it: a page of the history has a hundred.</summary>
internal static class RevisionJson
{
    /// <summary>The object as compact JSON, its members in order.</summary>
    /// <param name="revision">The revision.</param>
    /// <param name="job">The job after it, if it is to be shown.</param>
    public static byte[] Print(Revision revision, JsonValue? job = null)
    {
        using JsonPrinter printer = JsonPrinter.Take();
        Write(printer.Writer, revision, job);
        return printer.ToUtf8();
    }

    /// <summary>When it was committed, to the microsecond.</summary>
    public static string Time(Revision revision) => Rfc3339.Exact(revision.Time);

    /// <summary>Writes the object.</summary>
    public static void Write(Utf8JsonWriter to, Revision revision, JsonValue? job = null)
    {
        Origin origin = revision.Origin;
        to.WriteStartObject();
        to.WriteString("apiVersion"u8, RevisionEndpoints.Resource.GroupVersion);
        WriteChanges(to, Changes.Of(revision.Event));
        if (origin.ImpersonatedBy is { } by)
            WriteUser(to, "impersonatedBy"u8, by.User, by.Groups);
        to.WriteString("job"u8, revision.Key.Name);
        to.WriteString("kind"u8, RevisionEndpoints.Resource.Kind);
        to.WritePropertyName("metadata"u8);
        WriteMetadata(to, revision);
        WriteValue(to, "object"u8, job);
        WriteValue(to, "patch"u8, RevisionVerbs.Patch(revision.Event));
        if (revision.Previous is { } previous)
            to.WriteNumber("previousRevision"u8, previous);
        if (origin.Reason is { } reason)
            to.WriteString("reason"u8, reason);
        to.WriteString("requestId"u8, origin.RequestId);
        if (revision.Event is JobRestored restored)
            WriteSource(to, restored);
        to.WriteNumber("revision"u8, revision.Number);
        to.WriteString("sourceAddress"u8, origin.SourceAddress);
        to.WriteString("time"u8, Time(revision));
        to.WriteString("uid"u8, revision.Uid);
        WriteUser(to, "user"u8, origin.User, origin.Groups);
        to.WriteString("userAgent"u8, origin.UserAgent);
        to.WriteString("verb"u8, RevisionVerbs.Of(revision.Event));
        to.WriteNumber("version"u8, revision.Version);
        to.WriteEndObject();
    }

    /// <summary>Writes its metadata.</summary>
    public static void WriteMetadata(Utf8JsonWriter to, Revision revision)
    {
        to.WriteStartObject();
        to.WriteString("creationTimestamp"u8, Rfc3339.Of(revision.Time));
        to.WriteStartObject("labels"u8);
        to.WriteString("job"u8, revision.Key.Name);
        to.WriteString("uid"u8, revision.Uid);
        to.WriteString("verb"u8, RevisionVerbs.Of(revision.Event));
        to.WriteEndObject();
        to.WriteString("name"u8, revision.Name);
        to.WriteString("namespace"u8, revision.Key.Namespace);
        to.WriteString("resourceVersion"u8, revision.Number.ToString(CultureInfo.InvariantCulture));
        to.WriteEndObject();
    }

    // What is absent before or after has no member there: null is a value somebody may have written.
    private static void WriteChanges(Utf8JsonWriter to, IReadOnlyList<Change> changes)
    {
        to.WriteStartArray("changes"u8);
        foreach (Change change in changes)
        {
            to.WriteStartObject();
            WriteValue(to, "after"u8, change.After);
            WriteValue(to, "before"u8, change.Before);
            to.WriteString("path"u8, change.Path.ToString());
            to.WriteEndObject();
        }

        to.WriteEndArray();
    }

    private static void WriteSource(Utf8JsonWriter to, JobRestored restored)
    {
        to.WriteStartObject("restoredFrom"u8);
        to.WriteNumber("revision"u8, restored.Revision);
        to.WriteString("uid"u8, restored.FromUid);
        to.WriteEndObject();
    }

    private static void WriteUser(Utf8JsonWriter to, ReadOnlySpan<byte> member, string name, IReadOnlyList<string> groups)
    {
        to.WriteStartObject(member);
        to.WriteStartArray("groups"u8);
        foreach (string group in groups)
            to.WriteStringValue(group);
        to.WriteEndArray();
        to.WriteString("name"u8, name);
        to.WriteEndObject();
    }

    private static void WriteValue(Utf8JsonWriter to, ReadOnlySpan<byte> member, JsonValue? value)
    {
        if (value is null)
            return;
        to.WritePropertyName(member);
        value.WriteTo(to);
    }
}
