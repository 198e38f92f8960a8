using System.Globalization;
using System.Text.Json;
using EventStore.Domain.Json;
using EventStore.Server.Kubernetes.Answers;

namespace EventStore.Server.Kubernetes;

/// <content>What a Status holds, and how it answers a request: its JSON, and Retry-After.</content>
public sealed partial record Status
{
    private static readonly JsonWriterOptions Compact = new() { Encoder = PlainEscaping.Encoder };

    /// <summary>The HTTP code.</summary>
    public int Code { get; }

    /// <summary>Upstream's word for the code; a client decides by it. Empty for a success.</summary>
    public string Reason { get; }

    /// <summary>For the person at the other end.</summary>
    public string Message { get; private init; }

    /// <summary>What it is about.</summary>
    public StatusDetails? Details { get; private init; }

    /// <summary>The Status as compact JSON.</summary>
    public byte[] ToUtf8()
    {
        using var buffer = new MemoryStream();
        using (var writer = new Utf8JsonWriter(buffer, Compact))
            WriteTo(writer);
        return buffer.ToArray();
    }

    /// <summary>Writes the object with its members in upstream's order; a success has no code in it.</summary>
    public void WriteTo(Utf8JsonWriter writer)
    {
        writer.WriteStartObject();
        writer.WriteString("kind"u8, "Status"u8);
        writer.WriteString("apiVersion"u8, "v1"u8);
        writer.WriteStartObject("metadata"u8);
        writer.WriteEndObject();
        writer.WriteString("status"u8, Code < 300 ? "Success"u8 : "Failure"u8);
        StatusDetails.WriteUnlessEmpty(writer, "message"u8, Message);
        StatusDetails.WriteUnlessEmpty(writer, "reason"u8, Reason);
        if (Details is not null)
        {
            writer.WritePropertyName("details"u8);
            Details.WriteTo(writer);
        }

        if (Code >= 300)
            writer.WriteNumber("code"u8, Code);
        writer.WriteEndObject();
    }

    /// <inheritdoc/>
    public Task ExecuteAsync(HttpContext httpContext)
    {
        if (Details is { RetryAfterSeconds: > 0 and var seconds })
            httpContext.Response.Headers.RetryAfter = seconds.ToString(CultureInfo.InvariantCulture);
        if (httpContext.Features.Get<StatusForm>() is { } form)
            return form.Write(httpContext, this);
        return new JsonReply(Code, ToUtf8()).ExecuteAsync(httpContext);
    }
}

/// <summary>Another form than JSON for every <see cref="Status"/> that answers a request: a feature of the request.</summary>
/// <param name="Write">Writes the answer.</param>
public sealed record StatusForm(Func<HttpContext, Status, Task> Write);
