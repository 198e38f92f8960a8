using System.Text.Json.Nodes;
using EventStore.Domain.Json;
using EventStore.Domain.Manifests;
using EventStore.Server.Kubernetes;
using EventStore.Server.Kubernetes.Documents;
using EventStore.Server.Kubernetes.Requests;
using EventStore.Server.Resources;
using Microsoft.OpenApi;
using JsonArray = System.Text.Json.Nodes.JsonArray;
using JsonObject = System.Text.Json.Nodes.JsonObject;
using Status = EventStore.Server.Kubernetes.Status;

namespace EventStore.Server.Jobs;

/// <summary>
/// The document for people: the operations on jobs. Types and ranges come from <see cref="Schema"/>, the updatable fields from
/// <see cref="UpdatableFields"/>, and the examples of refusals from the server itself; only prose is written here.
/// </summary>
internal static class JobDocumentation
{
    private const string Job = "PyTorchJob";
    private const string JobList = "PyTorchJobList";
    private const string JobPatch = "PyTorchJobPatch";
    private const string DeleteOptions = "DeleteOptions";
    private const string Tag = "PyTorchJobs";
    private const string Admin = "admin";

    private static readonly ApiParameter Name = new("name", new TextShape(), "name of the PyTorchJob") { InPath = true };

    /// <summary>List, of one namespace.</summary>
    public static ApiOperation List() =>
        ListOf("listPyTorchJobs", "List the jobs of a namespace", JobExamples.Namespace);

    /// <summary>List, of all namespaces.</summary>
    public static ApiOperation ListAll() =>
        ListOf("listAllPyTorchJobs", "List the jobs of all namespaces", null);

    /// <summary>Create.</summary>
    public static ApiOperation Create() => Of(
        "createPyTorchJob", "Create a job",
        "Nothing is filled in that was not sent, but for what only the server knows: uid, creationTimestamp, generation, "
        + "resourceVersion and selfLink. A `status` that is sent along is left out. Everything wrong with the job is answered at once.",
        [.. ApiParameters.OfWrites],
        new ApiBody(ContentNegotiation.JsonType, Job, ("A job with a worker", JobExamples.Manifest)),
        Answered(201, "Created", JobExamples.Created),
        BadRequest(), Forbidden("create"), AlreadyExists(), TooLarge(), NotJson(), Invalid());

    /// <summary>Get.</summary>
    public static ApiOperation Get() => Of(
        "readPyTorchJob", "Read a job", "The job as it is now: what was answered to any client before is in it, whichever server it asked.",
        [.. ApiParameters.OfReads], null,
        Answered(200, "OK", JobExamples.Job), BadRevision(), Forbidden("get"), NotFound(), CommonAnswers.TooNew());

    /// <summary>Patch: the documented update.</summary>
    public static ApiOperation Patch(Profile profile) => Of(
        "patchPyTorchJob", "Update a job",
        $"""
        A merge patch (RFC 7396): members that are named change, `null` takes one away, lists are replaced whole.
        These fields can be updated:

        {string.Join("\n", profile.Updatable.Paths.Select(field => $"- `{field}`"))}

        A patch that would change any other field is refused whole with 400, and the message names each such field. Naming a field with the
        value it has is no change. A patch that changes nothing answers 200 with the resourceVersion the job had, and stores no event.

        `metadata.resourceVersion` in the patch is an optimistic lock: 409 when it is not the current one. Without it the patch is
        applied to whatever is current.
        """,
        [.. ApiParameters.OfWrites],
        new ApiBody(ContentNegotiation.MergePatchType, JobPatch, ("A label", JobExamples.LabelPatch),
            ("Under the optimistic lock", JobExamples.LockedPatch)),
        Answered(200, "OK", JobExamples.Job),
        FieldsFixed(), Forbidden("patch"), NotFound(), Conflict(), TooLarge(), NotMergePatch(), Invalid());

