using EventStore.Domain.Jobs;
using EventStore.Domain.Json;
using EventStore.Domain.Manifests;
using EventStore.Server.Access;
using EventStore.Server.Kubernetes;
using EventStore.Server.Kubernetes.Answers;
using EventStore.Server.Kubernetes.Documents;
using EventStore.Server.Kubernetes.Requests;
using EventStore.Server.Kubernetes.Selectors;
using EventStore.Server.Limits;
using EventStore.Server.Resources;
using EventStore.Server.Store.Format;
using EventStore.Server.Store.Lane;
using EventStore.Server.Store.Reads;
using Status = EventStore.Server.Kubernetes.Status;

namespace EventStore.Server.Jobs;

/// <summary>
/// The endpoints of PyTorchJobs and their subresources. Each handler reads the request in upstream's order of checks, passes a
/// command to the lane, and answers with the outcome.
/// </summary>
internal static class JobEndpoints
{
    private static readonly string EveryNamespace = JobResource.Names.Path();
    private static readonly string Collection = JobResource.Names.Path("{namespace}");
    private static readonly string Item = Collection + "/{name}";

    private static readonly ServedKind Many = new(JobsRollback.Resource, JobsRollback.Shape);

    /// <summary>What discovery says of the resource.</summary>
    public static IReadOnlyList<ServedResource> Served(Profile profile) =>
    [
        new(JobResource.Names, "", [], ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"])
        {
            ListedAcrossNamespaces = true,
            PrinterColumns = [("State", "string", JobTable.StatePath), ("Age", "date", ".metadata.creationTimestamp")],
            Shape = profile.Job,
            PatchTypes = profile.PatchTypes,
            About =
                "A PyTorch training job: what to run, in which roles, and what became of it. "
                + "Every change is kept and can be read as pytorchjobrevisions.",
        },
        new(JobResource.Names, "blame", [], ["get"])
        {
            Answers = JobBlame.Resource,
            Acts = [new("get", BlameDocumentation.Blame) { Answered = new(JobBlame.Resource, BlameDocumentation.Shape) }],
        },
        new(JobResource.Names, "diff", [], ["get"])
        {
            Answers = JobDifference.Resource,
            Acts = [new("get", PastDocumentation.Diff) { Answered = new(JobDifference.Resource, PastDocumentation.DiffShape) }],
        },
        new(JobResource.Names, "restore", [], ["create"])
        {
            Answers = JobRestore.Resource,
            Acts = [new("post", RestoreDocumentation.Restore) { Sent = new(JobRestore.Resource, JobRestore.Shape) }],
        },
        new(JobResource.Names, "rollback", [], ["create"])
        {
            Answers = JobRollback.Resource,
            Acts =
            [
                new("post", PastDocumentation.Rollback) { Sent = new(JobRollback.Resource, JobRollback.Shape) },
                new("post", RestoreDocumentation.RollBackMany) { OfCollection = true, Sent = Many, Answered = Many },
            ],
        },
        .. profile.HasScale ? [JobScale.Served(profile)] : Array.Empty<ServedResource>(),
        new(JobResource.Names, "status", [], ["get", "patch", "update"]) { Shape = profile.Job, PatchTypes = profile.PatchTypes },
    ];

    /// <summary>The route table.</summary>
    public static void MapJobs(this IEndpointRouteBuilder app, Profile profile)
    {
        RouteGroupBuilder jobs = app.MapGroup(string.Empty);
        jobs.MapRead(EveryNamespace, JobList.Cluster).Documented(JobDocumentation.ListAll);
        jobs.MapRead(Collection, JobList.Namespace).Documented(JobDocumentation.List);
        jobs.MapPost(Collection, Create).Documented(JobDocumentation.Create);
        jobs.MapDelete(Collection, JobCollectionDeletion.Run).Documented(JobDocumentation.DeleteAll);
        jobs.MapRead(Item, Get).Documented(JobDocumentation.Get);
        jobs.MapPut(Item, Replace).Documented(JobDocumentation.Replace);
        jobs.MapPatch(Item, Patch).Documented(() => JobDocumentation.Patch(profile));
        jobs.MapDelete(Item, Delete).Documented(JobDocumentation.Delete);
        foreach (string path in (string[])[EveryNamespace, Collection, Item])
            Fallback.MapOtherMethods(jobs, path, JobResource.Names);
        jobs.WithMetadata(
            new RequiresAccess(JobResource.Names.Group, JobResource.Names.Plural) { SelectedName = FieldSelector.SelectedName });

        MapPart(app, "status", status =>
        {
            status.MapRead(string.Empty, Get).Documented(JobDocumentation.GetStatus);
            status.MapPut(string.Empty, ReplaceStatus).Documented(JobDocumentation.ReplaceStatus);
            status.MapPatch(string.Empty, PatchStatus).Documented(JobDocumentation.PatchStatus);
        });
        MapPart(app, "blame", blame => blame.MapRead(string.Empty, JobBlame.Get).Documented(BlameDocumentation.Blame));
        MapPart(app, "diff", diff => diff.MapRead(string.Empty, JobDifference.Get).Documented(PastDocumentation.Diff));
        MapPart(app, "restore", restore => restore.MapPost(string.Empty, JobRestore.Post).Documented(RestoreDocumentation.Restore));
        MapPart(app, "rollback", rollback => rollback.MapPost(string.Empty, JobRollback.Post).Documented(PastDocumentation.Rollback));

        RouteGroupBuilder together = app.MapGroup(Collection + "/rollback");
        together.MapPost(string.Empty, JobsRollback.Post).Documented(RestoreDocumentation.RollBackMany);
        together.WithMetadata(new RequiresAccess(JobResource.Names.Group, JobResource.Names.Plural, "rollback"));

        if (profile.HasScale)
            MapPart(app, "scale", JobScale.Map);

        // An unknown subresource is answered as a missing object.
        app.Map(Item + "/{subresource}", (string @namespace, string name) => JobAnswers.NotFound(new JobKey(@namespace, name)))
            .WithMetadata(new RequiresAccess(JobResource.Names.Group, JobResource.Names.Plural));
    }

    private static void MapPart(IEndpointRouteBuilder app, string name, Action<RouteGroupBuilder> map)
    {
        RouteGroupBuilder part = app.MapGroup($"{Item}/{name}");
        map(part);
        Fallback.MapOtherMethods(part, string.Empty, JobResource.Names);
        part.WithMetadata(new RequiresAccess(JobResource.Names.Group, JobResource.Names.Plural, name));
    }

    private static async Task<IResult> Get(HttpContext http, string @namespace, string name, JobReads reads, TimeProvider clock)
    {
        if (!JobView.TryRead(http, isList: false, clock, out JobView view, out Status? refusal)
            || !GetOptions.TryRead(http.Request, out GetOptions? options, out refusal))
            return refusal!;
        (long? moment, refusal) = await AskedMoment.Revision(http, reads);
        if (refusal is not null)
            return refusal;
        var key = new JobKey(@namespace, name);
        long? past = moment ?? (options.Match == RevisionMatch.Exact ? options.ResourceVersion : null);
        if (past is null && options.ResourceVersion is { } least
            && await reads.TryGetOnStandby(key, least, http.RequestAborted) is { } recent)
            return new JsonReply(200, view.Alone(recent));
        if (options.ResourceVersion is > 0 and var revision && await reads.WaitFor(revision, http.RequestAborted) is { } missing)
            return DatabaseAnswers.Missing(missing);
        if (past is { } exact)
            return await GetPast(http, key, exact, view, reads);
        StoredJob? job = await reads.Get(key, http.RequestAborted);
        return job is null ? JobAnswers.NotFound(key) : new JsonReply(200, view.Alone(job));
    }

    private static async Task<IResult> GetPast(HttpContext http, JobKey key, long revision, JobView view, JobReads reads)
    {
        var past = await reads.JobShownAt(key, revision, http.RequestAborted);
        Guid[] incarnations = past is var (job, _) ? [job.Uid] : [];
        if (await PastRights.OfOne(http, key, incarnations, reads) is { } refusal)
            return refusal;
        return past is var (then, time) ? new JsonReply(200, view.Alone(StoredJob.Of(then, time))) : JobAnswers.NotFound(key);
    }

    private static async Task<IResult> Create(HttpContext http, string @namespace, CommitLane lane, TimeProvider clock)
    {
        WriteRequest read = await WriteRequest.ReadObject(http, WriteKind.Create, string.Empty, clock);
        if (read.Refusal is { } refusal)
            return refusal;
        JsonObject manifest = read.Body!;
        string? name = (manifest["metadata"]?.Member("name") as JsonText)?.Value;
        string? prefix = (manifest["metadata"]?.Member("generateName") as JsonText)?.Value;
        NamespaceState state = await http.NamespaceState(@namespace);
        for (int attempt = 1; ; attempt++)
        {
            bool generated = string.IsNullOrEmpty(name) && !string.IsNullOrEmpty(prefix);
            var key = new JobKey(@namespace, generated ? GeneratedName.After(prefix!) : name ?? string.Empty);
            JobCommand command = new CreateJob(key, clock.GetUtcNow(), http.Origin(), manifest, Guid.CreateVersion7())
            {
                Namespace = state,
            }.Under(http);
            Outcome outcome = await lane.Execute(command, read.DryRun, read.BodyBytes, http.RequestAborted);
            if (generated && attempt < GeneratedName.AttemptsMax && outcome is Outcome.Refused(Rejection.AlreadyExists))
                continue;
            return JobAnswers.Of(outcome, key, http.TraceIdentifier, done => new JsonReply(201, read.View!.Alone(done)));
        }
    }

    private static Task<IResult> Patch(
        HttpContext http, string @namespace, string name, CommitLane lane, JobReads reads, TimeProvider clock) =>
        Write(http, new JobKey(@namespace, name), lane, reads, WriteRequest.ReadPatch(http, name, clock, http.Profile().PatchTypes),
            (key, read) => read.IsApply ? Apply(http, key, read, clock) : new PatchJob(key, clock.GetUtcNow(), http.Origin(), read.Patch!));

    private static Task<IResult> PatchStatus(
        HttpContext http, string @namespace, string name, CommitLane lane, JobReads reads, TimeProvider clock) =>
        Write(http, new JobKey(@namespace, name), lane, reads, WriteRequest.ReadPatch(http, name, clock, http.Profile().PatchTypes),
            (key, read) => read.IsApply
                ? Apply(http, key, read, clock) with { OfStatus = true }
                : new PatchStatus(key, clock.GetUtcNow(), http.Origin(), read.Patch!));

    private static ApplyJob Apply(HttpContext http, JobKey key, WriteRequest read, TimeProvider clock) =>
        new(key, clock.GetUtcNow(), http.Origin(), read.Body!, read.Force, Guid.CreateVersion7());

    private static Task<IResult> Replace(
        HttpContext http, string @namespace, string name, CommitLane lane, JobReads reads, TimeProvider clock) =>
        Write(http, new JobKey(@namespace, name), lane, reads, WriteRequest.ReadObject(http, WriteKind.Update, name, clock),
            (key, read) => new ReplaceJob(key, clock.GetUtcNow(), http.Origin(), read.Body!));

    private static Task<IResult> ReplaceStatus(
        HttpContext http, string @namespace, string name, CommitLane lane, JobReads reads, TimeProvider clock) =>
        Write(http, new JobKey(@namespace, name), lane, reads, WriteRequest.ReadObject(http, WriteKind.Update, name, clock),
            (key, read) => new ReplaceStatus(key, clock.GetUtcNow(), http.Origin(), read.Body!));

    private static async Task<IResult> Write(
        HttpContext http, JobKey key, CommitLane lane, JobReads reads, Task<WriteRequest> reading,
        Func<JobKey, WriteRequest, JobCommand> command)
    {
        WriteRequest read = await reading;
        if (await read.RefusalOr404(reads, key, http.RequestAborted) is { } refusal)
            return refusal;
        JobCommand asked = await command(key, read).Under(http).InItsNamespace(http);
        if (asked is ApplyJob { OfStatus: false } apply) // it may come to a creation, which is another right
            asked = apply with { MayCreate = await http.MayAlso("create") };
        Outcome outcome = await lane.Execute(asked, read.DryRun, read.BodyBytes, http.RequestAborted);
        return JobAnswers.Of(outcome, key, http.TraceIdentifier, done => new JsonReply(
            asked is ApplyJob created && created.Uid == done.Job.Uid ? 201 : 200, read.View!.Alone(done)));
    }

    private static async Task<IResult> Delete(HttpContext http, string @namespace, string name, CommitLane lane, TimeProvider clock)
    {
        if (!JobView.TryRead(http, isList: false, clock, out JobView view, out Status? refusal))
            return refusal!;
        (ReadOnlyMemory<byte> body, refusal) = await RequestBody.Read(
            http.Request, RequestLimits.Of(http).BodyBytes, RequestLimits.Of(http).BodyValues);
        if (refusal is not null)
            return refusal;
        if (!DeleteOptions.TryRead(http.Request, body.Span, JobResource.Names, out DeleteOptions? options, out refusal))
            return refusal;
        if ((AuditReason.Refusal(http) ?? AuditReason.Missing(http, "delete")) is { } unreasoned)
            return unreasoned;

        var key = new JobKey(@namespace, name);
        JobCommand command = new DeleteJob(key, clock.GetUtcNow(), http.Origin(), options.Uid, options.ResourceVersion)
        {
            Dependents = (Dependents?)options.Propagation,
        }.Under(http);
        Outcome outcome = await lane.Execute(command, options.DryRun, body.Length, http.RequestAborted);
        return JobAnswers.Of(outcome, key, http.TraceIdentifier, done => done.Job.Deleted
            ? Status.Deleted(JobResource.Names, name, done.Job.UidText)
            : new JsonReply(200, view.Alone(done))); // finalizers hold it: the answer is the job, marked as being deleted
    }
}
