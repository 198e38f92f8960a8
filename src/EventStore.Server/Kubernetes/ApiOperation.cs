using System.Text.Json.Nodes;

namespace EventStore.Server.Kubernetes;

/// <summary>
/// What the document for people says of an endpoint. The route table puts a <see cref="Documentation"/> of it into the endpoint's
/// metadata; an endpoint without one is left out of the document.
/// </summary>
/// <param name="Id">The operation's id.</param>
/// <param name="Summary">What it does, in a few words.</param>
/// <param name="Description">Everything else, in Markdown.</param>
internal sealed record ApiOperation(string Id, string Summary, string Description)
{
    /// <summary>The group it stands in.</summary>
    public required string Tag { get; init; }

    /// <summary>The path and query parameters; those the path does not have are left out.</summary>
    public required IReadOnlyList<ApiParameter> Parameters { get; init; }

    /// <summary>What is sent; null for nothing.</summary>
    public ApiBody? Body { get; init; }

    /// <summary>What comes back, by code.</summary>
    public required IReadOnlyList<ApiAnswer> Answers { get; init; }
}

/// <summary>Makes an <see cref="ApiOperation"/> when somebody asks for the document: no start of the server waits for it.</summary>
internal delegate ApiOperation Documentation();

/// <summary>A request's body.</summary>
/// <param name="MediaType">Its media type.</param>
/// <param name="Schema">The name of its schema.</param>
/// <param name="Examples">Examples by what they show.</param>
internal sealed record ApiBody(string MediaType, string Schema, params IReadOnlyList<(string Shows, JsonNode Value)> Examples)
{
    /// <summary>Whether the request may have no body.</summary>
    public bool Optional { get; init; }
}

/// <summary>An answer.</summary>
/// <param name="Code">The HTTP code.</param>
/// <param name="Description">When it comes.</param>
/// <param name="Schema">The name of the body's schema.</param>
/// <param name="Example">A body.</param>
internal sealed record ApiAnswer(int Code, string Description, string Schema, JsonNode Example)
{
    /// <summary>A refusal, as the server itself words it.</summary>
    public static ApiAnswer Refusal(Status status, string description) =>
        new(status.Code, description, nameof(Status),
            JsonNode.Parse(status.ToUtf8())!)
        { RetryAfter = status.Details?.RetryAfterSeconds > 0 };

    /// <summary>Whether a header says when to come back.</summary>
    public bool RetryAfter { get; init; }
}
