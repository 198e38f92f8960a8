using EventStore.Domain.Json;
using EventStore.Domain.Manifests;
using EventStore.Server.Kubernetes;
using EventStore.Server.Kubernetes.Documents;
using EventStore.Server.Kubernetes.Requests;
using EventStore.Server.Resources;
using JsonArray = System.Text.Json.Nodes.JsonArray;
using JsonObject = System.Text.Json.Nodes.JsonObject;
using Status = EventStore.Server.Kubernetes.Status;

namespace EventStore.Server.Jobs;

/// <summary>What the document for people says about comparing two revisions of a job and going back to one.</summary>
internal static class PastDocumentation
{
    private static readonly ApiParameter[] FromAndTo =
    [
        new("from", new IntegerShape(1), "The one revision. A number no event of the job has means the last one before it."),
        new("to", new IntegerShape(1), "The other; absent: what is current. It may be the earlier one."),
    ];

    private static readonly TextShape Text = new();

    private static readonly ObjectShape Compared = new(
        ("resourceVersion", Text, "That of the job then; absent, as the rest is, where there was none."),
        ("revision", new IntegerShape(1), "The revision asked for."),
        ("time", new TimeShape(), "When the job had changed last."),
        ("uid", Text, "Which job it was."));

    /// <summary>What a diff looks like.</summary>
    public static readonly ObjectShape DiffShape = new(
        ("apiVersion", Text, JobDifference.Resource.GroupVersion),
        ("beyondMergePatch", new ListShape(Text), "Where the merge patch does not arrive: members that are null."),
        ("changes", new ListShape(new ObjectShape(("after", new AnyShape()), ("before", new AnyShape()), ("path", Text))),
            "What differs."),
        ("changesOmitted", new IntegerShape(1), "How many changes are not listed because their paths are too long."),
        ("from", Compared, "The one side."),
        ("kind", Text, JobDifference.Resource.Kind),
        ("mergePatch", new AnyShape(), "What turns the one into the other."),
        ("mergePatchExact", new FlagShape(), "Whether it does so to the last value."),
        ("metadata", new ObjectShape(("name", Text), ("namespace", Text)), "The job."),
        ("sameIncarnation", new FlagShape(), "Whether it is the same job on both sides, and not only the same name."),
        ("to", Compared, "The other side."));

    /// <summary>Diff.</summary>
    public static ApiOperation Diff() => JobDocumentation.Of(
        "diffPyTorchJob", "Compare two revisions of a job",
        """
        `changes` names each value that differs, with its path, before and after; a side without that value has no such member.
        `mergePatch` is the merge patch (RFC 7396) that turns the job of `from` into that of `to`. A merge patch cannot set a member to
        null: such members are named in `beyondMergePatch`, and `mergePatchExact` is false then. `resourceVersion` and `selfLink` are
        left out of both. If there was no job of that name at one of the two revisions, that side has only a `revision`.
        `sameIncarnation` is false if the job was deleted and created again between them. The paths listed are at most 1 MiB together;
        `changesOmitted` counts the rest.
        """,
        [ApiParameters.Pretty, .. FromAndTo], null,
        new ApiAnswer(200, "OK", JobDifference.Resource.Kind, Example()),
        ApiAnswer.Refusal(
            Status.BadRequest("invalid from: from: Invalid value: \"x\": strconv.ParseUint: parsing \"x\": invalid syntax"),
            "BadRequest: from is missing, or one of them is no revision"),
        CommonAnswers.Forbidden(JobResource.Names, "get", "diff", JobExamples.Name),
        NotFound("NotFound: there was no such job at either revision"), CommonAnswers.TooNew());

    /// <summary>Rollback.</summary>
    public static ApiOperation Rollback() => JobDocumentation.Of(
        "rollBackPyTorchJob", "Take a job back to an earlier revision",
        $"""
        One new event restores these fields as they stood, and only these:

        {string.Join("\n", Profile.Documented.Updatable.RolledBackPaths.Select(field => $"- `{field}`"))}

        The answer is the job afterwards. Whatever else differs from that revision (the status, finalizers) stays as it is and is named
        in a `Warning` header. If nothing is to be restored, no event is stored. The revision must be one of this very job: 422 if there
        was no such job then, or another of the same name. `resourceVersion` is an optimistic lock as in a patch. With `dryRun=All` the
        answer shows the job as it would be.
        """,
        [.. ApiParameters.OfWrites],
        new ApiBody(ContentNegotiation.JsonType, JobRollback.Resource.Kind, ("Back", Back()), ("Under the optimistic lock", Locked())),
        JobDocumentation.Answered(200, "OK", JobExamples.Job),
        ApiAnswer.Refusal(
            Status.BadRequest(
                "PyTorchJobRollback in version \"v1\" cannot be handled as a PyTorchJobRollback: unexpected end of JSON input"),
            "BadRequest: the body cannot be understood"),
        CommonAnswers.Forbidden(JobResource.Names, "create", "rollback", JobExamples.Name), NotFound("NotFound: there is no such job"),
        JobDocumentation.Conflict(), JobDocumentation.TooLarge(), JobDocumentation.NotJson(),
        ApiAnswer.Refusal(
            Status.Invalid(JobResource.Names, JobExamples.Name,
                [FieldError.Invalid(FieldPath.Of("revision"), 72519100, "there was no such job at that revision")]),
            "Invalid: the job cannot go back to that revision"),
        CommonAnswers.TooNew());

    private static ApiAnswer NotFound(string when) => ApiAnswer.Refusal(Status.NotFound(JobResource.Names, JobExamples.Name), when);

    private static JsonObject Back() => new() { ["revision"] = 72519207 };

    private static JsonObject Locked() => new() { ["resourceVersion"] = "72519229", ["revision"] = 72519207 };

    private static JsonObject Example() => new()
    {
        ["apiVersion"] = JobDifference.Resource.GroupVersion,
        ["changes"] = new JsonArray(new JsonObject { ["after"] = "test", ["path"] = "metadata.labels.app" }),
        ["from"] = Side(72519207, "2019-07-24T10:35:38.115208Z"),
        ["kind"] = JobDifference.Resource.Kind,
        ["mergePatch"] = new JsonObject { ["metadata"] = new JsonObject { ["labels"] = new JsonObject { ["app"] = "test" } } },
        ["mergePatchExact"] = true,
        ["metadata"] = new JsonObject { ["name"] = JobExamples.Name, ["namespace"] = JobExamples.Namespace },
        ["sameIncarnation"] = true,
        ["to"] = Side(72519229, "2019-07-24T10:41:02.402531Z"),
    };

    private static JsonObject Side(long revision, string time) => new()
    {
        ["resourceVersion"] = $"{revision}",
        ["revision"] = revision,
        ["time"] = time,
        ["uid"] = "c6e548f1-adfe-11e9-ba3a-b44326d0c915",
    };
}
