using System.Globalization;
using System.Text.Json;
using EventStore.Domain.Json;
using EventStore.Server.Resources;
using EventStore.Server.Store.Format;
using EventStore.Server.Store.Proof;

namespace EventStore.Server.Cli;

/// <summary>
/// An event as an <c>audit.k8s.io/v1</c> Event, as kube-apiserver writes its audit log: for the tools that read those. The stage is always
/// ResponseComplete, for only what was carried out is in the history, and the level Request.
/// </summary>
internal static class AuditLine
{
    private static readonly JsonWriterOptions Compact = new() { Encoder = PlainEscaping.Encoder, SkipValidation = true };

    /// <summary>Writes the line, without its end.</summary>
    public static void Write(Stream to, HistoryEvent happened)
    {
        using JsonDocument data = JsonDocument.Parse(happened.Link.Data, new JsonDocumentOptions { MaxDepth = 128 });
        (string verb, string? body, string subresource) = Request(happened.Link.Type, data.RootElement);
        using var json = new Utf8JsonWriter(to, Compact);
        json.WriteStartObject();
        json.WriteString("kind", "Event");
        json.WriteString("apiVersion", "audit.k8s.io/v1");
        json.WriteString("level", "Request");
        json.WriteString("auditID", happened.Link.RequestId);
        json.WriteString("stage", "ResponseComplete");
        json.WriteString("requestURI", Path(happened, verb, subresource));
        json.WriteString("verb", verb);
        WriteUser(json, happened);
        WriteObject(json, happened, subresource);
        json.WriteStartObject("responseStatus");
        json.WriteStartObject("metadata");
        json.WriteEndObject();
        json.WriteNumber("code", verb == "create" ? 201 : 200);
        json.WriteEndObject();
        if (body is not null && data.RootElement.TryGetProperty(body, out JsonElement value))
            WriteRequest(json, body == subresource ? subresource : string.Empty, value);
        string time = happened.Time.ToString(Rfc3339.ExactFormat, CultureInfo.InvariantCulture);
        json.WriteString("requestReceivedTimestamp", time);
        json.WriteString("stageTimestamp", time);
        json.WriteStartObject("annotations");
        json.WriteString("audit.eventstore.io/event", happened.Link.Type);
        if (happened.Link.Reason is { } reason)
            json.WriteString("audit.eventstore.io/reason", reason);
        json.WriteString("audit.eventstore.io/hash", Convert.ToHexStringLower(happened.Hash));
        json.WriteString("audit.eventstore.io/revision", happened.Link.Revision.ToString(CultureInfo.InvariantCulture));
        json.WriteString("audit.eventstore.io/version", happened.Link.Version.ToString(CultureInfo.InvariantCulture));
        json.WriteEndObject();
        json.WriteEndObject();
    }

    /// <summary>The verb, the member of the event that holds what was asked for, and the subresource.</summary>
    private static (string Verb, string? Body, string Subresource) Request(string type, JsonElement data) => type switch
    {
        EventCodec.Created or EventCodec.Restored => ("create", "manifest", string.Empty),
        EventCodec.Replaced => ("update", "patch", string.Empty),
        EventCodec.StatusUpdated => ("update", "status", "status"),
        EventCodec.DeletionRequested => ("delete", null, string.Empty),
        EventCodec.Deleted => data.TryGetProperty("patch", out _) ? ("patch", "patch", string.Empty) : ("delete", null, string.Empty),
        // A member of the event like any patch: of the status, {"status": …}.
        EventCodec.Applied when data.TryGetProperty("subresource", out JsonElement of) => ("patch", "patch", of.GetString()!),
        _ => ("patch", "patch", string.Empty),
    };

    private static string Path(HistoryEvent happened, string verb, string subresource)
    {
        string path = JobResource.Names.Path(happened.Namespace);
        if (verb != "create")
            path += $"/{happened.Job}";
        return subresource.Length == 0 ? path : $"{path}/{subresource}";
    }

    private static void WriteUser(Utf8JsonWriter json, HistoryEvent happened)
    {
        // As upstream's: user is who authenticated, impersonatedUser on whose behalf.
        if (happened.Link.ImpersonatedBy is { } impersonator)
        {
            using JsonDocument by = JsonDocument.Parse(impersonator);
            WriteUser(json, "user", by.RootElement.GetProperty("name").GetString(), by.RootElement.GetProperty("groups").GetRawText());
        }

        WriteUser(json, happened.Link.ImpersonatedBy is null ? "user" : "impersonatedUser", happened.Link.User, happened.Link.Groups);
        if (happened.Link.SourceAddress is { Length: > 0 } address)
        {
            json.WriteStartArray("sourceIPs");
            json.WriteStringValue(address);
            json.WriteEndArray();
        }

        if (happened.Link.UserAgent is { Length: > 0 } agent)
            json.WriteString("userAgent", agent);
    }

    private static void WriteUser(Utf8JsonWriter json, string member, string? name, string? groups)
    {
        json.WriteStartObject(member);
        json.WriteString("username", name);
        if (groups is not null)
        {
            json.WritePropertyName("groups");
            json.WriteRawValue(groups, skipInputValidation: true);
        }

        json.WriteEndObject();
    }

    private static void WriteObject(Utf8JsonWriter json, HistoryEvent happened, string subresource)
    {
        json.WriteStartObject("objectRef");
        json.WriteString("resource", JobResource.Names.Plural);
        json.WriteString("namespace", happened.Namespace);
        json.WriteString("name", happened.Job);
        json.WriteString("uid", happened.Link.Uid);
        json.WriteString("apiGroup", JobResource.Names.Group);
        json.WriteString("apiVersion", JobResource.Names.Version);
        json.WriteString("resourceVersion", happened.Link.Revision.ToString(CultureInfo.InvariantCulture));
        if (subresource.Length > 0)
            json.WriteString("subresource", subresource);
        json.WriteEndObject();
    }

    private static void WriteRequest(Utf8JsonWriter json, string member, JsonElement value)
    {
        json.WritePropertyName("requestObject");
        if (member.Length == 0)
        {
            value.WriteTo(json);
            return;
        }

        json.WriteStartObject();
        json.WritePropertyName(member);
        value.WriteTo(json);
        json.WriteEndObject();
    }
}
