using EventStore.Domain.Manifests;
using EventStore.Server.Kubernetes;
using EventStore.Server.Kubernetes.Documents;
using EventStore.Server.Resources;
using JsonArray = System.Text.Json.Nodes.JsonArray;
using JsonObject = System.Text.Json.Nodes.JsonObject;

namespace EventStore.Server.Jobs;

/// <summary>The documentation of blame.</summary>
internal static class BlameDocumentation
{
    private static readonly ApiParameter Uid = new(
        "uid", new TextShape(), "The job with this uid, deleted or not, as it was last seen; absent: the one that lives at the name.");

    /// <summary>What the answer looks like.</summary>
    public static readonly ObjectShape Shape = Answered();

    /// <summary>Blame.</summary>
    public static ApiOperation Blame() => JobDocumentation.Of(
        "blamePyTorchJob", "Who set each value of a job last",
        """
        `leaves` has each value with its path and the change that set it last: before that change the path had another value, or none.
        An array is one value, because a merge patch replaces it whole. `removed` has what was taken away of the five updatable fields
        and has not come back. As a table (`Accept: application/json;as=Table;g=meta.k8s.io;v=v1`) there is a row for each. The answer
        takes about as long for a job with 100,000 changes as for one with ten. A change records the paths of 1,000 values, each of up
        to 1,000 characters: of what lies beyond, the last 256 changes are looked at, and a leaf that none of them set has no
        `revision` where there are more.
        """,
        [.. ApiParameters.OfReads, Uid], null,
        new ApiAnswer(200, "OK", JobBlame.Resource.Kind, Example()),
        JobDocumentation.BadRevision(),
        CommonAnswers.Forbidden(JobResource.Names, "get", "blame", JobExamples.Name),
        JobDocumentation.NotFound(), CommonAnswers.TooNew());

    private static ObjectShape Answered()
    {
        TextShape text = new();
        IntegerShape number = new(1);
        (string, Shape, string)[] setter =
        [
            ("path", text, "Where the value stands."),
            ("reason", text, "Why it was done, in the user's words; absent where nothing was said."),
            ("revision", number, "The change that set it last."),
            ("time", new TimeShape(), "When that was committed."),
            ("user", text, "Who did it."),
            ("verb", text, "What it was."),
        ];
        return new ObjectShape(
            ("apiVersion", text, JobBlame.Resource.GroupVersion),
            ("deleted", new FlagShape(), "Whether the job was deleted by then: it is shown as it was last seen."),
            ("kind", text, JobBlame.Resource.Kind),
            ("leaves", new ListShape(new ObjectShape([.. setter, ("value", new AnyShape(), "The value.")])), "What is there."),
            ("leavesOmitted", number, "How many leaves are not listed because all paths together are longer than 1 MiB."),
            ("metadata", new ObjectShape(("name", text), ("namespace", text), ("resourceVersion", text), ("uid", text)),
                "The job, and the revision it is told at."),
            ("removed", new ListShape(new ObjectShape(setter)), "What is there no more, and the change that took it away."),
            ("removedOmitted", number, "How many are not listed, the oldest: there are more than 1,000."));
    }

    private static JsonObject Example() => new()
    {
        ["apiVersion"] = JobBlame.Resource.GroupVersion,
        ["kind"] = JobBlame.Resource.Kind,
        ["leaves"] = new JsonArray(new JsonObject
        {
            ["path"] = "metadata.labels.app",
            ["revision"] = 72519229,
            ["time"] = "2019-07-24T10:41:02.402531Z",
            ["user"] = "alice",
            ["value"] = "test",
            ["verb"] = "Patched",
        }),
        ["metadata"] = new JsonObject
        {
            ["name"] = JobExamples.Name,
            ["namespace"] = JobExamples.Namespace,
            ["resourceVersion"] = "72519229",
            ["uid"] = "c6e548f1-adfe-11e9-ba3a-b44326d0c915",
        },
        ["removed"] = new JsonArray(),
    };
}
