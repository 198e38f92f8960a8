using System.Globalization;
using System.Text.RegularExpressions;
using EventStore.Domain.Json;

namespace EventStore.Domain.Manifests;

/// <summary>
/// What a field may hold: as much of an OpenAPI schema as this API needs. A closed list: <see cref="AnyShape"/>,
/// <see cref="TextShape"/>, <see cref="TimeShape"/>, <see cref="FlagShape"/>, <see cref="IntegerShape"/>, <see cref="ListShape"/>,
/// <see cref="MapShape"/>, <see cref="ObjectShape"/>. The texts are kube-openapi's.
/// </summary>
public abstract class Shape
{
    private protected Shape()
    {
    }

    /// <summary>What is wrong with the value. Null is the same as none, as it is for Go's decoder.</summary>
    public IReadOnlyList<FieldError> Errors(FieldPath at, JsonValue? value)
    {
        var errors = new List<FieldError>();
        if (value is not (null or JsonNull))
            Check(at, value, errors);
        return errors;
    }

    /// <summary>The members, at any depth, that no field of this shape accounts for; in order.</summary>
    public IReadOnlyList<FieldPath> UnknownFields(FieldPath at, JsonValue value)
    {
        var unknown = new List<FieldPath>();
        FindUnknown(at, value, unknown);
        return unknown;
    }

    internal abstract void Check(FieldPath at, JsonValue value, List<FieldError> errors);

    internal virtual void FindUnknown(FieldPath at, JsonValue value, List<FieldPath> unknown)
    {
    }
}

/// <summary>Any value at all: whatever stands below is known.</summary>
public sealed class AnyShape : Shape
{
    /// <summary>The usual shape of the value, for the documentation only; null if there is none.</summary>
    public Shape? Usually { get; init; }

    internal override void Check(FieldPath at, JsonValue value, List<FieldError> errors)
    {
    }
}

/// <summary>A string.</summary>
/// <param name="values">The only values allowed, as shown to whoever wrote another; empty when any text will do.</param>
public sealed class TextShape(params IReadOnlyList<string> values) : Shape
{
    /// <summary>The only values allowed; empty when any text will do.</summary>
    public IReadOnlyList<string> Values { get; } = values;

    /// <summary>Whether the empty text is allowed beside the values, as Go's word for "not set".</summary>
    public bool MayBeEmpty { get; init; }

    internal override void Check(FieldPath at, JsonValue value, List<FieldError> errors)
    {
        if (value is not JsonText text)
            errors.Add(FieldError.WrongType(at, value, "string"));
        else if (Values.Count > 0 && !Values.Contains(text.Value) && !(MayBeEmpty && text.Value.Length == 0))
            errors.Add(FieldError.NotSupported(at, value, Values));
    }
}

/// <summary>A moment as RFC 3339 text with a zone, the only form Go's <c>metav1.Time</c> reads.</summary>
public sealed partial class TimeShape : Shape
{
    internal override void Check(FieldPath at, JsonValue value, List<FieldError> errors)
    {
        if (value is not JsonText text)
            errors.Add(FieldError.WrongType(at, value, "string"));
        else if (!IsTime(text.Value))
            errors.Add(WrongTime(at, FieldError.Quote(text.Value)));
    }

    private static FieldError WrongTime(FieldPath at, string shown) =>
        new("FieldValueTypeInvalid", at.ToString(), $"Invalid value: {shown}: {at} in body must be of type date-time: {shown}");

    private static bool IsTime(string text) => Rfc3339().IsMatch(text) && DateTime.TryParseExact(
        text.AsSpan(0, "yyyy-MM-ddTHH:mm:ss".Length), "yyyy-MM-ddTHH:mm:ss", CultureInfo.InvariantCulture, DateTimeStyles.None, out _);

    [GeneratedRegex(@"\A[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}([.][0-9]+)?(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])\z")]
    private static partial Regex Rfc3339();
}

/// <summary><c>true</c> or <c>false</c>.</summary>
public sealed class FlagShape : Shape
{
    internal override void Check(FieldPath at, JsonValue value, List<FieldError> errors)
    {
        if (value is not JsonBoolean)
            errors.Add(FieldError.WrongType(at, value, "boolean"));
    }
}

/// <summary>A whole number. <c>1e2</c> has been normalized to <c>100</c>; <c>2.0</c> counts as 2 and is stored so.</summary>
public sealed class IntegerShape(long min = long.MinValue, long max = long.MaxValue) : Shape
{
    /// <summary>The least value allowed.</summary>
    public long Min { get; } = min;

    /// <summary>The greatest value allowed.</summary>
    public long Max { get; } = max;

