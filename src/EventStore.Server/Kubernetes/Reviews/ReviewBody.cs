using System.Diagnostics.CodeAnalysis;
using EventStore.Domain.Json;
using EventStore.Domain.Manifests;
using EventStore.Server.Kubernetes.Documents;
using EventStore.Server.Kubernetes.Requests;
using Microsoft.Extensions.Primitives;

namespace EventStore.Server.Kubernetes.Reviews;

/// <summary>
/// The body of a review: JSON or protobuf, both read into JSON. kubectl posts protobuf for kinds it was compiled with, and does not
/// fall back to JSON when it is refused.
/// </summary>
/// <remarks>
/// The envelope is apimachinery's <c>runtime.Unknown</c> behind the bytes <c>k8s\0</c>: 1 TypeMeta (1 apiVersion, 2 kind), 2 the object's
/// own message, 3 contentEncoding, 4 contentType (<c>serializer/protobuf</c>).
/// </remarks>
internal static class ReviewBody
{
    /// <summary>The media type of Kubernetes' protobuf.</summary>
    public const string Protobuf = "application/vnd.kubernetes.protobuf";

    /// <summary>A review is a few names.</summary>
    private const int BytesMax = 64 * 1024;

    private const int ObjectField = 2, EncodingField = 3;

    private static readonly ProtobufMessage Envelope = new(
        new ProtobufField(1, "type", new ProtobufMessage(new ProtobufField(1, "apiVersion"), new ProtobufField(2, "kind"))));

    /// <summary>Reads the body; the second value is the refusal, if there is one.</summary>
    /// <param name="request">The request.</param>
    /// <param name="resource">What kind of review it must be.</param>
    /// <param name="message">How that kind stands in protobuf.</param>
    public static async ValueTask<(JsonObject? Body, Status? Refusal)> Read(
        HttpRequest request, ApiResource resource, ProtobufMessage message)
    {
        bool isProtobuf = MediaTypeOf(request.Headers.ContentType).Equals(Protobuf, StringComparison.OrdinalIgnoreCase);
        if (!isProtobuf && ContentNegotiation.RefuseBody(request.Headers.ContentType) is not null)
            return (null, Status.UnsupportedMediaType(ContentNegotiation.JsonType, Protobuf));
        (ReadOnlyMemory<byte> bytes, Status? refusal) = await RequestBody.Read(request, BytesMax);
        if (refusal is not null)
            return (null, refusal);
        JsonObject? body;
        if (isProtobuf)
            body = TryReadProtobuf(bytes.Span, message, out JsonObject? read) ? read : null;
        else if (!BodyJson.TryParseReview(bytes.Span, resource, out body, out refusal))
            return (null, refusal);
        return body is null ? (null, Malformed(resource)) : (body, RefuseKind(body, resource));
    }

    private static bool TryReadProtobuf(ReadOnlySpan<byte> bytes, ProtobufMessage message, [NotNullWhen(true)] out JsonObject? body)
    {
        body = null;
        if (!bytes.StartsWith("k8s\0"u8))
            return false;
        bytes = bytes[4..];
        if (!Envelope.TryRead(bytes, out JsonObject? envelope)
            || !ProtobufMessage.TryFind(bytes, EncodingField, out ReadOnlySpan<byte> encoding) || !encoding.IsEmpty
            || !ProtobufMessage.TryFind(bytes, ObjectField, out ReadOnlySpan<byte> raw)
            || !message.TryRead(raw, out JsonObject? read))
            return false;
        foreach (string name in (ReadOnlySpan<string>)["apiVersion", "kind"])
            read = read.With(name, envelope["type"]?.Member(name) ?? "");
        body = read;
        return true;
    }

    private static Status? RefuseKind(JsonObject body, ApiResource resource)
    {
        string apiVersion = (body["apiVersion"] as JsonText)?.Value ?? "", kind = (body["kind"] as JsonText)?.Value ?? "";
        return apiVersion == resource.GroupVersion && kind == resource.Kind
            ? null
            : Status.BadRequest(
                $"{kind} in version {FieldError.Quote(apiVersion)} cannot be handled as a {resource.Kind} of {resource.GroupVersion}");
    }

    private static Status Malformed(ApiResource resource) =>
        Status.BadRequest($"the object provided is unrecognized (must be of type {resource.Kind}): it is no {Protobuf} of that kind");

    private static string MediaTypeOf(StringValues contentType)
    {
        string type = contentType.Count == 1 ? contentType[0] ?? "" : "";
        int parameters = type.IndexOf(';', StringComparison.Ordinal);
        return (parameters < 0 ? type : type[..parameters]).Trim();
    }
}
