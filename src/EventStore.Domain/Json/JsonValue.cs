using System.Text;
using System.Text.Json;

namespace EventStore.Domain.Json;

/// <summary>
/// An immutable JSON value with equality by content. Members of an object are kept in the order of their UTF-8 bytes (the order
/// Kubernetes prints them in), numbers keep every digit, unknown members are kept like any other.
/// </summary>
/// <remarks>
/// A tree of our own rather than <see cref="JsonDocument"/>: a patched job shares all of its untouched subtrees with the job before
/// the patch, and a value may be held for as long as anybody likes without holding a pooled buffer.
/// </remarks>
public abstract class JsonValue : IEquatable<JsonValue>
{
    private protected JsonValue()
    {
    }

    /// <summary>
    /// The name of the JSON type: <c>object</c>, <c>array</c>, <c>string</c>, <c>number</c>, <c>boolean</c>, <c>null</c>.
    /// </summary>
    public abstract string Kind { get; }

    /// <summary>Whether Kubernetes treats the value like an absent one: null, or an object without members.</summary>
    public virtual bool IsVoid => false;

    /// <summary>The member of that name, or null where there is none or the value is no object.</summary>
    public JsonValue? Member(string name) => (this as JsonObject)?[name];

    /// <summary>Writes the value. Numbers are written with the digits they were read with.</summary>
    public abstract void WriteTo(Utf8JsonWriter writer);

    /// <inheritdoc/>
    public abstract bool Equals(JsonValue? other);

    /// <inheritdoc/>
    public sealed override bool Equals(object? obj) => Equals(obj as JsonValue);

    /// <inheritdoc/>
    public abstract override int GetHashCode();

    /// <summary>The value as compact JSON in UTF-8, members in order.</summary>
    public byte[] ToUtf8()
    {
        using JsonPrinter printer = JsonPrinter.Take();
        WriteTo(printer.Writer);
        return printer.ToUtf8();
    }

    /// <summary>The value as compact JSON.</summary>
    public sealed override string ToString() => Encoding.UTF8.GetString(ToUtf8());

    /// <summary>A JSON string.</summary>
    public static implicit operator JsonValue(string text) => new JsonText(text);

    /// <summary>A JSON number.</summary>
    public static implicit operator JsonValue(long number) => JsonNumber.Of(number);
}

/// <summary>A JSON string: well-formed Unicode without U+0000 (PostgreSQL's jsonb cannot hold it).</summary>
public sealed class JsonText(string value) : JsonValue
{
    private const int SegmentLength = 16 << 10; // written at once, a text asks its buffer for up to six times its length

    /// <summary>The characters.</summary>
    public string Value { get; } = value;

    /// <inheritdoc/>
    public override string Kind => "string";

    /// <inheritdoc/>
    public override void WriteTo(Utf8JsonWriter writer)
    {
        if (Value.Length <= SegmentLength)
        {
            writer.WriteStringValue(Value);
            return;
        }

        for (int at = 0; at < Value.Length; at += SegmentLength)
        {
            int length = Math.Min(SegmentLength, Value.Length - at);
            writer.WriteStringValueSegment(Value.AsSpan(at, length), isFinalSegment: at + length == Value.Length);
        }
    }

    /// <inheritdoc/>
    public override bool Equals(JsonValue? other) => other is JsonText text && text.Value == Value;

    /// <inheritdoc/>
    public override int GetHashCode() => string.GetHashCode(Value, StringComparison.Ordinal);
}

/// <summary><c>true</c> or <c>false</c>.</summary>
public sealed class JsonBoolean : JsonValue
{
    /// <summary><c>true</c></summary>
    public static readonly JsonBoolean True = new(true);

    /// <summary><c>false</c></summary>
    public static readonly JsonBoolean False = new(false);

    private JsonBoolean(bool value) => Value = value;

    /// <summary>Which of the two.</summary>
    public bool Value { get; }

    /// <summary>One of the two.</summary>
    public static JsonBoolean Of(bool value) => value ? True : False;

    /// <inheritdoc/>
    public override string Kind => "boolean";

    /// <inheritdoc/>
    public override void WriteTo(Utf8JsonWriter writer) => writer.WriteBooleanValue(Value);

    /// <inheritdoc/>
    public override bool Equals(JsonValue? other) => ReferenceEquals(this, other);

    /// <inheritdoc/>
    public override int GetHashCode() => Value ? 1 : 2;
}

/// <summary><c>null</c>. In a merge patch it takes a member away; in a stored object it is kept where it was given.</summary>
public sealed class JsonNull : JsonValue
{
    /// <summary>The one null.</summary>
    public static readonly JsonNull Value = new();

    private JsonNull()
    {
    }

    /// <inheritdoc/>
    public override string Kind => "null";

    /// <inheritdoc/>
    public override bool IsVoid => true;

    /// <inheritdoc/>
    public override void WriteTo(Utf8JsonWriter writer) => writer.WriteNullValue();

    /// <inheritdoc/>
    public override bool Equals(JsonValue? other) => ReferenceEquals(this, other);

    /// <inheritdoc/>
    public override int GetHashCode() => 3;
}

/// <summary>A JSON array.</summary>
public sealed class JsonArray(IReadOnlyList<JsonValue> items) : JsonValue
{
    /// <summary>The items in order.</summary>
    public IReadOnlyList<JsonValue> Items { get; } = items;

    /// <inheritdoc/>
    public override string Kind => "array";

    /// <inheritdoc/>
    public override void WriteTo(Utf8JsonWriter writer)
    {
        writer.WriteStartArray();
        foreach (JsonValue item in Items)
            item.WriteTo(writer);
        writer.WriteEndArray();
    }

    /// <inheritdoc/>
    public override bool Equals(JsonValue? other) =>
        ReferenceEquals(this, other) || (other is JsonArray array && Items.SequenceEqual(array.Items));

    /// <inheritdoc/>
    public override int GetHashCode() => Items.Aggregate(5, HashCode.Combine);
}
