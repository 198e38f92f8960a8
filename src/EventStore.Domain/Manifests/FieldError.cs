using System.Globalization;
using System.Text;
using EventStore.Domain.Json;

namespace EventStore.Domain.Manifests;

/// <summary>
/// One thing wrong with one field, in upstream's words (apimachinery <c>field.Error</c>): it becomes one of the causes of a
/// Kubernetes Status.
/// </summary>
/// <param name="Reason">Upstream's name of the kind: <c>FieldValueInvalid</c>, <c>FieldValueRequired</c>, …</param>
/// <param name="Field">The field's path as text; <c>&lt;nil&gt;</c> never occurs here.</param>
/// <param name="Message">What is wrong, without the field: <c>Invalid value: 0: must be greater than 0</c>.</param>
public sealed record FieldError(string Reason, string Field, string Message)
{
    /// <summary>A value that is not allowed. <paramref name="value"/> is shown as Go prints it: text quoted, numbers plain.</summary>
    public static FieldError Invalid(FieldPath field, JsonValue value, string detail) =>
        new("FieldValueInvalid", field.ToString(), $"Invalid value: {Show(value)}: {detail}");

    /// <summary>A value of the wrong JSON type. <paramref name="type"/> is <c>integer</c>, <c>string</c>, <c>object</c>, …</summary>
    public static FieldError WrongType(FieldPath field, JsonValue value, string type)
    {
        // kube-openapi shows the value's type in the place of the value, and numbers as integer or number.
        string shown = value is JsonNumber number ? (number.TryGetInt64(out _) ? "integer" : "number") : value.Kind;
        return new(
            "FieldValueTypeInvalid", field.ToString(), $"Invalid value: \"{shown}\": {field} in body must be of type {type}: \"{shown}\"");
    }

    /// <summary>A field that must be there.</summary>
    public static FieldError Required(FieldPath field, string detail = "") =>
        new("FieldValueRequired", field.ToString(), detail.Length == 0 ? "Required value" : $"Required value: {detail}");

    /// <summary>A field that must not be there, or must not be changed.</summary>
    public static FieldError Forbidden(FieldPath field, string detail) =>
        new("FieldValueForbidden", field.ToString(), $"Forbidden: {detail}");

    /// <summary>A value that is none of those supported.</summary>
    public static FieldError NotSupported(FieldPath field, JsonValue value, params IEnumerable<string> supported) =>
        new("FieldValueNotSupported", field.ToString(),
            $"Unsupported value: {Show(value)}: supported values: {string.Join(", ", supported.Select(Quote))}");

    /// <summary>A value of too many bytes.</summary>
    public static FieldError TooLong(FieldPath field, int bytesMax) =>
        new("FieldValueTooLong", field.ToString(),
            string.Create(CultureInfo.InvariantCulture, $"Too long: may not be more than {bytesMax} bytes"));

    /// <summary>A list or map of too many items.</summary>
    public static FieldError TooMany(FieldPath field, int items, int itemsMax) =>
        new("FieldValueTooMany", field.ToString(),
            string.Create(CultureInfo.InvariantCulture, $"Too many: {items}: must have at most {itemsMax} items"));

    /// <inheritdoc/>
    public override string ToString() => $"{Field}: {Message}";

    private static string Show(JsonValue value) => value is JsonText text ? Quote(text.Value) : value.ToString();

    /// <summary>The text in double quotes as Go's <c>%q</c> prints it.</summary>
    public static string Quote(string text)
    {
        var quoted = new StringBuilder("\"", text.Length + 2);
        foreach (Rune rune in text.EnumerateRunes())
        {
            _ = rune.Value switch
            {
                '"' => quoted.Append("\\\""),
                '\\' => quoted.Append("\\\\"),
                '\a' => quoted.Append("\\a"),
                '\b' => quoted.Append("\\b"),
                '\f' => quoted.Append("\\f"),
                '\n' => quoted.Append("\\n"),
                '\r' => quoted.Append("\\r"),
                '\t' => quoted.Append("\\t"),
                '\v' => quoted.Append("\\v"),
                < 0x20 or 0x7f => quoted.Append(CultureInfo.InvariantCulture, $"\\x{rune.Value:x2}"),
                _ when IsPrintable(rune) => quoted.Append(rune.ToString()),
                > 0xffff => quoted.Append(CultureInfo.InvariantCulture, $"\\U{rune.Value:x8}"),
                _ => quoted.Append(CultureInfo.InvariantCulture, $"\\u{rune.Value:x4}"),
            };
        }

        return quoted.Append('"').ToString();
    }

    private static bool IsPrintable(Rune rune) => rune.Value == ' ' || Rune.GetUnicodeCategory(rune) is not (
        UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator or
        UnicodeCategory.SpaceSeparator or UnicodeCategory.Surrogate or UnicodeCategory.PrivateUse or UnicodeCategory.OtherNotAssigned);
}
