using EventStore.Domain.Jobs;
using EventStore.Domain.Json;
using EventStore.Domain.Manifests;
using EventStore.Server.Access;
using EventStore.Server.Kubernetes;
using EventStore.Server.Kubernetes.Answers;
using EventStore.Server.Resources;
using EventStore.Server.Store.Format;
using EventStore.Server.Store.History;
using EventStore.Server.Store.Lane;
using EventStore.Server.Store.Reads;
using Status = EventStore.Server.Kubernetes.Status;

namespace EventStore.Server.Jobs;

/// <summary>
/// Makes a deleted job anew as it stood at a revision, just before its deletion if none is named; or a copy of any job beside it. It is a
/// new incarnation in the same history, by one event that names the old one.
/// </summary>
internal static class JobRestore
{
    /// <summary>The kind of the body.</summary>
    public static readonly ApiResource Resource = JobResource.Audit("pytorchjobs", "pytorchjob", "PyTorchJobRestore");

    /// <summary>What a body looks like.</summary>
    public static readonly ObjectShape Shape = new(
        ("apiVersion", new TextShape(), Resource.GroupVersion),
        ("finalizers", new FlagShape(), "Whether its finalizers are restored too."),
        ("kind", new TextShape(), Resource.Kind),
        ("name", new TextShape(), "Another name for the job that is made; absent: the same."),
        ("namespace", new TextShape(), "Another namespace for it, in which the user may create jobs; absent: the same."),
        ("reason", new TextShape(), "Why, in the user's words; kept with the event. 1,024 bytes at most."),
        ("revision", new IntegerShape(1),
            "As the job stood at this revision, a number or its text; absent: just before its deletion, or as it is now where it lives."),
        ("status", new FlagShape(), "Whether its status is restored too."),
        ("uid", new TextShape(), "The job to restore; absent: the last one of that name, or the one that lived at the revision."));

    /// <summary>POST …/restore.</summary>
    public static async Task<IResult> Post(
        HttpContext http, string @namespace, string name, CommitLane lane, JobReads reads, RestorePoints points, TimeProvider clock)
    {
        (ActionBody? body, Status? refusal) = await ActionBody.Read(http, Resource, Shape, clock);
        if (body is null)
            return refusal!;
        (Asked? asked, refusal) = Asked.Read(body, @namespace, name);
        if ((refusal ?? AuditReason.Missing(http, "restore")) is { } refused)
            return refused;
        if (asked!.Target.Namespace != @namespace && await MayNotCreate(http, asked.Target) is { } forbidden)
            return forbidden;
        if (asked.Revision is { } revision && await reads.WaitFor(revision, http.RequestAborted) is { } missing)
            return DatabaseAnswers.Missing(missing);

        var key = new JobKey(@namespace, name);
        RestorePoint point = await points.Find(key, asked.Uid, asked.Revision, http.RequestAborted);
        Guid[] incarnations = point switch
        {
            RestorePoint.Found(var past) => [past.Uid],
            RestorePoint.NotThen { Lived: { } lived } => [lived],
            _ => [],
        };
        if (await PastRights.OfOne(http, key, incarnations, reads) is { } hidden)
            return hidden;
        if (point is not RestorePoint.Found(var job))
            return Refuse(point, key, asked);
        var command = new RestoreJob(asked.Target, clock.GetUtcNow(), http.Origin(), job, Guid.CreateVersion7())
        {
            WithFinalizers = asked.WithFinalizers,
            WithStatus = asked.WithStatus,
        };
        Outcome outcome = await Execute(http, command, body.DryRun, body.Bytes, lane);
        return JobAnswers.Of(outcome, asked.Target, http.TraceIdentifier, done => new JsonReply(201, body.View.Alone(done)));
    }

    /// <summary>Makes the job anew, or tries to.</summary>
    /// <param name="http">The request.</param>
    /// <param name="command">What is to be made.</param>
    /// <param name="dryRun">Whether nothing is stored.</param>
    /// <param name="bodyBytes">The size of the body.</param>
    /// <param name="lane">The commit lane.</param>
    public static async Task<Outcome> Execute(HttpContext http, RestoreJob command, bool dryRun, int bodyBytes, CommitLane lane)
    {
        int bytes = bodyBytes + JobText.LengthOf(command.Past); // it waits in the queue with the command
        return await lane.Execute(await command.Under(http).InItsNamespace(http), dryRun, bytes, http.RequestAborted);
    }

    private static Status Refuse(RestorePoint point, JobKey key, Asked asked)
    {
        if (point is RestorePoint.NoSuchName)
            return JobAnswers.NotFound(key);
        FieldError error = point switch
        {
            RestorePoint.NotThen { Lived: { } lived } => Rollback.AnotherAt(asked.Revision!.Value, lived.ToString(), null),
            RestorePoint.NotThen => Rollback.NoneAt(asked.Revision!.Value),
            _ => FieldError.Invalid(FieldPath.Of("uid"), asked.Uid!.Value.ToString(), "no job of that name had this uid"),
        };
        return Status.Invalid(JobResource.Names, key.Name, [error]);
    }

    private static async Task<Status?> MayNotCreate(HttpContext http, JobKey target)
    {
        ApiResource jobs = JobResource.Names;
        return await http.May("create", jobs, target.Namespace)
            ? null
            : Status.Forbidden(Caller.Of(http.User).Name, "create", jobs.Group, jobs.Plural, "", "", target.Namespace);
    }

    /// <summary>What is asked for.</summary>
    private sealed record Asked(JobKey Target, Guid? Uid, long? Revision, bool WithStatus, bool WithFinalizers)
    {
        public static (Asked? Asked, Status? Refusal) Read(ActionBody body, string @namespace, string name)
        {
            long? revision = body.Revision(name);
            string? uid = body.Fields.Text("uid");
            string? targetName = body.Fields.Text("name"), targetNamespace = body.Fields.Text("namespace");
            bool status = body.Fields.Flag("status") ?? false, finalizers = body.Fields.Flag("finalizers") ?? false;
            Guid? parsed = Guid.TryParse(uid, out Guid read) ? read : null;
            if (parsed is null && !string.IsNullOrEmpty(uid))
                body.Refuse(name, FieldError.Invalid(FieldPath.Of("uid"), uid, "must be the uid of a job"));
            var target = new JobKey(OrElse(targetNamespace, @namespace), OrElse(targetName, name));
            return body.Refusal is { } refusal ? (null, refusal) : (new Asked(target, parsed, revision, status, finalizers), null);
        }

        private static string OrElse(string? given, string usual) => string.IsNullOrEmpty(given) ? usual : given;
    }
}
