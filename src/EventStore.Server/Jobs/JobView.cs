using System.Globalization;
using EventStore.Domain.Json;
using EventStore.Server.Kubernetes.Answers;
using EventStore.Server.Resources;
using EventStore.Server.Store.Format;
using EventStore.Server.Store.Lane;
using Status = EventStore.Server.Kubernetes.Status;

namespace EventStore.Server.Jobs;

/// <summary>Jobs in the form a client wants.</summary>
/// <param name="Form">The form.</param>
/// <param name="Clock">Tells the time ages are counted to.</param>
internal sealed record JobView(ObjectView Form, TimeProvider Clock)
{
    /// <summary>Where the state of a job stands.</summary>
    public const string StatePath = ".status.conditions[-1:].type";

    /// <summary>The first three columns are those of the CustomResourceDefinition of the operator.</summary>
    private static readonly ObjectKind Kind = new(JobResource.Names, Table.Columns(
        new("Name", "string", "name", "The job's name, unique within its namespace.", 0),
        new("State", "string", "", $"Custom resource definition column (in JSONPath format): {StatePath}", 0),
        new("Age", "date", "", "Custom resource definition column (in JSONPath format): .metadata.creationTimestamp", 0),
        new("Generation", "integer", "", "How often something outside metadata was changed, from 1.", 1),
        new("Revision", "string", "", "The revision of the last change: metadata.resourceVersion.", 1),
        new("Last Change", "date", "", "How long ago the last change was.", 1)));

    /// <summary>Reads what the client wants.</summary>
    public static bool TryRead(HttpContext http, bool isList, TimeProvider clock, out JobView view, out Status? refusal)
    {
        bool read = ObjectView.TryRead(http, Kind, isList, out ObjectView form, out refusal);
        view = new JobView(form, clock);
        return read;
    }

    /// <summary>One job standing alone: the answer to a GET, the object of a watch's frame.</summary>
    public ReadOnlyMemory<byte> Alone(StoredJob job) => Form.IsPlain ? job.Utf8 : AloneInForm(job);

    /// <summary>One job as an item of a list.</summary>
    public ReadOnlyMemory<byte> Item(StoredJob job) => Form.IsPlain ? job.Utf8 : ItemInForm(job);

    /// <summary>The job a command left, in this form.</summary>
    public ReadOnlyMemory<byte> Alone(Outcome.Done done) =>
        Alone(new StoredJob(done.Job.Key, done.Job.Revision, done.Utf8, Clock.GetUtcNow()));

    /// <summary>What stands around the items of a list.</summary>
    public (string Begin, string End) Frame(JsonObject metadata) => Form.Frame(metadata);

    /// <summary>The state of a job, as the column shows it; null for none.</summary>
    public static string? StateOf(JsonValue manifest) => (StateIn(manifest) as JsonText)?.Value;

    private static JsonValue? StateIn(JsonValue manifest) =>
        manifest.Member("status")?.Member("conditions") is JsonArray { Items: [.., var last] } ? last.Member("type") : null;

    // Of their own: a method with a closure makes it at every call, and most calls have no need of one.
    private ReadOnlyMemory<byte> AloneInForm(StoredJob job) => Form.Alone(job.Revision, job.Utf8, manifest => Cells(job, manifest));

    private ReadOnlyMemory<byte> ItemInForm(StoredJob job) => Form.Item(job.Utf8, manifest => Cells(job, manifest));

    private JsonValue[] Cells(StoredJob job, JsonObject manifest)
    {
        JsonValue metadata = manifest["metadata"]!;
        JsonValue? state = StateIn(manifest);
        JsonValue age = metadata.Member("creationTimestamp") is JsonText created
            && DateTimeOffset.TryParse(created.Value, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out DateTimeOffset then)
            ? Age.Since(then, Clock.GetUtcNow())
            : JsonNull.Value;
        return
        [
            job.Key.Name,
            state ?? JsonNull.Value,
            age,
            metadata.Member("generation") ?? JsonNull.Value,
            job.Revision.ToString(CultureInfo.InvariantCulture),
            Age.Since(job.Time, Clock.GetUtcNow()),
        ];
    }
}
