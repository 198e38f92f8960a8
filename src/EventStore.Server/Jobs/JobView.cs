using System.Globalization;
using System.Text;
using EventStore.Domain.Manifests;
using EventStore.Server.Kubernetes;
using EventStore.Server.Store;
using Status = EventStore.Server.Kubernetes.Status;

namespace EventStore.Server.Jobs;

/// <summary>
/// In which form a client wants jobs: as they are, as the rows of a table (what <c>kubectl get</c> prints), or their metadata only.
/// </summary>
/// <param name="Chosen">The form.</param>
/// <param name="Include">How much of each object a row of a table carries.</param>
/// <param name="Clock">Tells the time ages are counted to.</param>
internal sealed record JobView(Negotiated Chosen, IncludeObject Include, TimeProvider Clock)
{
    private const string StatePath = ".status.conditions[-1:].type";

    /// <summary>The columns; the first three are those of the CustomResourceDefinition of the operator.</summary>
    private static readonly JsonArray Columns = Table.Columns(
        new("Name", "string", "name", "The job's name, unique within its namespace.", 0),
        new("State", "string", "", $"Custom resource definition column (in JSONPath format): {StatePath}", 0),
        new("Age", "date", "", "Custom resource definition column (in JSONPath format): .metadata.creationTimestamp", 0),
        new("Generation", "integer", "", "How often something outside metadata was changed, from 1.", 1),
        new("Revision", "string", "", "The revision of the last change: metadata.resourceVersion.", 1),
        new("Last Change", "date", "", "How long ago the last change was.", 1));

    /// <summary>Reads what the client wants.</summary>
    public static bool TryRead(HttpContext http, bool isList, TimeProvider clock, out JobView view, out Status? refusal)
    {
        view = new JobView(Negotiated.Plain, IncludeObject.Metadata, clock);
        Representations offered = Representations.Plain | Representations.Table | (isList ? Representations.MetadataList : Representations.Metadata);
        if (!ContentNegotiation.TryChoose(http.Request.Headers.Accept, offered, out Negotiated chosen, out refusal))
            return false;
        if (chosen.Form == Representations.Plain)
            return true;
        if (!Table.TryReadInclude(http.Request, out IncludeObject include, out refusal))
            return false;
        view = new JobView(chosen, include, clock);
        return true;
    }

    private bool IsTable => Chosen.Form == Representations.Table;

    /// <summary>One job in this form, standing alone: the answer to a GET, the object of a watch's frame.</summary>
    public byte[] Alone(StoredJob job)
    {
        if (!IsTable)
            return Item(job);
        (string begin, string end) = Frame(JsonObject.Of(("resourceVersion", Number(job.Revision))));
        return [.. Encoding.UTF8.GetBytes(begin), .. Item(job), .. Encoding.UTF8.GetBytes(end)];
    }

    /// <summary>The job a command left, in this form.</summary>
    public byte[] Alone(Outcome.Done done) => Alone(new StoredJob(done.Job.Key, done.Job.Revision, done.Utf8, Clock.GetUtcNow()));

    /// <summary>One job as an item of a list: the object, a row, or its metadata.</summary>
    public byte[] Item(StoredJob job)
    {
        if (Chosen.Form == Representations.Plain)
            return job.Utf8;
        var manifest = (JsonObject)JsonReading.Parse(job.Utf8);
        JsonObject item = IsTable ? Table.Row(Cells(job, manifest), manifest, Include, Chosen.Version) : Table.PartialMetadata(manifest, Chosen.Version);
        return item.ToUtf8();
    }

    /// <summary>What stands around the items of a list: the text before the first, and the text behind the last.</summary>
    /// <param name="metadata">The list's metadata: resourceVersion, continue, …</param>
    public (string Begin, string End) Frame(JsonObject metadata) => Chosen.Form switch
    {
        Representations.Plain => ($$"""{"apiVersion":"{{JobAnswers.Resource.GroupVersion}}","items":[""", $$"""],"kind":"{{JobAnswers.Resource.Kind}}List","metadata":{{metadata}}}"""),
        Representations.Table => ($$"""{"apiVersion":"meta.k8s.io/{{Chosen.Version}}","columnDefinitions":{{Columns}},"kind":"Table","rows":[""", $$"""],"metadata":{{metadata}}}"""),
        _ => ($$"""{"apiVersion":"meta.k8s.io/{{Chosen.Version}}","items":[""", $$"""],"kind":"PartialObjectMetadataList","metadata":{{metadata}}}"""),
    };

    private Json[] Cells(StoredJob job, JsonObject manifest)
    {
        Json metadata = manifest["metadata"]!;
        Json? state = manifest["status"]?.Member("conditions") is JsonArray { Items: [.., var last] } ? last.Member("type") : null;
        Json age = metadata.Member("creationTimestamp") is JsonText created
            && DateTimeOffset.TryParse(created.Value, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out DateTimeOffset then)
            ? Age.Since(then, Clock.GetUtcNow())
            : JsonNull.Value;
        return
        [
            job.Key.Name,
            state ?? JsonNull.Value,
            age,
            metadata.Member("generation") ?? JsonNull.Value,
            Number(job.Revision),
            Age.Since(job.Time, Clock.GetUtcNow()),
        ];
    }

    private static string Number(long number) => number.ToString(CultureInfo.InvariantCulture);
}
