using EventStore.Domain.Manifests;
using EventStore.Server.Kubernetes;
using EventStore.Server.Kubernetes.Documents;
using EventStore.Server.Resources;
using JsonArray = System.Text.Json.Nodes.JsonArray;
using JsonObject = System.Text.Json.Nodes.JsonObject;
using Status = EventStore.Server.Kubernetes.Status;

namespace EventStore.Server.Audit;

/// <summary>What the documents say about the history: the one for people, and of its own parameters also the one for kubectl.</summary>
internal static class RevisionDocumentation
{
    private const string Revision = "PyTorchJobRevision";
    private const string RevisionList = Revision + "List";
    private const string Example = "pytorch-test.72519229";

    private static readonly ApiParameter Name = new("name", new TextShape(), "name of the job, a dot, and the revision") { InPath = true };

    /// <summary>What a list of revisions can be asked beyond what every list can.</summary>
    public static IReadOnlyList<ApiParameter> ListParameters { get; } =
    [
        new("since", new TimeShape(), "Only revisions committed at this moment (RFC 3339) or later."),
        new("until", new TimeShape(), "Only revisions committed before this moment (RFC 3339)."),
        new("order", new TextShape("newest", "oldest"), "newest: the newest first, as without it. oldest: the oldest first."),
    ];

    /// <summary>List, of one namespace.</summary>
    public static ApiOperation List() => ListOf("listPyTorchJobRevisions", "Who changed what, when");

    /// <summary>List, of all namespaces.</summary>
    public static ApiOperation ListAll() => ListOf("listAllPyTorchJobRevisions", "Who changed what, when, in all namespaces");

    public static ApiOperation Get() => Of(
        "readPyTorchJobRevision", "Read one revision",
        "One change, and with it the whole job as it was afterwards, in the member `object`. After its deletion a job is shown as it was "
        + "last seen, with the revision of its end.",
        [Name, ApiParameters.Namespace, ApiParameters.Pretty, ApiParameters.ResourceVersion],
        new ApiAnswer(200, "OK", Revision, WithObject()),
        ApiAnswer.Refusal(Status.NotFound(RevisionEndpoints.Resource, Example), "NotFound: there is no such revision of that job"),
        CommonAnswers.Forbidden(RevisionEndpoints.Resource, "get", name: Example));

    private static ApiOperation ListOf(string id, string summary) => Of(
        id, summary,
        $"""
        Every event of the jobs, deleted ones and all incarnations of a name too, the newest first. Every page is as of the first page's
        revision; `metadata.continue` says whether there is more, and not the number of items: a page may have fewer than `limit`.

        - `labelSelector` with `job`, `uid` and `verb` ({string.Join(", ", RevisionVerbs.All)}): `=`, `!=`, `in`, `notin`, existence.
        - `fieldSelector` with those, with `metadata.name`, `metadata.namespace`, `user`, and `path`: a field as `changes` names it, such as
          `path=spec.cleanPodPolicy` or `path=metadata.labels['example.com/team']`, or `metadata.labels` and `metadata.annotations` for any
          of them. `policy` (`ttl`, `clean`, `deadline`, `backoff`) is a path in `spec` or in `spec.runPolicy`. In a value `,`, `=` and a
          backslash have a backslash before them. A creation changes no single field and has no path.
        - `since` and `until`: from the one moment on, up to and without the other.

        With `watch` each revision is an ADDED frame, in their order; without a resourceVersion it begins with the first there ever was.
        """,
        [
            ApiParameters.Namespace,
            .. ApiParameters.OfLists,
            .. ListParameters,
        ],
        new ApiAnswer(200, "OK", RevisionList, OfList()),
        ApiAnswer.Refusal(
            Status.BadRequest("label selector not supported here: team=ml; revisions have the labels job, uid and verb, and no others"),
            "BadRequest: a parameter cannot be understood"),
        CommonAnswers.Forbidden(RevisionEndpoints.Resource, "list"));

    private static ApiOperation Of(
        string id, string summary, string description, IReadOnlyList<ApiParameter> parameters, params ApiAnswer[] answers) =>
        new(id, summary, description)
        {
            Tag = "History",
            Parameters = parameters,
            Answers = CommonAnswers.With(RevisionEndpoints.Resource, answers.Append(CommonAnswers.TooNew())),
        };

    private static JsonObject OfOne() => new()
    {
        ["apiVersion"] = RevisionEndpoints.Resource.GroupVersion,
        ["changes"] = new JsonArray(new JsonObject { ["after"] = "test", ["path"] = "metadata.labels.app" }),
        ["job"] = JobExamples.Name,
        ["kind"] = RevisionEndpoints.Resource.Kind,
        ["metadata"] = new JsonObject
        {
            ["creationTimestamp"] = "2019-07-24T10:41:02Z",
            ["labels"] = new JsonObject
            {
                ["job"] = JobExamples.Name,
                ["uid"] = "c6e548f1-adfe-11e9-ba3a-b44326d0c915",
                ["verb"] = "Patched"
            },
            ["name"] = Example,
            ["namespace"] = JobExamples.Namespace,
            ["resourceVersion"] = "72519229",
        },
        ["patch"] = JobExamples.LabelPatch,
        ["previousRevision"] = 72519207,
        ["requestId"] = "019aa0f2-7a3c-7c51-9d0e-2f6a1b8c4d5e",
        ["revision"] = 72519229,
        ["sourceAddress"] = "127.0.0.1",
        ["time"] = "2019-07-24T10:41:02.402531Z",
        ["uid"] = "c6e548f1-adfe-11e9-ba3a-b44326d0c915",
        ["user"] = new JsonObject { ["groups"] = new JsonArray("system:masters", "system:authenticated"), ["name"] = "admin" },
        ["userAgent"] = "curl/8.5.0",
        ["verb"] = "Patched",
        ["version"] = 2,
    };

    private static JsonObject WithObject()
    {
        JsonObject revision = OfOne();
        revision["object"] = JobExamples.Job;
        return revision;
    }

    private static JsonObject OfList() => new()
    {
        ["apiVersion"] = RevisionEndpoints.Resource.GroupVersion,
        ["items"] = new JsonArray(OfOne()),
        ["kind"] = RevisionList,
        ["metadata"] = new JsonObject { ["continue"] = "", ["resourceVersion"] = "72519229" },
    };
}
