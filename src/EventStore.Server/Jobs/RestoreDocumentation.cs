using EventStore.Domain.Json;
using EventStore.Domain.Manifests;
using EventStore.Server.Kubernetes;
using EventStore.Server.Kubernetes.Documents;
using EventStore.Server.Kubernetes.Requests;
using EventStore.Server.Resources;
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
        ApiAnswer.Refusal(
            Status.BadRequest("PyTorchJobRestore in version \"v1\" cannot be handled as a PyTorchJobRestore: unexpected end of JSON input"),
            "BadRequest: the body cannot be understood"),
        CommonAnswers.Forbidden(JobResource.Names, "create", "restore", JobExamples.Name),
        ApiAnswer.Refusal(Status.NotFound(JobResource.Names, JobExamples.Name), "NotFound: there never was such a job"),
        ApiAnswer.Refusal(Status.AlreadyExists(JobResource.Names, JobExamples.Name), "Conflict: a job of that name lives"),
        JobDocumentation.TooLarge(), JobDocumentation.NotJson(),
        ApiAnswer.Refusal(
            Status.Invalid(JobResource.Names, JobExamples.Name,
                [FieldError.Invalid(FieldPath.Of("revision"), 72519100, "there was no such job at that revision")]),
            "Invalid: there is nothing to restore there, or it would break a rule for new jobs"),
        CommonAnswers.TooNew());

    /// <summary>Rollback of many.</summary>
    public static ApiOperation RollBackMany()
    {
        ApiOperation described = JobDocumentation.Of(
            "rollBackPyTorchJobs", "Take many jobs back to one moment",
            """
            Every job of the namespace that the selectors cover goes back to where it stood at `revision` or `asOf`, in one transaction: all
            of them, or none, and then the message names each that cannot. What was created since stays unless `created` is `delete`, what
            was deleted since stays deleted unless `deleted` is `restore`. With `dryRun=All` the answer lists what would change and what
            cannot. Of more than 10,000 jobs take pieces: `limit`, and `after` as the answer before gave it, with the same `revision`.
            """,
            [.. ApiParameters.OfWrites, ApiParameters.LabelSelector, ApiParameters.FieldSelector, ApiParameters.Limit],
            new ApiBody(ContentNegotiation.JsonType, JobsRollback.Resource.Kind, (
                "A namespace as it was",
                new JsonObject { ["asOf"] = "2026-11-24T12:00:00Z", ["created"] = "delete", ["deleted"] = "restore" })),
            new ApiAnswer(200, "OK", JobsRollback.Resource.Kind, Example()),
            JobDocumentation.BadRevision(),
            CommonAnswers.Forbidden(JobResource.Names, "create", "rollback"),
            JobDocumentation.TooLarge(), JobDocumentation.NotJson(),
            ApiAnswer.Refusal(
                Status.Invalid(JobResource.Names, "", [FieldError.Required(FieldPath.Of("revision"), "or asOf")]),
                "Invalid: some of the jobs cannot go back, each named; nothing was changed"),
            CommonAnswers.TooNew());
        return described with { Parameters = [.. described.Parameters.Where(parameter => parameter.Name != "name")] };
    }

    private static JsonObject Example() => new()
    {
        ["apiVersion"] = JobsRollback.Resource.GroupVersion,
        ["items"] = new System.Text.Json.Nodes.JsonArray(new JsonObject
        {
            ["action"] = "RolledBack",
            ["name"] = JobExamples.Name,
            ["resourceVersion"] = "72519230",
            ["uid"] = "c6e548f1-adfe-11e9-ba3a-b44326d0c915",
        }),
        ["kept"] = 2,
        ["kind"] = JobsRollback.Resource.Kind,
        ["revision"] = 72519207,
        ["unchanged"] = 40,
    };
}
