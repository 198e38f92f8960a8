using System.Collections.Frozen;
using System.Text;
using EventStore.Domain.Json;
using EventStore.Domain.Manifests;

namespace EventStore.Domain.Apply;

/// <summary>How the value at a place is owned.</summary>
internal enum Ownership
{
    /// <summary>As one: a scalar, a list or a map that is replaced whole.</summary>
    Whole,

    /// <summary>Member by member.</summary>
    ByMember,

    /// <summary>Item by item, told apart by keys or by value.</summary>
    ByItem,
}

/// <summary>
/// A place in the job's typed model. What the model does not know is owned as a cluster owns what has no schema: objects member by member,
/// lists whole.
/// </summary>
/// <param name="Field">What the model says of it; null when it says nothing.</param>
internal readonly record struct TypedPlace(TypedField? Field)
{
    private const string Member = "f:";

    /// <summary>The whole object.</summary>
    public static TypedPlace Root { get; } = new(new TypedField(JobTypes.WholeJob, Pointer: true));

    // One text for each: the sets of all jobs share them.
    private static readonly FrozenDictionary<string, string> DeclaredSteps =
        Names(Root.Field!.Type, []).Distinct().ToFrozenDictionary(name => name, name => Member + name, StringComparer.Ordinal);

    /// <summary>The place of a member.</summary>
    public TypedPlace Of(string name) => new(Field?.Type.Member(name));

    /// <summary>The place of the list's items.</summary>
    public TypedPlace Item => new(Field?.Type.Item is { } item ? TypedField.Inside(item) with { Atomic = Field.Atomic } : null);

    /// <summary>Whether the model has fields of that name there: not for a map, where any name may stand.</summary>
    public bool Has(string name) => Field is { Type.Kind: FieldKind.Object } && Field.Type.Fields.ContainsKey(name);

    /// <summary>Whether a name may stand there at all.</summary>
    public bool Allows(string name) => Field is not { Type.Kind: FieldKind.Object } || Field.Type.Fields.ContainsKey(name);

    /// <summary>What a step of a field set leads to.</summary>
    public TypedPlace Below(string step) =>
        step.StartsWith(Member, StringComparison.Ordinal) ? Of(step[Member.Length..]) : Item;

    /// <summary>Whether a step of a field set leads to a declared field.</summary>
    public bool Declares(string step) => step.StartsWith(Member, StringComparison.Ordinal) && Has(step[Member.Length..]);

    /// <summary>The step to a member.</summary>
    public static string StepTo(string name) => DeclaredSteps.GetValueOrDefault(name) ?? Member + name;

    /// <summary>The step to an item of a list owned by item; null when nothing tells the item apart.</summary>
    public string? StepTo(JsonValue item)
    {
        if (Field is { IsSet: true })
            return item is JsonText or JsonNumber or JsonBoolean ? $"v:{item}" : null;
        if (item is not JsonObject members)
            return null;
        if (Field!.Keys is [var only] && members[only] is JsonText { Value: var text } && text.All(IsPlain))
            return $"k:{{\"{only}\":\"{text}\"}}"; // what the general way would make of it
        FieldType type = Field!.Type.Item!;
        JsonObject key = JsonObject.Of(Field.Keys
            .Select(name => (Name: name, Value: members[name] ?? type.Fields.GetValueOrDefault(name)?.Default))
            .Where(each => each.Value is not null)
            .Select(each => KeyValuePair.Create(each.Name, each.Value!)));
        return key.Count == 0 ? null : $"k:{key}";
    }

    /// <summary>How a value there is owned. Null and nothing are whatever the model wants.</summary>
    public Ownership Owned(JsonValue? value)
    {
        if (Field is null)
            return value is JsonObject ? Ownership.ByMember : Ownership.Whole;
        bool isVoid = value is null or JsonNull;
        if (Field.Type.Kind is FieldKind.Object or FieldKind.Map)
            return !Field.Atomic && (isVoid || value is JsonObject) ? Ownership.ByMember : Ownership.Whole;
        if (Field.Type.Kind != FieldKind.List || !(Field.IsSet || Field.Keys.Count > 0))
            return Ownership.Whole;
        return isVoid || (value is JsonArray list && list.Items.All(HasStep)) ? Ownership.ByItem : Ownership.Whole;
    }

    /// <summary>How two values there are compared: as one, unless both can be taken apart alike.</summary>
    public Ownership Owned(JsonValue? one, JsonValue? other)
    {
        if (one is null or JsonNull)
            return Owned(other);
        if (other is null or JsonNull)
            return Owned(one);
        Ownership owned = Owned(one);
        return owned == Owned(other) ? owned : Ownership.Whole;
    }

    /// <summary>A path of steps as upstream shows it: <c>.spec.containers[name="pytorch"].image</c>.</summary>
    public static string Show(IEnumerable<string> steps)
    {
        var text = new StringBuilder();
        foreach (string step in steps)
            text.Append(Show(step));
        return text.ToString();
    }

    /// <summary>A step as upstream shows it.</summary>
    public static string Show(string step)
    {
        string what = step[Member.Length..];
        if (step[0] == 'f')
            return "." + what;
        JsonValue value = JsonReading.Parse(Encoding.UTF8.GetBytes(what));
        return value is JsonObject key
            ? $"[{string.Join(',', key.Names.Select(name => $"{name}={key[name]}"))}]"
            : $"[={value}]";
    }

    private static bool IsPlain(char c) => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.' or '/';

    private bool HasStep(JsonValue item) => StepTo(item) is not null;

    private static IEnumerable<string> Names(FieldType type, HashSet<FieldType> seen) => !seen.Add(type)
        ? []
        : type.Fields.SelectMany(field => Names(field.Value.Type, seen).Append(field.Key))
            .Concat(type.Item is { } item ? Names(item, seen) : []);
}