    /// <summary>Put.</summary>
    public static ApiOperation Replace() => Of(
        "replacePyTorchJob", "Replace a job",
        "The whole job, with the `metadata.resourceVersion` it was read at. "
        + "What may differ from the stored job is what a patch may change.",
        [.. ApiParameters.OfWrites],
        new ApiBody(ContentNegotiation.JsonType, Job, ("The job as it was read, changed", JobExamples.Job)),
        Answered(200, "OK", JobExamples.Job), FieldsFixed(), Forbidden("update"), NotFound(), Conflict(), TooLarge(), NotJson(), Invalid());

    /// <summary>Delete.</summary>
    public static ApiOperation Delete() => Of(
        "deletePyTorchJob", "Delete a job",
        "Its history stays. A job with finalizers is only marked with a deletionTimestamp and answered as it then is; "
        + "the change that takes off its last finalizer deletes it.",
        [.. ApiParameters.OfDeletes],
        new ApiBody(ContentNegotiation.JsonType, DeleteOptions, ("Only this incarnation", Preconditions())) { Optional = true },
        new ApiAnswer(
            200, "OK", nameof(Status), Node(Status.Deleted(JobResource.Names, JobExamples.Name, "c6e548f1-adfe-11e9-ba3a-b44326d0c915"))),
        BadRequest(), Forbidden("delete"), NotFound(), Conflict(), TooLarge(), NotJson(), InvalidDryRun());

    /// <summary>Delete, of the collection.</summary>
    public static ApiOperation DeleteAll() => ListOf(
        "deletePyTorchJobs", "Delete the jobs of a namespace", JobExamples.Namespace) with
    {
        Description = "Those the selectors cover, each as Delete does. The answer is the list of what was deleted.",
        Parameters = [ApiParameters.Namespace, .. ApiParameters.OfCollectionDeletes],
    };

    /// <summary>Get of the status subresource.</summary>
    public static ApiOperation GetStatus() =>
        Get() with { Id = "readPyTorchJobStatus", Summary = "Read a job's status", Description = "The whole job, status included." };

    /// <summary>Patch of the status subresource.</summary>
    public static ApiOperation PatchStatus() => Of(
        "patchPyTorchJobStatus", "Update a job's status", "A merge patch of `status`; what it says of anything else is left out.",
        [.. ApiParameters.OfWrites],
        new ApiBody(ContentNegotiation.MergePatchType, Job, ("What the operator writes first", JobExamples.StatusPatch)),
        Answered(200, "OK", JobExamples.Job),
        BadRequest(), Forbidden("patch"), NotFound(), Conflict(), TooLarge(), NotMergePatch(), Invalid());

    /// <summary>Put of the status subresource.</summary>
    public static ApiOperation ReplaceStatus() => Of(
        "replacePyTorchJobStatus", "Replace a job's status", "The whole job, of which only `status` is taken.",
        [.. ApiParameters.OfWrites],
        new ApiBody(ContentNegotiation.JsonType, Job, ("The job with its new status", JobExamples.Job)),
        Answered(200, "OK", JobExamples.Job), BadRequest(), Forbidden("update"), NotFound(), Conflict(), TooLarge(), NotJson(), Invalid());

    /// <summary>The schema of what a patch takes: of the job, only what can be updated.</summary>
    public static KeyValuePair<string, OpenApiSchema> PatchSchema(Profile profile) =>
        new(JobPatch, ApiSchema.Of(profile.Updatable.Patch(profile.Job), ofPatch: true));

    private static ApiOperation ListOf(string id, string summary, string? @namespace) => Of(
        id, summary,
        "In the order of namespace and name. `metadata.resourceVersion` is the revision of the whole store the list was read at, "
        + "the same for every page. With `watch` the answer is a stream of changes from then on, one JSON frame a line.",
        [.. ApiParameters.OfLists], null,
        new ApiAnswer(200, "OK", JobList, new JsonObject
        {
            ["apiVersion"] = Schema.ApiVersion,
            ["items"] = new JsonArray(JobExamples.Job),
            ["kind"] = JobList,
            ["metadata"] = new JsonObject
            {
                ["continue"] = "",
                ["resourceVersion"] = "72519229",
                ["selfLink"] = JobResource.Names.Path(@namespace),
            },
        }),
        BadRevision(), Forbidden("list"), CommonAnswers.TooNew());

