using System.Globalization;
using EventStore.Domain.Jobs;
using EventStore.Domain.Json;
using EventStore.Domain.Manifests;
using EventStore.Server.Kubernetes;
using EventStore.Server.Kubernetes.Answers;
using EventStore.Server.Kubernetes.Requests;
using EventStore.Server.Resources;
using EventStore.Server.Store.Format;
using EventStore.Server.Store.Lane;
using EventStore.Server.Store.Reads;
using Status = EventStore.Server.Kubernetes.Status;

namespace EventStore.Server.Jobs;

/// <summary>
/// Takes a job back to an earlier revision of the same incarnation: a new event restores the updatable fields as they stood. The answer is
/// the job after it; what else differs from then is named in a <c>Warning</c> header, which kubectl prints.
/// </summary>
internal static class JobRollback
{
    /// <summary>The kind of the body.</summary>
    public static readonly ApiResource Resource = JobResource.Audit("pytorchjobs", "pytorchjob", "PyTorchJobRollback");

    /// <summary>What a body looks like.</summary>
    public static readonly ObjectShape Shape = new(
        ("apiVersion", new TextShape(), Resource.GroupVersion),
        ("kind", new TextShape(), Resource.Kind),
        ("reason", new TextShape(), "Why, in the user's words; kept with the event. 1,024 bytes at most."),
        ("resourceVersion", new TextShape(), "An optimistic lock: the revision the job must have now."),
        ("revision", new IntegerShape(1),
            "The revision to go back to, a number or its text; one no event of the job has means the last one before it."));

    private const int NamedMax = 20;
    private const int NameLengthMax = 200;

    /// <summary>POST …/rollback.</summary>
    public static async Task<IResult> Post(
        HttpContext http, string @namespace, string name, CommitLane lane, JobReads reads, TimeProvider clock)
    {
        (ActionBody? body, Status? refusal) = await ActionBody.Read(http, Resource, Shape, clock);
        if (body is null)
            return refusal!;
        long? asked = body.Revision(name);
        // Null is no revision, here as little as in a patch.
        string? locked = body.Fields.Text("resourceVersion") ?? (body.IsNull("resourceVersion") ? string.Empty : null);
        if ((body.Refusal ?? AuditReason.Missing(http, "rollback")) is { } refused)
            return refused;
        if (asked is not { } revision)
            return Status.Invalid(JobResource.Names, name, [FieldError.Required(FieldPath.Of("revision"))]);
        if (await reads.WaitFor(revision, http.RequestAborted) is { } missing)
            return DatabaseAnswers.Missing(missing);

        var key = new JobKey(@namespace, name);
        Job? past = await PastRights.ForAction(http, key, revision, reads);
        var command = new RollBackJob(key, clock.GetUtcNow(), http.Origin(), revision, past, locked);
        Outcome outcome = await Execute(http, command, body.DryRun, body.Bytes, lane);
        if (outcome is Outcome.Done done)
            Warn(http, Rollback.NotRestored(past!, done.Job));
        return JobAnswers.Of(outcome, key, http.TraceIdentifier, after => new JsonReply(200, body.View.Alone(after)));
    }

    /// <summary>Goes back, or tries to.</summary>
    /// <param name="http">The request.</param>
    /// <param name="command">Where to.</param>
    /// <param name="dryRun">Whether nothing is stored.</param>
    /// <param name="bodyBytes">The size of the body.</param>
    /// <param name="lane">The commit lane.</param>
    public static async Task<Outcome> Execute(HttpContext http, RollBackJob command, bool dryRun, int bodyBytes, CommitLane lane)
    {
        int pastBytes = command.Past is { } past ? JobText.LengthOf(past) : 0; // it waits in the queue with the command
        return await lane.Execute(await command.Under(http).InItsNamespace(http), dryRun, bodyBytes + pastBytes, http.RequestAborted);
    }

    private static void Warn(HttpContext http, IReadOnlyList<FieldPath> notRestored)
    {
        if (notRestored.Count == 0)
            return;
        string[] named = [.. notRestored.Where(path => path.Length <= NameLengthMax).Take(NamedMax).Select(path => path.ToString())];
        string more = named.Length == notRestored.Count
            ? ""
            : string.Create(CultureInfo.InvariantCulture, $" and {notRestored.Count - named.Length} more");
        string fields = string.Join(", ", http.Profile().Updatable.RolledBackPaths);
        StrictDecoding.Warn(http.Response.Headers,
            [$"differs from that revision still: {string.Join(", ", named)}{more}; a rollback restores only {fields}"]);
    }
}
