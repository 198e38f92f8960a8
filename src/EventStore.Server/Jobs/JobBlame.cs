using System.Globalization;
using EventStore.Domain.History;
using EventStore.Domain.Jobs;
using EventStore.Domain.Json;
using EventStore.Domain.Manifests;
using EventStore.Server.Kubernetes;
using EventStore.Server.Kubernetes.Answers;
using EventStore.Server.Kubernetes.Requests;
using EventStore.Server.Resources;
using EventStore.Server.Store.History;
using EventStore.Server.Store.Reads;
using Status = EventStore.Server.Kubernetes.Status;

namespace EventStore.Server.Jobs;

/// <summary>
/// Who set each value of a job last, and who removed what is there no more; now or at any revision, of a deleted job too. As JSON, or as a
/// table with a row for each value.
/// </summary>
internal static class JobBlame
{
    /// <summary>The kind of the answer.</summary>
    public static readonly ApiResource Resource = JobResource.Audit("pytorchjobs", "pytorchjob", "PyTorchJobBlame");

    private const int RemovedMax = 1000;
    private const int ValueLengthMax = 60;

    private static readonly ObjectKind Kind = new(Resource, Table.Columns(
        new("Path", "string", "name", "Where the value stands.", 0),
        new("Value", "string", "", "The value; <removed> where it was taken away.", 0),
        new("User", "string", "", "Who set it last.", 0),
        new("Verb", "string", "", "What set it.", 0),
        new("Revision", "string", "", "The revision that set it.", 0),
        new("Age", "date", "", "How long ago that was committed.", 0),
        new("Time", "string", "", "When it was committed.", 1),
        new("Reason", "string", "", "Why, in the user's words.", 1)));

    /// <summary>GET …/blame.</summary>
    public static async Task<IResult> Get(
        HttpContext http, string @namespace, string name, JobReads reads, BlameReads blames, TimeProvider clock)
    {
        Guid? uid = null;
        if (!ObjectView.TryRead(http, Kind, isList: false, out ObjectView view, out Status? refusal)
            || !GetOptions.TryRead(http.Request, out GetOptions? options, out refusal)
            || !TryReadUid(http.Request.Query, out uid, out refusal))
            return refusal!;
        (long? moment, refusal) = await AskedMoment.Revision(http, reads);
        if (refusal is not null)
            return refusal;
        if (options.ResourceVersion is > 0 and var asked && await reads.WaitFor(asked, http.RequestAborted) is { } missing)
            return DatabaseAnswers.Missing(missing);
        long at = moment ?? (options.Match == RevisionMatch.Exact ? options.ResourceVersion : null)
            ?? await reads.Head(http.RequestAborted);

        var key = new JobKey(@namespace, name);
        BlamedJob? blamed = uid is { } one
            ? await blames.Of(one, at, http.RequestAborted)
            : await blames.At(key, at, http.RequestAborted);
        if (blamed?.Job.Key != key)
            blamed = null;
        Guid[] incarnations = uid is { } named ? [named] : blamed is { Job.Uid: var lived } ? [lived] : [];
        if (await PastRights.OfOne(http, key, incarnations, reads) is { } forbidden)
            return forbidden;
        return blamed is null ? JobAnswers.NotFound(key) : new JsonReply(200, Print(blamed, view, clock.GetUtcNow()));
    }

    private static ReadOnlyMemory<byte> Print(BlamedJob blamed, ObjectView view, DateTimeOffset now)
    {
        BlamedLeaf[] leaves = [.. ListedPaths.Fitting(blamed.Blame.Leaves, leaf => leaf.Path)];
        RemovedLeaf[] removed =
        [
            .. blamed.Blame.Removed.OrderByDescending(leaf => leaf.Revision).Take(RemovedMax)
                .OrderBy(leaf => leaf.Path, StringComparer.Ordinal),
        ];
        if (view.Chosen.Form == Representations.Table)
            return view.Whole(Rows(blamed, leaves, removed, view, now), JsonObject.Of(("resourceVersion", Revision(blamed.Job.Revision))));
        JsonObject json = JsonObject.Of(
            ("apiVersion", Resource.GroupVersion),
            ("kind", Resource.Kind),
            ("leaves", new JsonArray([.. leaves.Select(leaf => Print(leaf, blamed.Setters))])),
            ("metadata", Metadata(blamed.Job)),
            ("removed", new JsonArray([.. removed.Select(leaf => Print(leaf, blamed.Setters))])));
        if (blamed.Job.Deleted)
            json = json.With("deleted", JsonBoolean.True);
        if (leaves.Length < blamed.Blame.Leaves.Count)
            json = json.With("leavesOmitted", blamed.Blame.Leaves.Count - leaves.Length);
        if (removed.Length < blamed.Blame.Removed.Count)
            json = json.With("removedOmitted", blamed.Blame.Removed.Count - removed.Length);
        return view.Item(json.ToUtf8(), _ => []);
    }

