using EventStore.Domain.Json;
using EventStore.Domain.Manifests;
using EventStore.Server.Kubernetes.Documents;
using EventStore.Server.Kubernetes.Requests;
using EventStore.Server.Resources;
using Microsoft.OpenApi;
using JsonObject = System.Text.Json.Nodes.JsonObject;
using Status = EventStore.Server.Kubernetes.Status;

namespace EventStore.Server.Jobs;

/// <summary>What the document for people says about bringing a deleted job back.</summary>
internal static class RestoreDocumentation
{
    /// <summary>Restore.</summary>
    public static ApiOperation Restore() => JobDocumentation.Of(
        "restorePyTorchJob", "Bring a deleted job back, or copy a job beside it",
        """
        One new event makes the job as it stood at `revision`, or just before its deletion: with a uid and a creationTimestamp of its own
        and generation 1, and without status and finalizers unless they are asked for. `uid` names one of several jobs that had the name.
        With another `name` or `namespace` a copy is made beside, also of a job that lives. With `dryRun=All` the answer shows the job as it
        would be. The user also needs the right to read the history, and in another namespace the right to create jobs there.
        """,
        [.. ApiParameters.OfWrites],
        new ApiBody(
            ContentNegotiation.JsonType, JobRestore.Resource.Kind, ("As it was last", new JsonObject()),
            ("At a revision, beside", new JsonObject { ["name"] = "pytorch-test-2", ["revision"] = 72519207 })),
        JobDocumentation.Answered(201, "Created", JobExamples.Job),
        JobDocumentation.Refused(
            Status.BadRequest("PyTorchJobRestore in version \"v1\" cannot be handled as a PyTorchJobRestore: unexpected end of JSON input"),
            "BadRequest: the body cannot be understood"),
        JobDocumentation.Refused(
            Status.Forbidden(
                "alice", "create", JobResource.Names.Group, JobResource.Names.Plural, "restore", JobExamples.Name, JobExamples.Namespace),
            "Forbidden: the user may not do this"),
        JobDocumentation.Refused(Status.NotFound(JobResource.Names, JobExamples.Name), "NotFound: there never was such a job"),
        JobDocumentation.Refused(Status.AlreadyExists(JobResource.Names, JobExamples.Name), "Conflict: a job of that name lives"),
        JobDocumentation.TooLarge(), JobDocumentation.NotJson(),
        JobDocumentation.Refused(
            Status.Invalid(JobResource.Names, JobExamples.Name,
                [FieldError.Invalid(FieldPath.Of("revision"), 72519100, "there was no such job at that revision")]),
            "Invalid: there is nothing to restore there, or it would break a rule for new jobs"),
        JobDocumentation.TooNew());

    /// <summary>The schemas the operation names.</summary>
    public static Dictionary<string, OpenApiSchema> Schemas() => new() { [JobRestore.Resource.Kind] = ApiSchema.Of(JobRestore.Shape) };
}
