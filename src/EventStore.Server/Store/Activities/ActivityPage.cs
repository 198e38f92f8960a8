using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using EventStore.Domain.Jobs;
using EventStore.Domain.Json;
using EventStore.Server.Store.Format;

namespace EventStore.Server.Store.Activities;

/// <summary>The counts of a page of events: one row for each distinct key, however many events there are.</summary>
internal sealed class ActivityPage
{
    /// <summary>The longest state and completionTime that are kept, in bytes: a status may contain any text.</summary>
    public const int TextBytesMax = 100;

    private readonly Dictionary<(DateOnly Day, Guid Job, string User, string Type, string Field), long> counts = [];
    private readonly Dictionary<Guid, JobChanges> jobs = [];

    /// <summary>The jobs the page creates, as JSON: an array of <see cref="JobActivity"/>.</summary>
    public string Created => Json(jobs.Where(job => job.Value.Birth is not null)
        .Select(job => Line(job.Key, job.Value, job.Value.Birth!.With("changes", job.Value.Count))));

    /// <summary>
    /// The other jobs, as JSON: an array of objects with <c>id</c>, <c>changes</c> to be added, and the other members as they are now.
    /// </summary>
    public string Changed => Json(jobs.Where(job => job.Value.Birth is null)
        .Select(job => Line(job.Key, job.Value, JsonObject.Of(("changes", job.Value.Count)))));

    /// <summary>
    /// The counts, as JSON: an array of objects with <c>day</c>, <c>job</c>, <c>user_name</c>, <c>type</c>, <c>field</c>, <c>count</c>, and
    /// the <c>namespace</c> of jobs the page creates.
    /// </summary>
    public string Counts => Json(counts.Select(count =>
    {
        var row = JsonObject.Of(
            ("count", count.Value),
            ("day", count.Key.Day.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture)),
            ("field", count.Key.Field),
            ("job", count.Key.Job.ToString()),
            ("type", count.Key.Type),
            ("user_name", count.Key.User));
        return jobs[count.Key.Job].Birth is { } birth ? row.With("namespace", birth["namespace"]!) : row;
    }));

    /// <summary>Counts one event more. Events come in the order of revisions.</summary>
    /// <param name="job">The job's uid.</param>
    /// <param name="revision">The event's revision.</param>
    /// <param name="time">When it was committed.</param>
    /// <param name="user">Who did it.</param>
    /// <param name="happened">The event.</param>
    public void Add(Guid job, long revision, DateTimeOffset time, string user, JobEvent happened)
    {
        if (!jobs.TryGetValue(job, out JobChanges? line))
            jobs.Add(job, line = new JobChanges());
        (line.Count, line.Revision, line.Time) = (line.Count + 1, revision, time);
        switch (happened)
        {
            case JobCreated created:
                line.Birth = Birth(created.Manifest, time, user);
                break;
            case JobRestored restored:
                line.Birth = Birth(restored.Manifest, time, user);
                line.Status = StatusOf(restored.Manifest["status"]);
                break;
            case JobStatusUpdated updated:
                line.Status = StatusOf(updated.Status);
                break;
            case JobApplied { Subresource: not null } applied:
                line.Status = StatusOf(applied.Patch["status"]);
                break;
            case JobDeleted:
                line.Deleted = time;
                break;
        }

        var day = DateOnly.FromDateTime(time.UtcDateTime);
        string type = EventCodec.NameOf(happened);
        CountOne(string.Empty);
        foreach (string field in ActivityField.Of(happened))
            CountOne(field);

        void CountOne(string field)
        {
            ref long count = ref CollectionsMarshal.GetValueRefOrAddDefault(counts, (day, job, user, type, field), out _);
            count++;
        }
    }

    /// <summary>What is counted of a manifest.</summary>
    internal static JsonValue PartOfManifest(JsonValue manifest)
    {
        var metadata = (JsonObject)manifest.Member("metadata")!;
        JsonObject part = JsonObject.Of(("metadata", JsonObject.Of(("name", metadata["name"]!), ("namespace", metadata["namespace"]!))));
        return manifest.Member("status") is { } status ? part.With("status", PartOfStatus(status)) : part;
    }

    /// <summary>What is counted of a status.</summary>
    internal static JsonValue PartOfStatus(JsonValue status)
    {
        (JsonValue state, JsonValue completed) = StatusOf(status);
        return JsonObject.Of(("completionTime", completed), ("conditions", new JsonArray([JsonObject.Of(("type", state))])));
    }

    /// <summary>What is counted of a patch: the status, which stands whole in the patch that applied it.</summary>
    internal static JsonValue PartOfPatch(JsonValue patch) =>
        patch.Member("status") is { } status ? JsonObject.Of(("status", PartOfStatus(status))) : JsonObject.Empty;

    private static JsonObject Birth(JsonObject manifest, DateTimeOffset time, string user)
    {
        var metadata = (JsonObject)manifest["metadata"]!;
        return JsonObject.Of(
            ("created", Rfc3339.Exact(time)), ("createdBy", user), ("name", metadata["name"]!), ("namespace", metadata["namespace"]!));
    }

    private static (JsonValue State, JsonValue Completed) StatusOf(JsonValue? status) => (
        status?.Member("conditions") is JsonArray { Items: [.., var last] } ? Short(last.Member("type")) : JsonNull.Value,
        Short(status?.Member("completionTime")));

    private static JsonValue Short(JsonValue? value) =>
        value is JsonText text && Encoding.UTF8.GetByteCount(text.Value) <= TextBytesMax ? text : JsonNull.Value;

    private static JsonObject Line(Guid id, JobChanges changes, JsonObject line)
    {
        line = line.With("changed", Rfc3339.Exact(changes.Time)).With("id", id.ToString()).With("revision", changes.Revision);
        if (changes.Status is ({ } state, { } completed))
            line = line.With("completed", completed).With("state", state);
        return changes.Deleted is { } deleted ? line.With("deleted", Rfc3339.Exact(deleted)) : line;
    }

    private static string Json(IEnumerable<JsonObject> rows) => new JsonArray([.. rows]).ToString();

    private sealed class JobChanges
    {
        public JsonObject? Birth { get; set; }

        public long Count { get; set; }

        public long Revision { get; set; }

        public DateTimeOffset Time { get; set; }

        public (JsonValue State, JsonValue Completed)? Status { get; set; }

        public DateTimeOffset? Deleted { get; set; }
    }
}
