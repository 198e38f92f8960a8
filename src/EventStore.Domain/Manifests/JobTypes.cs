using System.Globalization;
using EventStore.Domain.Json;

namespace EventStore.Domain.Manifests;

/// <summary>
/// The typed model of a job, read from <c>JobTypes.txt</c>: what Go's structs and the definition of the custom resource say of every field.
/// </summary>
internal static class JobTypes
{
    private const string Resource = "EventStore.Domain.JobTypes.txt";

    private static readonly Dictionary<string, FieldType> Named = Load();

    /// <summary>The whole job less its metadata: <c>spec</c> and <c>status</c>.</summary>
    public static FieldType Job { get; } = Named["PyTorchJob"];

    /// <summary>The job with what every object has beside them, by which the owners of its fields are told.</summary>
    public static FieldType WholeJob { get; } = Named["WholeJob"];

    private static Dictionary<string, FieldType> Load()
    {
        using var reader = new StreamReader(typeof(JobTypes).Assembly.GetManifestResourceStream(Resource)!);
        string[] lines =
            [.. reader.ReadToEnd().Split('\n').Select(line => line.TrimEnd()).Where(line => line.Length > 0 && line[0] != '#')];
        var named = lines.Where(line => line[0] != ' ').ToDictionary(
            name => name, _ => new FieldType(FieldKind.Object), StringComparer.Ordinal);
        FieldType? current = null;
        foreach (string line in lines)
        {
            if (line[0] != ' ')
                current = named[line];
            else
                Add(current!, line.Split(' ', StringSplitOptions.RemoveEmptyEntries), named);
        }

        return named;
    }

    // "name! *type flag flag": ! for required, * for a pointer; flags are =DEFAULT, keys:A,B, set, atomic and ~ for what the definition
    // does not have.
    private static void Add(FieldType owner, string[] words, Dictionary<string, FieldType> named)
    {
        string name = words[0].TrimEnd('!');
        FieldType type = Type(words[1].TrimStart('*'), named);
        string? preset = words.FirstOrDefault(word => word[0] == '=');
        string? keys = words.FirstOrDefault(word => word.StartsWith("keys:", StringComparison.Ordinal));
        owner.Fields.Add(name, new TypedField(type, words[1][0] == '*')
        {
            Required = words[0][^1] == '!',
            Defined = !words.Contains("~"),
            Default = preset is null ? null : Value(type, preset[1..]),
            Keys = keys is null ? [] : keys["keys:".Length..].Split(','),
            IsSet = words.Contains("set"),
            Atomic = words.Contains("atomic"),
        });
    }

    private static FieldType Type(string word, Dictionary<string, FieldType> named)
    {
        if (word.StartsWith("[]", StringComparison.Ordinal))
            return new FieldType(FieldKind.List) { Item = Type(word[2..], named) };
        if (word.StartsWith("map:", StringComparison.Ordinal))
            return new FieldType(FieldKind.Map) { Item = Type(word[4..], named) };
        return word switch
        {
            "string" => new FieldType(FieldKind.Text),
            "bool" => new FieldType(FieldKind.Flag),
            "int32" => new FieldType(FieldKind.Int32),
            "int64" => new FieldType(FieldKind.Int64),
            "quantity" => new FieldType(FieldKind.Quantity),
            "intOrString" => new FieldType(FieldKind.IntOrText),
            "time" => new FieldType(FieldKind.Time),
            _ => named[word],
        };
    }

    private static JsonValue Value(FieldType type, string text) => type.Kind switch
    {
        FieldKind.Flag => JsonBoolean.Of(text == "true"),
        FieldKind.Int32 or FieldKind.Int64 => JsonNumber.Of(long.Parse(text, CultureInfo.InvariantCulture)),
        _ => new JsonText(text),
    };
}
