using System.Globalization;
using EventStore.Domain.Json;
using EventStore.Server.Kubernetes.Answers;
using EventStore.Server.Resources;
using EventStore.Server.Store.Format;

namespace EventStore.Server.Jobs;

/// <summary>Jobs as a Table, which <c>kubectl get</c> asks for: its columns, and a row of them.</summary>
internal static class JobTable
{
    /// <summary>Where the state of a job stands.</summary>
    public const string StatePath = ".status.conditions[-1:].type";

    /// <summary>The first three columns are those of the CustomResourceDefinition of the operator.</summary>
    public static readonly ObjectKind Kind = new(JobResource.Names, Table.Columns(
        new("Name", "string", "name", "The job's name, unique within its namespace.", 0),
        new("State", "string", "", $"Custom resource definition column (in JSONPath format): {StatePath}", 0),
        new("Age", "date", "", "Custom resource definition column (in JSONPath format): .metadata.creationTimestamp", 0),
        new("Generation", "integer", "", "How often something outside metadata was changed, from 1.", 1),
        new("Revision", "string", "", "The revision of the last change: metadata.resourceVersion.", 1),
        new("Last Change", "date", "", "How long ago the last change was.", 1)));

    /// <summary>The cells of a job's row, in the order of the columns.</summary>
    public static JsonValue[] Cells(StoredJob job, JsonObject manifest, DateTimeOffset now)
    {
        JsonValue metadata = manifest["metadata"]!;
        JsonValue? state = StateIn(manifest);
        JsonValue age = metadata.Member("creationTimestamp") is JsonText created
            && DateTimeOffset.TryParse(created.Value, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out DateTimeOffset then)
            ? Age.Since(then, now)
            : JsonNull.Value;
        return
        [
            job.Key.Name,
            state ?? JsonNull.Value,
            age,
            metadata.Member("generation") ?? JsonNull.Value,
            job.Revision.ToString(CultureInfo.InvariantCulture),
            Age.Since(job.Time, now),
        ];
    }

    /// <summary>The state of a job, as the column shows it; null for none.</summary>
    public static string? StateOf(JsonValue manifest) => (StateIn(manifest) as JsonText)?.Value;

    private static JsonValue? StateIn(JsonValue manifest) =>
        manifest.Member("status")?.Member("conditions") is JsonArray { Items: [.., var last] } ? last.Member("type") : null;
}