    private static JsonObject Metadata(Job job) => JsonObject.Of(
        ("name", job.Key.Name), ("namespace", job.Key.Namespace), ("resourceVersion", Revision(job.Revision)), ("uid", job.UidText));

    private static JsonObject Print(BlamedLeaf leaf, IReadOnlyDictionary<long, Setter> setters)
    {
        JsonObject json = JsonObject.Of(("path", leaf.Path.ToString()), ("value", leaf.Value));
        return leaf.Revision is { } revision ? With(json, setters[revision]) : json;
    }

    private static JsonObject Print(RemovedLeaf leaf, IReadOnlyDictionary<long, Setter> setters) =>
        With(JsonObject.Of(("path", leaf.Path)), setters[leaf.Revision]);

    private static JsonObject With(JsonObject json, Setter setter) => json
        .With("revision", setter.Revision)
        .WithOrWithout("reason", setter.Origin.Reason is { } reason ? (JsonValue)reason : null)
        .With("time", Rfc3339.Exact(setter.Time))
        .With("user", setter.Origin.User)
        .With("verb", RevisionVerbs.OfEventName(setter.Name));

    private static IEnumerable<ReadOnlyMemory<byte>> Rows(
        BlamedJob blamed, IEnumerable<BlamedLeaf> leaves, IEnumerable<RemovedLeaf> removed, ObjectView view, DateTimeOffset now)
    {
        JsonObject shown = JsonObject.Of(("metadata", Metadata(blamed.Job)));
        return leaves.Select(leaf => Row(leaf.Path.ToString(), Cut(leaf.Value), leaf.Revision))
            .Concat(removed.Select(leaf => Row(leaf.Path, "<removed>", leaf.Revision)));

        ReadOnlyMemory<byte> Row(string path, string value, long? revision)
        {
            JsonValue[] cells = Cells(path, value, revision is { } known ? blamed.Setters[known] : null, now);
            return view.Item(shown, _ => cells);
        }
    }

    private static JsonValue[] Cells(string path, string value, Setter? setter, DateTimeOffset now) => setter is null
        ? [path, value, JsonNull.Value, JsonNull.Value, JsonNull.Value, JsonNull.Value, JsonNull.Value, JsonNull.Value]
        :
        [
            path, value, setter.Origin.User, RevisionVerbs.OfEventName(setter.Name), Revision(setter.Revision),
            Age.Since(setter.Time, now), Rfc3339.Exact(setter.Time), setter.Origin.Reason ?? "",
        ];

    private static string Cut(JsonValue value)
    {
        string text = value is JsonText { Value: var characters } ? characters : value.ToString();
        return text.Length <= ValueLengthMax ? text : text.CutTo(ValueLengthMax - 1) + "…";
    }

    private static string Revision(long number) => number.ToString(CultureInfo.InvariantCulture);

    private static bool TryReadUid(IQueryCollection query, out Guid? uid, out Status? refusal)
    {
        (uid, refusal) = (null, null);
        string text = GoParsing.First(query["uid"]) ?? "";
        if (text.Length == 0)
            return true;
        if (Guid.TryParse(text, out Guid read))
            uid = read;
        else
            refusal = Status.BadRequest($"invalid uid: {FieldError.Invalid(FieldPath.Of("uid"), text, "must be the uid of a job")}");
        return refusal is null;
    }
}