    /// <summary>An operation with the answers every one can have.</summary>
    internal static ApiOperation Of(
        string id, string summary, string description, IReadOnlyList<ApiParameter> query, ApiBody? body, params ApiAnswer[] answers) =>
        new(id, summary, description)
        {
            Tag = Tag,
            Parameters = [ApiParameters.Namespace, Name, .. query],
            Body = body,
            Answers = CommonAnswers.With(JobResource.Names, body is null ? answers : answers.Append(Busy())),
        };

    internal static ApiAnswer Answered(int code, string description, JsonNode job) => new(code, description, Job, job);

    internal static ApiAnswer BadRequest() => ApiAnswer.Refusal(
        Status.BadRequest("error decoding patch: unexpected end of JSON input"), "BadRequest: the body cannot be understood");

    internal static ApiAnswer BadRevision() => ApiAnswer.Refusal(
        Status.BadRequest(
            "invalid resource version: resourceVersion: Invalid value: \"x\": strconv.ParseUint: parsing \"x\": invalid syntax"),
        "BadRequest: a parameter cannot be understood");

    private static ApiAnswer FieldsFixed() => ApiAnswer.Refusal(
        Status.FieldsForbidden(JobResource.Names, JobExamples.Name, [FieldPath.Of("spec", "pytorchReplicaSpecs", "Worker", "replicas")],
            Profile.Documented.Updatable.Paths),
        "BadRequest: the body cannot be understood, or would change another field than those that can be updated");

    internal static ApiAnswer Forbidden(string verb) =>
        CommonAnswers.Forbidden(JobResource.Names, verb, name: verb is "create" or "list" ? "" : JobExamples.Name);

    internal static ApiAnswer NotFound() =>
        ApiAnswer.Refusal(Status.NotFound(JobResource.Names, JobExamples.Name), "NotFound: there is no such job");

    private static ApiAnswer AlreadyExists() =>
        ApiAnswer.Refusal(Status.AlreadyExists(JobResource.Names, JobExamples.Name), "Conflict: the name is taken");

    internal static ApiAnswer Conflict() =>
        ApiAnswer.Refusal(Status.Modified(JobResource.Names, JobExamples.Name),
            "Conflict: somebody else changed the job since the revision that was named");

    internal static ApiAnswer TooLarge() => ApiAnswer.Refusal(
        Status.TooLarge(RequestBody.BytesMax), $"RequestEntityTooLarge: the body is over {RequestBody.BytesMax >> 20} MiB");

    internal static ApiAnswer NotJson() =>
        ApiAnswer.Refusal(Status.UnsupportedMediaType(ContentNegotiation.JsonType), "UnsupportedMediaType: the body is no JSON");

    private static ApiAnswer NotMergePatch() =>
        ApiAnswer.Refusal(Status.UnsupportedMediaType(ContentNegotiation.MergePatchType), "UnsupportedMediaType: it is no merge patch");

    private static ApiAnswer Invalid()
    {
        FieldPath field = FieldPath.Of("spec", "ttlSecondsAfterFinished");
        IReadOnlyList<FieldError> errors = Schema.Spec["ttlSecondsAfterFinished"]!.Errors(field, -1);
        return ApiAnswer.Refusal(
            Status.Invalid(JobResource.Names, JobExamples.Name, errors), "Invalid: values out of their range, all of them listed");
    }

    private static ApiAnswer InvalidDryRun() => ApiAnswer.Refusal(
        Status.InvalidOptions(
            DeleteOptions, [FieldError.NotSupported(FieldPath.Of("dryRun"), new EventStore.Domain.Json.JsonArray(["Some"]), "All")]),
        "Invalid: options out of their range");

    private static ApiAnswer Busy() =>
        ApiAnswer.Refusal(Status.TooManyRequests(), "TooManyRequests: too many requests wait; nothing was done");

    private static JsonObject Preconditions() => new JsonObject
    {
        ["apiVersion"] = "v1",
        ["kind"] = DeleteOptions,
        ["preconditions"] = new JsonObject { ["uid"] = "c6e548f1-adfe-11e9-ba3a-b44326d0c915" },
    };

    private static JsonNode Node(Status status) => JsonNode.Parse(status.ToUtf8())!;
}
