using System.Globalization;
using EventStore.Domain.Json;

namespace EventStore.Domain.Manifests;

/// <summary>
/// Whether two values are equal for Kubernetes though written differently. Null, an absent member and an empty object are equal. If
/// the field's type is known, quantities, times and integers are compared by value, and a value that a typed client omits
/// (<c>omitempty</c>) equals an absent member.
/// </summary>
internal static class Meaning
{
    /// <summary>Whether two values mean the same.</summary>
    /// <param name="field">What is known of the field they are values of; null for nothing.</param>
    /// <param name="one">A value; null for none.</param>
    /// <param name="other">Another one; null for none.</param>
    public static bool Same(TypedField? field, JsonValue? one, JsonValue? other)
    {
        if (ReferenceEquals(one, other))
            return true;
        return (one, other) switch
        {
            (JsonObject left, JsonObject right) => SameMembers(field, left, right),
            (JsonArray left, JsonArray right) => SameItems(field, left, right),
            _ =>
                (SaysNothing(field, one) && SaysNothing(field, other))
                || (one is not null && other is not null && SameValue(field?.Type, one, other)),
        };
    }

    private static bool SameMembers(TypedField? field, JsonObject left, JsonObject right)
    {
        foreach ((string name, JsonValue? one, JsonValue? other) in JsonObject.Pair(left, right))
        {
            if (!Same(field?.Type.Member(name), one, other))
                return false;
        }

        return true;
    }

    private static bool SameItems(TypedField? field, JsonArray left, JsonArray right)
    {
        TypedField? item = field?.Type.Item is { } type ? TypedField.Inside(type) : null;
        return left.Items.Count == right.Items.Count && left.Items.Zip(right.Items).All(pair => Same(item, pair.First, pair.Second));
    }

    private static bool SaysNothing(TypedField? field, JsonValue? value) => value switch
    {
        null or JsonNull => true,
        JsonObject members => HoldsNothing(field, members),
        _ => field is { Pointer: false } && field.Type.IsZero(value),
    };

    private static bool HoldsNothing(TypedField? field, JsonObject members)
    {
        foreach ((string name, JsonValue value) in members.Members)
        {
            if (!SaysNothing(field?.Type.Member(name), value))
                return false;
        }

        return true;
    }

    private static bool SameValue(FieldType? type, JsonValue one, JsonValue other) => one.Equals(other) || type?.Kind switch
    {
        FieldKind.Quantity => Quantity.AreEqual(one, other),
        FieldKind.Int32 or FieldKind.Int64 => SameInteger(one, other),
        FieldKind.IntOrText => IntOrText(one) is { } text && text == IntOrText(other),
        FieldKind.Time => Second(one) is { } second && second == Second(other),
        _ => false,
    };

    private static bool SameInteger(JsonValue one, JsonValue other) =>
        one is JsonNumber left && other is JsonNumber right && left.WithoutZeroFraction().Equals(right.WithoutZeroFraction());

    // The C# client writes a text of digits as a number.
    private static string? IntOrText(JsonValue value) => value switch
    {
        JsonNumber number => number.WithoutZeroFraction().Text,
        JsonText text => text.Value,
        _ => null,
    };

    // Go writes times in UTC and without fractions.
    private static DateTimeOffset? Second(JsonValue value) =>
        value is JsonText text
            && DateTimeOffset.TryParse(text.Value, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out DateTimeOffset time)
            ? time.AddTicks(-(time.UtcTicks % TimeSpan.TicksPerSecond)).ToUniversalTime()
            : null;
}
