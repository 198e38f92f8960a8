using EventStore.Domain.Json;

namespace EventStore.Domain.Manifests;

/// <summary>
/// What a cluster does according to the custom resource definition (training-operator 1.9): it drops fields that no schema has (pruning),
/// sets defaults, drops nulls of fields that are not nullable, and validates against the schema. Values that an update leaves unchanged
/// are not validated again (upstream's ratcheting). Fields of later versions of Kubernetes are kept, so that a newer operator finds them.
/// </summary>
internal static class CustomResource
{
    private static readonly FieldError NotAllChecked = new("FieldValueInvalid", "<nil>",
        "Invalid value: \"\": some validation rules were not checked because the object was invalid; "
        + "correct the existing errors to complete validation");

    /// <summary>The fields, but for those of metadata, that no schema has and that pruning drops.</summary>
    public static IReadOnlyList<FieldPath> Unknown(JsonObject job)
    {
        var unknown = new List<FieldPath>();
        FindUnknown(JobTypes.Job, FieldPath.Root, job, unknown);
        return unknown;
    }

    /// <summary>What is wrong with spec and status.</summary>
    public static IEnumerable<FieldError> Errors(JsonObject? before, JsonObject job)
    {
        var errors = new List<FieldError>();
        Check(JobTypes.Job, FieldPath.Root, before, job, errors);
        return errors.Count == 0 ? [] : errors.Append(NotAllChecked);
    }

    private static void FindUnknown(FieldType type, FieldPath at, JsonValue value, List<FieldPath> unknown)
    {
        if (value is JsonArray list && type.Item is { } item)
        {
            for (int i = 0; i < list.Items.Count; i++)
                FindUnknown(item, at.Item(i), list.Items[i], unknown);
        }
        else if (value is JsonObject members)
        {
            foreach (KeyValuePair<string, JsonValue> member in members.Members)
            {
                if (!IsUnknown(type, member.Key) && type.Member(member.Key) is { } field)
                    FindUnknown(field.Type, at.Member(member.Key), member.Value, unknown);
                else if (IsUnknown(type, member.Key) && member.Value is not JsonNull)
                    unknown.Add(at.Member(member.Key));
            }
        }
    }

    /// <summary>Whether pruning drops the member of an object of that type.</summary>
    public static bool IsUnknown(FieldType type, string name) =>
        type is { Kind: FieldKind.Object, Fields.Count: > 0 } && !type.Fields.ContainsKey(name)
        && !(ReferenceEquals(type, JobTypes.Job) && name is ("apiVersion" or "kind" or "metadata"));

    private static void Check(FieldType type, FieldPath at, JsonValue? before, JsonValue value, List<FieldError> errors)
    {
        if (value.Equals(before))
            return;
        switch (type.Kind, value)
        {
            case (FieldKind.Object or FieldKind.Map, JsonObject members):
                CheckMembers(type, at, before, members, errors);
                break;
            case (FieldKind.List, JsonArray list):
                for (int i = 0; i < list.Items.Count; i++)
                    Check(type.Item!, at.Item(i), null, list.Items[i], errors);
                break;
            case (FieldKind.Int32 or FieldKind.Int64, JsonNumber number):
                CheckInteger(type, at, number, errors);
                break;
            case (FieldKind.Quantity, JsonNumber or JsonText):
            case (FieldKind.IntOrText, JsonNumber or JsonText):
                CheckIntOrText(type, at, value, errors);
                break;
            case (FieldKind.Time, JsonText):
                errors.AddRange(new TimeShape().Errors(at, value));
                break;
            default:
                if (!Fits(type.Kind, value))
                    errors.Add(FieldError.WrongType(at, value, type.IsInteger ? "integer" : Name(type.Kind)));
                break;
        }
    }

    private static void CheckMembers(FieldType type, FieldPath at, JsonValue? before, JsonObject members, List<FieldError> errors)
    {
        foreach ((string name, TypedField field) in type.Fields)
        {
            if (field.Required && members[name] is null)
                errors.Add(FieldError.Required(at.Member(name)));
        }

        foreach (KeyValuePair<string, JsonValue> member in members.Members)
        {
            if (type.Member(member.Key) is not { Defined: true } field || member.Value.Equals(before?.Member(member.Key)))
                continue;
            Check(field.Type, at.Member(member.Key), before?.Member(member.Key), member.Value, errors);
            if (field.Keys.Count > 0 && member.Value is JsonArray list)
                CheckKeys(field.Keys, at.Member(member.Key), list, errors);
        }
    }

    // The items of a list by keys are told apart by some of their members.
    private static void CheckKeys(IReadOnlyList<string> keys, FieldPath at, JsonArray list, List<FieldError> errors)
    {
        var seen = new HashSet<JsonValue>();
        for (int i = 0; i < list.Items.Count; i++)
        {
            JsonValue item = list.Items[i];
            JsonObject key = JsonObject.Of(
                keys.Where(name => item.Member(name) is not null).Select(name => KeyValuePair.Create(name, item.Member(name)!)));
            if (item is JsonObject && !seen.Add(key))
                errors.Add(new FieldError("FieldValueDuplicate", at.Item(i).ToString(), $"Duplicate value: {key}"));
        }
    }

    private static void CheckInteger(FieldType type, FieldPath at, JsonNumber number, List<FieldError> errors)
    {
        JsonNumber whole = number.WithoutZeroFraction();
        if (whole.Text.Contains('.', StringComparison.Ordinal))
            errors.Add(FieldError.WrongType(at, number, "integer"));
        else if (!whole.TryGetInt64(out long value) || (type.Kind == FieldKind.Int32 && value is < int.MinValue or > int.MaxValue))
            errors.Add(FieldError.Invalid(at, number, $"{at} in body must be of type {Name(type.Kind)}: \"{number.Text}\""));
    }

    private static void CheckIntOrText(FieldType type, FieldPath at, JsonValue value, List<FieldError> errors)
    {
        if (value is JsonNumber number && number.WithoutZeroFraction().Text.Contains('.', StringComparison.Ordinal))
            errors.Add(FieldError.WrongType(at, value, "integer,string"));
        else if (type.Kind == FieldKind.Quantity && !Quantity.IsQuantity(value))
            errors.Add(FieldError.Invalid(at, value, $"{at} in body should match '{Quantity.Pattern}'"));
    }

    private static bool Fits(FieldKind kind, JsonValue value) => kind switch
    {
        FieldKind.Text => value is JsonText,
        FieldKind.Flag => value is JsonBoolean,
        _ => false,
    };

    private static string Name(FieldKind kind) => kind switch
    {
        FieldKind.Flag => "boolean",
        FieldKind.Int32 => "int32",
        FieldKind.Int64 => "int64",
        FieldKind.Quantity or FieldKind.IntOrText => "integer,string",
        FieldKind.List => "array",
        FieldKind.Map or FieldKind.Object => "object",
        _ => "string",
    };
}
