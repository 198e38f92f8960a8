using EventStore.Domain.Json;

namespace EventStore.Domain.Manifests;

/// <summary>
/// The field the scale subresource shows must be a number it can show, whatever else the schema says of it (upstream's words).
/// </summary>
public static class ScaleField
{
    /// <summary>The field, as the definition of the custom resource names it.</summary>
    public const string Path = ".spec.pytorchReplicaSpecs.Worker.replicas";

    /// <summary>What is wrong with the field.</summary>
    internal static IEnumerable<FieldError> Errors(JsonObject job)
    {
        JsonValue? at = job;
        foreach (string name in (string[])["spec", "pytorchReplicaSpecs", "Worker"])
        {
            at = at.Member(name);
            if (at is null or JsonNull)
                return [];
            if (at is not JsonObject)
                return [Invalid(at, $"{Path} accessor error: {at} is of the type {GoType(at)}, expected map[string]interface{{}}")];
        }

        return at.Member("replicas") switch
        {
            null or JsonNull => [],
            JsonNumber number when !number.HadExponent && number.TryGetInt64(out long replicas) => replicas switch
            {
                < 0 => [Invalid(number, "should be a non-negative integer")],
                > int.MaxValue => [Invalid(number, $"should be less than or equal to {int.MaxValue}")],
                _ => [],
            },
            var other => [Invalid(other, $"{Path} accessor error: {other} is of the type {GoType(other)}, expected int64")],
        };
    }

    private static FieldError Invalid(JsonValue value, string detail) =>
        new("FieldValueInvalid", Path, $"Invalid value: {value}: {detail}");

    private static string GoType(JsonValue value) => value switch
    {
        JsonNumber number => number.HadExponent || !number.TryGetInt64(out _) ? "float64" : "int64",
        JsonText => "string",
        JsonBoolean => "bool",
        JsonArray => "[]interface {}",
        _ => "map[string]interface {}",
    };
}