    internal override void Check(FieldPath at, JsonValue value, List<FieldError> errors)
    {
        JsonNumber? number = (value as JsonNumber)?.WithoutZeroFraction();
        if (number is null || number.Text.Contains('.', StringComparison.Ordinal))
            errors.Add(FieldError.WrongType(at, value, "integer"));
        else if (number.TryGetInt64(out long whole) ? whole < Min : number.Text[0] == '-')
            errors.Add(OutOfRange(at, value, "greater", Min));
        else if (!number.TryGetInt64(out whole) || whole > Max)
            errors.Add(OutOfRange(at, value, "less", Max));
    }

    private static FieldError OutOfRange(FieldPath at, JsonValue value, string direction, long limit) =>
        FieldError.Invalid(
            at, value, string.Create(CultureInfo.InvariantCulture, $"{at} in body should be {direction} than or equal to {limit}"));
}

/// <summary>An array whose items all have one shape. A null item is an item of the wrong type.</summary>
public sealed class ListShape(Shape item) : Shape
{
    /// <summary>What each item is.</summary>
    public Shape Item { get; } = item;

    internal override void Check(FieldPath at, JsonValue value, List<FieldError> errors)
    {
        if (value is not JsonArray array)
        {
            errors.Add(FieldError.WrongType(at, value, "array"));
            return;
        }

        for (int i = 0; i < array.Items.Count; i++)
            Item.Check(at.Item(i), array.Items[i], errors);
    }

    internal override void FindUnknown(FieldPath at, JsonValue value, List<FieldPath> unknown)
    {
        if (value is not JsonArray array)
            return;
        for (int i = 0; i < array.Items.Count; i++)
            Item.FindUnknown(at.Item(i), array.Items[i], unknown);
    }
}

/// <summary>An object whose members may have any name and all have one shape.</summary>
public sealed class MapShape(Shape value) : Shape
{
    /// <summary>What each member is.</summary>
    public Shape Value { get; } = value;

    internal override void Check(FieldPath at, JsonValue value, List<FieldError> errors)
    {
        if (value is not JsonObject map)
        {
            errors.Add(FieldError.WrongType(at, value, "object"));
            return;
        }

        foreach (KeyValuePair<string, JsonValue> member in map.Members)
            errors.AddRange(Value.Errors(at.Member(member.Key), member.Value));
    }

    internal override void FindUnknown(FieldPath at, JsonValue value, List<FieldPath> unknown)
    {
        if (value is not JsonObject map)
            return;
        foreach (KeyValuePair<string, JsonValue> member in map.Members)
            Value.FindUnknown(at.Member(member.Key), member.Value, unknown);
    }
}

/// <summary>An object with fields of its own, each with its shape; other members are unknown, which is no error of type.</summary>
public sealed class ObjectShape(params IReadOnlyList<(string Name, Shape Shape, string About)> fields) : Shape
{
    /// <summary>An object whose fields nobody knows.</summary>
    public ObjectShape()
        : this(Array.Empty<(string Name, Shape Shape, string About)>())
    {
    }

    /// <summary>Fields that speak for themselves.</summary>
    public ObjectShape(params IReadOnlyList<(string Name, Shape Shape)> fields)
        : this([.. fields.Select(field => (field.Name, field.Shape, string.Empty))])
    {
    }

    /// <summary>The fields as the table lists them, each with a sentence for its reader.</summary>
    public IReadOnlyList<(string Name, Shape Shape, string About)> Fields { get; } = fields;

    /// <summary>
    /// The fields no object may lack. Documentation: it is <see cref="Validation"/> that asks for them, in its own words.
    /// </summary>
    public IReadOnlyList<string> Required { get; init; } = [];

    /// <summary>The shape of the field, or null when there is no such field.</summary>
    public Shape? this[string name] => Fields.FirstOrDefault(field => field.Name == name).Shape;

    internal override void Check(FieldPath at, JsonValue value, List<FieldError> errors)
    {
        if (value is not JsonObject members)
        {
            errors.Add(FieldError.WrongType(at, value, "object"));
            return;
        }

        foreach ((string name, Shape shape, _) in Fields)
            errors.AddRange(shape.Errors(at.Member(name), members[name]));
    }

    internal override void FindUnknown(FieldPath at, JsonValue value, List<FieldPath> unknown)
    {
        if (value is not JsonObject members)
            return;
        foreach (KeyValuePair<string, JsonValue> member in members.Members)
        {
            if (this[member.Key] is { } shape)
                shape.FindUnknown(at.Member(member.Key), member.Value, unknown);
            else
                unknown.Add(at.Member(member.Key));
        }
    }
}
