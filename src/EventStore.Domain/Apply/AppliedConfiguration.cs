using System.Globalization;
using EventStore.Domain.Json;
using EventStore.Domain.Manifests;

namespace EventStore.Domain.Apply;

/// <summary>
/// What is wrong with an applied configuration by the typed model, in the words of structured-merge-diff: values of the wrong type, fields
/// that are not declared, items of a list by keys that are there twice.
/// </summary>
internal static class AppliedConfiguration
{
    private const int ErrorsMax = 20;

    /// <summary>The errors as one text; null when there are none.</summary>
    public static string? Wrong(JsonObject configuration)
    {
        var errors = new List<string>();
        Check(TypedPlace.Root, [], configuration, errors);
        return errors.Count switch
        {
            0 => null,
            1 => errors[0],
            _ => "errors:\n  " + string.Join("\n  ", errors.Take(ErrorsMax)),
        };
    }

    private static void Check(TypedPlace place, List<string> at, JsonValue value, List<string> errors)
    {
        if (errors.Count > ErrorsMax || value is JsonNull || place.Field is not { Type: var type } field)
            return;
        switch (type.Kind, value)
        {
            case (FieldKind.Object or FieldKind.Map, JsonObject members):
                CheckMembers(place, at, members, errors);
                break;
            case (FieldKind.List, JsonArray list):
                CheckItems(place, field, at, list, errors);
                break;
            default:
                if (Expected(type.Kind, value) is { } wrong)
                    errors.Add($"{TypedPlace.Show(at)}: {wrong}");
                break;
        }
    }

    private static void CheckMembers(TypedPlace place, List<string> at, JsonObject members, List<string> errors)
    {
        foreach (KeyValuePair<string, JsonValue> member in members.Members)
        {
            at.Add(TypedPlace.StepTo(member.Key));
            if (place.Allows(member.Key))
                Check(place.Of(member.Key), at, member.Value, errors);
            else
                errors.Add($"{TypedPlace.Show(at)}: field not declared in schema");
            at.RemoveAt(at.Count - 1);
        }
    }

    private static void CheckItems(TypedPlace place, TypedField field, List<string> at, JsonArray list, List<string> errors)
    {
        bool isTold = field.IsSet || field.Keys.Count > 0;
        var seen = new HashSet<string>(StringComparer.Ordinal);
        for (int i = 0; i < list.Items.Count; i++)
        {
            string? step = isTold ? place.StepTo(list.Items[i]) : string.Create(CultureInfo.InvariantCulture, $"f:[{i}]");
            if (step is null)
            {
                errors.Add(string.Create(
                    CultureInfo.InvariantCulture, $"{TypedPlace.Show(at)}: element {i}: {Untold(field, list.Items[i])}"));
                return;
            }

            if (isTold && !seen.Add(step))
                errors.Add($"{TypedPlace.Show(at)}: duplicate entries for key {TypedPlace.Show(step)}");
            at.Add(step);
            Check(place.Item, at, list.Items[i], errors);
            at.RemoveAt(at.Count - 1);
        }
    }

    private static string Untold(TypedField field, JsonValue item) => (field.IsSet, item) switch
    {
        (true, JsonObject) => "associative list without keys has an element that's a map type",
        (true, JsonArray) => "not supported: associative list with lists as elements",
        (true, _) => "associative list without keys has an element that's an explicit null",
        (_, JsonNull) => "associative list with keys may not have a null element",
        (_, JsonObject) => $"associative list with keys has an element that omits all key fields [{string.Join(
            ' ', field.Keys.Select(FieldError.Quote))}] (and doesn't have default values for any key fields)",
        _ => "associative list with keys may not have non-map elements",
    };

    private static string? Expected(FieldKind kind, JsonValue value) => (kind, value) switch
    {
        (FieldKind.Object or FieldKind.Map, _) => $"expected map, got {Shown(value)}",
        (FieldKind.List, _) => $"expected list, got {Shown(value)}",
        (FieldKind.Text or FieldKind.Time, JsonText) => null,
        (FieldKind.Text or FieldKind.Time, _) => $"expected string, got {Shown(value)}",
        (FieldKind.Flag, JsonBoolean) => null,
        (FieldKind.Flag, _) => $"expected boolean, got {Shown(value)}",
        (FieldKind.Int32 or FieldKind.Int64, JsonNumber) => null,
        (FieldKind.Int32 or FieldKind.Int64, _) => $"expected numeric (int or float), got {GoType(value)}",
        (_, JsonNumber or JsonText or JsonBoolean) => null,
        _ => $"expected any scalar, got {Shown(value)}",
    };

    private static string Shown(JsonValue value) => $"&{{{(value is JsonText text ? text.Value : value.ToString())}}}";

    private static string GoType(JsonValue value) => value switch
    {
        JsonText => "string",
        JsonBoolean => "bool",
        JsonArray => "[]interface {}",
        _ => "map[string]interface {}",
    };
}
