using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using EventStore.Domain.History;
using EventStore.Domain.Jobs;
using EventStore.Domain.Json;
using EventStore.Domain.Manifests;
using EventStore.Server.Kubernetes;
using EventStore.Server.Kubernetes.Answers;
using EventStore.Server.Kubernetes.Requests;
using EventStore.Server.Resources;
using EventStore.Server.Store.Reads;
using Status = EventStore.Server.Kubernetes.Status;

namespace EventStore.Server.Jobs;

/// <summary>
/// What changed between two revisions of a job: value by value, and as the merge patch that turns the one into the other. Any two
/// may be compared, the later one first too, and across incarnations of a name; that is said. What every event changes
/// (resourceVersion) is left out. The patch always holds everything; the list of changes may be cut (<see cref="ListedPaths"/>).
/// </summary>
internal static class JobDifference
{
    /// <summary>The kind of the answer.</summary>
    public static readonly ApiResource Resource = JobResource.Audit("pytorchjobs", "pytorchjob", "PyTorchJobDiff");

    /// <summary>GET …/diff?from=N&amp;to=M.</summary>
    public static async Task<IResult> Get(HttpContext http, string @namespace, string name, JobReads reads)
    {
        if (!ContentNegotiation.TryChoose(http.Request.Headers.Accept, Representations.PlainOrYaml, out _, out Status? refusal))
            return refusal;
        var key = new JobKey(@namespace, name);
        (ComparedSide from, ComparedSide to, refusal) = await Read(http, key, reads);
        return refusal ?? (IResult)new JsonReply(200, Print(key, from, to).ToUtf8());
    }

    /// <summary>Reads both sides as the query of a request names them: <c>from</c>, and <c>to</c>, without which it is now.</summary>
    /// <returns>Both sides, at least one of them with a job; or why the request is refused.</returns>
    public static async Task<(ComparedSide From, ComparedSide To, Status? Refusal)> Read(HttpContext http, JobKey key, JobReads reads)
    {
        if (!TryRead(http.Request.Query, "from", isRequired: true, out long? asked, out Status? refusal)
            || !TryRead(http.Request.Query, "to", isRequired: false, out long? until, out refusal))
            return (default, default, refusal);
        long newest = Math.Max(asked!.Value, until ?? 0);
        if (await reads.WaitFor(newest, http.RequestAborted) is { } missing)
            return (default, default, DatabaseAnswers.Missing(missing));
        (long from, long to) = (asked.Value, until ?? await reads.Head(http.RequestAborted));
        var before = await reads.JobShownAt(key, from, http.RequestAborted);
        var after = await reads.JobShownAt(key, to, http.RequestAborted);
        IEnumerable<Guid> incarnations = new[] { before?.Job.Uid, after?.Job.Uid }.OfType<Guid>();
        refusal = await PastRights.OfOne(http, key, incarnations, reads);
        if (refusal is null && before is null && after is null)
            refusal = JobAnswers.NotFound(key);
        return (new ComparedSide(from, before), new ComparedSide(to, after), refusal);
    }

    private static JsonObject Print(JobKey key, ComparedSide from, ComparedSide to)
    {
        var compared = Comparison.Of(from.At?.Job, to.At?.Job);
        Change[] listed = [.. ListedPaths.Fitting(compared.Changes, change => change.Path)];
        JsonObject json = JsonObject.Of(
            ("apiVersion", Resource.GroupVersion),
            ("changes", new JsonArray([.. listed.Select(Print)])),
            ("from", Print(from.Revision, from.At)),
            ("kind", Resource.Kind),
            ("mergePatch", compared.Patch),
            ("mergePatchExact", JsonBoolean.Of(compared.BeyondPatch.Count == 0)),
            ("metadata", JsonObject.Of(("name", key.Name), ("namespace", key.Namespace))),
            ("to", Print(to.Revision, to.At)));
        if (listed.Length < compared.Changes.Count)
            json = json.With("changesOmitted", compared.Changes.Count - listed.Length);
        if (compared.BeyondPatch.Count > 0)
            json = json.With("beyondMergePatch",
                new JsonArray([.. ListedPaths.Fitting(compared.BeyondPatch, path => path).Select(path => (JsonValue)path.ToString())]));
        return from.At is var (before, _) && to.At is var (after, _)
            ? json.With("sameIncarnation", JsonBoolean.Of(before.Uid == after.Uid))
            : json;
    }

    /// <summary>One side: the revision asked for, and the job as it stood then, if there was one.</summary>
    private static JsonObject Print(long revision, (Job Job, DateTimeOffset Time)? at) => at is not var (job, time)
        ? JsonObject.Of(("revision", revision))
        : JsonObject.Of(
            ("resourceVersion", job.Revision.ToString(CultureInfo.InvariantCulture)),
            ("revision", revision),
            ("time", Rfc3339.Exact(time)),
            ("uid", job.UidText));

    // What is absent before or after has no member there: null is a value somebody may have written.
    private static JsonObject Print(Change change) =>
        JsonObject.Of(("path", change.Path.ToString())).WithOrWithout("before", change.Before).WithOrWithout("after", change.After);

    private static bool TryRead(
        IQueryCollection query, string name, bool isRequired, out long? revision, [NotNullWhen(false)] out Status? refusal)
    {
        (revision, refusal) = (null, null);
        string text = GoParsing.First(query[name]) ?? "";
        if (text.Length == 0)
        {
            refusal = isRequired
                ? Status.BadRequest($"invalid {name}: {FieldError.Required(FieldPath.Of(name), "the revision to compare with")}")
                : null;
            return refusal is null;
        }

        string? wrong = GoParsing.Revision(text, out long number) ?? (number == 0 ? "there is no revision 0: the store begins at 1" : null);
        if (wrong is null)
            revision = number;
        else
            refusal = Status.BadRequest($"invalid {name}: {FieldError.Invalid(FieldPath.Of(name), text, wrong)}");
        return refusal is null;
    }
}

/// <summary>One of two sides that are compared.</summary>
/// <param name="Revision">The revision asked for.</param>
/// <param name="At">The job as it stood then, and when its last event by then was; null where no job of the name lived.</param>
public readonly record struct ComparedSide(long Revision, (Job Job, DateTimeOffset Time)? At);
