using EventStore.Domain.Json;

namespace EventStore.Server.Kubernetes.Requests;

/// <summary>
/// The members of a JSON object by type, as Go decodes them into a struct. The first of a wrong type is remembered; it reads as if it were
/// absent, and so do all that are absent or null.
/// </summary>
/// <param name="json">The object.</param>
/// <param name="of">What Go's message calls it: the struct, and the path within it.</param>
internal sealed class JsonFields(JsonObject json, string of)
{
    /// <summary>What is wrong, in Go's words; null when nothing is.</summary>
    public string? Wrong { get; private set; }

    /// <summary>A text.</summary>
    public string? Text(string name) => json[name] is JsonText text ? text.Value : Refuse<string?>(name, "string");

    /// <summary>A flag.</summary>
    public bool? Flag(string name) => json[name] is JsonBoolean flag ? flag.Value : Refuse<bool?>(name, "bool");

    /// <summary>A number.</summary>
    public long? Int64(string name) =>
        json[name] is JsonNumber number && number.TryGetInt64(out long value) ? value : Refuse<long?>(name, "int64");

    /// <summary>A list of texts.</summary>
    public string[]? Texts(string name) =>
        json[name] is JsonArray { Items: var items } && items.All(item => item is JsonText)
            ? [.. items.Cast<JsonText>().Select(text => text.Value)]
            : Refuse<string[]?>(name, "[]string");

    /// <summary>The fields of an object within it, which remember for themselves what is wrong.</summary>
    public JsonFields Within(string name, string type)
    {
        var within = new JsonFields(json[name] as JsonObject ?? JsonObject.Empty, $"{of}.{name}");
        if (json[name] is not JsonObject)
            within.Wrong = RefusalOf(name, type);
        return within;
    }

    private T? Refuse<T>(string name, string type)
    {
        Wrong ??= RefusalOf(name, type);
        return default;
    }

    private string? RefusalOf(string name, string type) => json[name] is { } value and not JsonNull
        ? $"json: cannot unmarshal {(value is JsonBoolean ? "bool" : value.Kind)} into Go struct field {of}.{name} of type {type}"
        : null;
}
