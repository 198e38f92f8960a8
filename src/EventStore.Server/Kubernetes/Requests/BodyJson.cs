using System.Diagnostics.CodeAnalysis;
using System.Text;
using EventStore.Domain.Json;
using EventStore.Domain.Manifests;

namespace EventStore.Server.Kubernetes.Requests;

/// <summary>A body that was read, understood: as a merge patch, as an object that says what it is, or as a review.</summary>
public static class BodyJson
{
    private static readonly string[] TextsOfOperation = ["from", "op", "path"];

    /// <summary>Understands a merge patch.</summary>
    /// <param name="bytes">What was read.</param>
    /// <param name="resource">What is patched, for the messages.</param>
    /// <param name="name">Its name, for the messages.</param>
    /// <param name="patch">The patch, or null when it is refused.</param>
    /// <param name="refusal">Why it is refused, or null.</param>
    /// <param name="duplicates">The members that stand more than once in the text.</param>
    /// <param name="nesting">How deep it may be nested.</param>
    public static bool TryParsePatch(
        ReadOnlySpan<byte> bytes,
        ApiResource resource,
        string name,
        [NotNullWhen(true)] out JsonObject? patch,
        [NotNullWhen(false)] out Status? refusal,
        out IReadOnlyList<FieldPath> duplicates,
        int nesting = JsonReading.DepthMax)
    {
        const string anyObject = "map[string]interface {}";
        var twice = new List<FieldPath>();
        duplicates = twice;
        patch = null;
        if (!JsonReading.TryParse(bytes, out JsonValue? value, out JsonFault? fault, twice, nesting))
            refusal = Unstorable(fault!, resource, name) ?? Status.BadRequest($"error decoding patch: {Explain(bytes, fault!)}");
        else if (value is JsonNull)
            refusal = Status.BadRequest("Invalid JSON Patch");
        else if (value is not JsonObject)
            refusal = Status.BadRequest($"error decoding patch: json: cannot unmarshal {GoKind(value!)} into Go value of type {anyObject}");
        else
            (patch, refusal) = ((JsonObject)value, null);
        return patch is not null;
    }

    /// <summary>Understands a JSON Patch. What is wrong with an operation is found when it is applied, as upstream does.</summary>
    /// <inheritdoc cref="TryParsePatch"/>
    public static bool TryParseOperations(
        ReadOnlySpan<byte> bytes,
        ApiResource resource,
        string name,
        [NotNullWhen(true)] out JsonPatch? patch,
        [NotNullWhen(false)] out Status? refusal,
        int nesting = JsonReading.DepthMax)
    {
        (patch, refusal) = (null, null);
        if (!JsonReading.TryParse(bytes, out JsonValue? value, out JsonFault? fault, null, nesting))
            refusal = Unstorable(fault!, resource, name) ?? Status.BadRequest($"error decoding patch: {Explain(bytes, fault!)}");
        else if ((value is JsonNull ? new JsonArray([]) : value) is not JsonArray operations)
            refusal = Status.BadRequest(
                $"error decoding patch: json: cannot unmarshal {GoKind(value!)} into Go value of type []handlers.jsonPatchOp");
        else if (operations.Items.Count > JsonPatch.OperationsMax)
            refusal = Status.TooManyOperations(JsonPatch.OperationsMax, operations.Items.Count);
        else if (operations.Items.Select(NoOperation).FirstOrDefault(wrong => wrong is not null) is { } wrong)
            refusal = Status.BadRequest($"error decoding patch: json: cannot unmarshal {wrong}");
        else
            patch = new JsonPatch(operations);
        return patch is not null;
    }

    /// <summary>Understands an applied configuration. An empty one says nothing, not even of what kind it is.</summary>
    /// <inheritdoc cref="TryParsePatch"/>
    public static bool TryParseConfiguration(
        ReadOnlySpan<byte> bytes,
        ApiResource resource,
        string name,
        [NotNullWhen(true)] out JsonObject? configuration,
        [NotNullWhen(false)] out Status? refusal,
        out IReadOnlyList<FieldPath> duplicates,
        int nesting = JsonReading.DepthMax)
    {
        var twice = new List<FieldPath>();
        duplicates = twice;
        (configuration, refusal) = (null, null);
        JsonValue? value = JsonNull.Value;
        if (!bytes.IsEmpty && !JsonReading.TryParse(bytes, out value, out JsonFault? fault, twice, nesting))
            refusal = Unstorable(fault!, resource, name) ?? Status.BadRequest($"error decoding patch: {Explain(bytes, fault!)}");
        else if (value is not (JsonObject or JsonNull))
            refusal = Status.BadRequest("error decoding patch: error unmarshaling JSON: while decoding JSON: json: cannot unmarshal "
                + $"{GoKind(value!)} into Go value of type map[string]interface {{}}");
        else
            configuration = value as JsonObject ?? JsonObject.Empty;
        return configuration is not null;
    }

    private static string? NoOperation(JsonValue operation)
    {
        if (operation is not (JsonObject or JsonNull))
            return $"{GoKind(operation)} into Go value of type handlers.jsonPatchOp";
        string? member = TextsOfOperation.FirstOrDefault(
            name => operation.Member(name) is not (null or JsonNull or JsonText));
        return member is null ? null : $"{GoKind(operation.Member(member)!)} into Go struct field jsonPatchOp.{member} of type string";
    }

