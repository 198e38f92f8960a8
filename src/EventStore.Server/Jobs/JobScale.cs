using EventStore.Domain.Jobs;
using EventStore.Domain.Json;
using EventStore.Domain.Manifests;
using EventStore.Server.Kubernetes;
using EventStore.Server.Kubernetes.Answers;
using EventStore.Server.Kubernetes.Documents;
using EventStore.Server.Kubernetes.Requests;
using EventStore.Server.Limits;
using EventStore.Server.Resources;
using EventStore.Server.Store.Format;
using EventStore.Server.Store.Lane;
using EventStore.Server.Store.Reads;
using Status = EventStore.Server.Kubernetes.Status;

namespace EventStore.Server.Jobs;

/// <summary>The scale subresource on the wire, in the profiles that have one.</summary>
internal static class JobScale
{
    private static readonly ApiResource Names = new("autoscaling", "v1", "scales", "scale", Scale.Kind);

    private static readonly ServedKind OfScale = new(Names, ScaleDocumentation.Shape);

    /// <summary>What discovery says of it.</summary>
    public static ServedResource Served(Profile profile) => new(JobResource.Names, "scale", [], ["get", "patch", "update"])
    {
        Answers = Names,
        Acts =
        [
            new("get", ScaleDocumentation.Get) { Answered = OfScale },
            new("put", ScaleDocumentation.Replace) { Sent = OfScale, Answered = OfScale },
            new("patch", ScaleDocumentation.Patch) { Answered = OfScale },
        ],
        PatchTypes = Taken(profile),
    };

    // A Scale is no configuration of a job.
    private static string[] Taken(Profile profile) => [.. profile.PatchTypes.Where(type => type != Profile.ApplyPatchType)];

    /// <summary>Maps its methods.</summary>
    /// <param name="scale">The group of its path.</param>
    public static void Map(RouteGroupBuilder scale)
    {
        scale.MapRead(string.Empty, Get).Documented(ScaleDocumentation.Get);
        scale.MapPut(string.Empty, Put).Documented(ScaleDocumentation.Replace);
        scale.MapPatch(string.Empty, Patch).Documented(ScaleDocumentation.Patch);
    }

    private static async Task<IResult> Get(HttpContext http, string @namespace, string name, JobReads reads)
    {
        if (!ContentNegotiation.TryChoose(http.Request.Headers.Accept, Representations.PlainOrYaml, out _, out Status? refusal)
            || !GetOptions.TryRead(http.Request, out GetOptions? options, out refusal))
            return refusal;
        if (options.ResourceVersion is > 0 and var revision && await reads.WaitFor(revision, http.RequestAborted) is { } missing)
            return DatabaseAnswers.Missing(missing);
        var key = new JobKey(@namespace, name);
        StoredJob? job = await reads.Get(key, http.RequestAborted);
        return job is null ? JobAnswers.NotFound(key) : Print(job.Utf8);
    }

    private static async Task<IResult> Patch(
        HttpContext http, string @namespace, string name, CommitLane lane, JobReads reads, TimeProvider clock)
    {
        WriteRequest read = await WriteRequest.ReadPatch(http, name, clock, Taken(http.Profile()), isOfJob: false);
        var key = new JobKey(@namespace, name);
        if (await read.RefusalOr404(reads, key, http.RequestAborted) is { } refusal)
            return refusal;
        return await Execute(
            http, new ScaleJob(key, clock.GetUtcNow(), http.Origin(), read.Patch, null), read.DryRun, read.BodyBytes, lane);
    }

    private static async Task<IResult> Put(HttpContext http, string @namespace, string name, CommitLane lane, TimeProvider clock)
    {
        if (ContentNegotiation.RefuseBody(http.Request.Headers.ContentType) is { } unsupported)
            return unsupported;
        (ReadOnlyMemory<byte> bytes, WriteOptions? options, _, Status? refusal) = await WriteRequest.ReadBytes(
            http, WriteKind.Update, clock);
        if (refusal is not null)
            return refusal;
        if (!BodyJson.TryParseObject(bytes.Span, Names, name, out JsonObject? scale, out refusal, out _, RequestLimits.Of(http).Nesting))
            return refusal;
        var command = new ScaleJob(new JobKey(@namespace, name), clock.GetUtcNow(), http.Origin(), null, scale);
        return await Execute(http, command, options!.DryRun, bytes.Length, lane);
    }

    private static async Task<IResult> Execute(HttpContext http, ScaleJob command, bool dryRun, int bodyBytes, CommitLane lane)
    {
        Outcome outcome = await lane.Execute(await command.Under(http).InItsNamespace(http), dryRun, bodyBytes, http.RequestAborted);
        return JobAnswers.Of(outcome, command.Key, http.TraceIdentifier, done => Print(done.Utf8));
    }

    private static IResult Print(ReadOnlyMemory<byte> job) => Scale.Of((JsonObject)JsonReading.Parse(job.Span)) is { } scale
        ? new JsonReply(200, scale.ToUtf8())
        : Status.NoScale(ScaleField.Path);
}