    /// <summary>
    /// Understands a whole object: it must say its apiVersion and kind. Whether they are the right ones is not asked here.
    /// </summary>
    /// <inheritdoc cref="TryParsePatch"/>
    public static bool TryParseObject(
        ReadOnlySpan<byte> bytes,
        ApiResource resource,
        string name,
        [NotNullWhen(true)] out JsonObject? manifest,
        [NotNullWhen(false)] out Status? refusal,
        out IReadOnlyList<FieldPath> duplicates,
        int nesting = JsonReading.DepthMax)
    {
        var twice = new List<FieldPath>();
        duplicates = twice;
        (manifest, refusal) = (null, null);
        if (JsonReading.TryParse(bytes, out JsonValue? value, out JsonFault? fault, twice, nesting))
        {
            if (Unrecognizable(value!, bytes) is { } why)
                refusal = Unrecognized(resource, why, bytes);
            else
                manifest = (JsonObject)value!;
        }
        else
        {
            refusal = Unstorable(fault!, resource, name)
                ?? Unrecognized(resource, $"couldn't get version/kind; json parse error: {Explain(bytes, fault!)}", bytes);
        }

        return manifest is not null;
    }

    /// <summary>
    /// Understands a review: it need not say what it is, for its path does (apiserver decodes with the endpoint's kind as default).
    /// </summary>
    /// <param name="bytes">What was read.</param>
    /// <param name="resource">What kind of review it is.</param>
    /// <param name="review">The review, with its apiVersion and kind.</param>
    /// <param name="refusal">Why it is refused, or null.</param>
    public static bool TryParseReview(
        ReadOnlySpan<byte> bytes, ApiResource resource,
        [NotNullWhen(true)] out JsonObject? review, [NotNullWhen(false)] out Status? refusal)
    {
        (review, refusal) = (null, null);
        if (!JsonReading.TryParse(bytes, out JsonValue? value, out JsonFault? fault))
        {
            refusal = Unrecognized(resource, $"couldn't get version/kind; json parse error: {Explain(bytes, fault!)}", bytes);
            return false;
        }

        value = value is JsonObject given ? Completed(given, resource) : value!;
        if (Unrecognizable(value, bytes) is { } why)
            refusal = Unrecognized(resource, why, bytes);
        else
            review = (JsonObject)value;
        return review is not null;
    }

    /// <summary>The object, with the apiVersion and kind of its endpoint where it does not say its own.</summary>
    private static JsonObject Completed(JsonObject given, ApiResource resource)
    {
        foreach ((string member, string expected) in (ReadOnlySpan<(string, string)>)[("apiVersion", resource.GroupVersion),
            ("kind", resource.Kind)])
            given = given[member] is null or JsonNull or JsonText { Value.Length: 0 } ? given.With(member, expected) : given;
        return given;
    }

    /// <summary>
    /// What keeps the value from being an object of some kind, in the words of apimachinery's serializers; null when nothing does.
    /// </summary>
    private static string? Unrecognizable(JsonValue value, ReadOnlySpan<byte> bytes)
    {
        const string undecoded = "couldn't get version/kind; json parse error: json: cannot unmarshal ";
        const string header =
            "struct { APIVersion string \"json:\\\"apiVersion,omitempty\\\"\"; Kind string \"json:\\\"kind,omitempty\\\"\" }";
        if (value is not (JsonObject or JsonNull))
            return $"{undecoded}{GoKind(value)} into Go value of type {header}";
        foreach (string member in (ReadOnlySpan<string>)["kind", "apiVersion"])
        {
            JsonValue? given = (value as JsonObject)?[member];
            if (given is null or JsonNull or JsonText { Value.Length: 0 })
                return $"Object '{(member == "kind" ? "Kind" : member)}' is missing in '{Clip(bytes)}'";
            if (given is not JsonText)
                return $"{undecoded}{GoKind(given)} into Go struct field .{member} of type string";
        }

        return null;
    }

    private static Status Unrecognized(ApiResource resource, string why, ReadOnlySpan<byte> bytes) =>
        Status.BadRequest($"the object provided is unrecognized (must be of type {resource.Kind}): {why} ({Summary(bytes)})");

    /// <summary>The first 30 bytes, in hex unless they look like JSON (apiserver <c>summarizeData</c>).</summary>
    private static string Summary(ReadOnlySpan<byte> bytes)
    {
        const int shown = 30;
        if (bytes.IsEmpty)
            return "<empty>";
        ReadOnlySpan<byte> start = bytes[..Math.Min(shown, bytes.Length)];
        string text = start[0] == '{' ? Encoding.UTF8.GetString(start) : Convert.ToHexStringLower(start);
        return bytes.Length > shown ? text + " ..." : text;
    }

    /// <summary>Upstream repeats the whole body; 8 KiB of it tell as much.</summary>
    private static string Clip(ReadOnlySpan<byte> bytes)
    {
        const int shown = 8192;
        return bytes.Length <= shown ? Encoding.UTF8.GetString(bytes) : Encoding.UTF8.GetString(bytes[..shown]) + "...";
    }

    private static string Explain(ReadOnlySpan<byte> bytes, JsonFault fault) => GoSyntax.Explain(bytes)
        ?? (fault.Field.Length == 0 ? fault.Message : $"{fault.Field}: {fault.Message}");

    /// <summary>422 for JSON that cannot be stored; null for a text that is not JSON.</summary>
    private static Status? Unstorable(JsonFault fault, ApiResource resource, string name) => !fault.Unprocessable
        ? null
        : Status.Invalid(
            resource,
            name,
            [new FieldError("FieldValueInvalid", fault.Field.Length == 0 ? "<nil>" : fault.Field, $"Invalid value: {fault.Message}")]);

    private static string GoKind(JsonValue value) => value is JsonBoolean ? "bool" : value.Kind;
}
