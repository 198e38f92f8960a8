using EventStore.Domain.Manifests;
using EventStore.Server.Kubernetes;
using Microsoft.OpenApi;
using JsonArray = System.Text.Json.Nodes.JsonArray;
using JsonObject = System.Text.Json.Nodes.JsonObject;
using Status = EventStore.Server.Kubernetes.Status;

namespace EventStore.Server.Audit;

/// <summary>What the document for people says about the history.</summary>
internal static class RevisionDocumentation
{
    private const string RevisionList = "PyTorchJobRevisionList";

    /// <summary>List.</summary>
    public static ApiOperation List() => new(
        "listPyTorchJobRevisions",
        "Who changed what, when",
        "Every event of the namespace's jobs, deleted ones too, the newest first. Select with `labelSelector`: `job=NAME`, `uid=UID`, "
        + $"`verb=VERB` with one of {string.Join(", ", RevisionSelector.AllVerbs)}.")
    {
        Tag = "History",
        Parameters = [ApiParameters.Namespace, ApiParameters.Pretty, ApiParameters.LabelSelector, ApiParameters.Limit, ApiParameters.Continue],
        Answers =
        [
            new ApiAnswer(200, "OK", RevisionList, Example()),
            ApiAnswer.Refusal(
                Status.BadRequest("label selector not supported here: team=ml; revisions are selected by job=NAME, uid=UID and verb=VERB"),
                "BadRequest: a parameter cannot be understood"),
            ApiAnswer.Refusal(Status.Unauthorized(), "Unauthorized: no credential, or one nobody knows"),
            ApiAnswer.Refusal(
                Status.Forbidden("alice", "list", RevisionEndpoints.Resource.Group, RevisionEndpoints.Resource.Plural, "", "", "kube-test"),
                "Forbidden: the user may not do this"),
            ApiAnswer.Refusal(Status.MethodNotAllowed(RevisionEndpoints.Resource, "delete"), "MethodNotAllowed: the history can only be read"),
            ApiAnswer.Refusal(Status.NotAcceptable(ContentNegotiation.Json), "NotAcceptable: the client takes no JSON"),
            ApiAnswer.Refusal(Status.InternalError("019aa0f2-7a3c-7c51-9d0e-2f6a1b8c4d5e"), "Internal Error: a fault of the server's"),
            ApiAnswer.Refusal(Status.Unavailable("the database cannot be reached; nothing was changed", retryAfterSeconds: 1), "ServiceUnavailable: the database is away"),
        ],
    };

    /// <summary>The schema the operation names.</summary>
    public static Dictionary<string, OpenApiSchema> Schemas()
    {
        TextShape text = new();
        ObjectShape list = new(
            ("apiVersion", text),
            ("items", new ListShape(RevisionShape.Revision)),
            ("kind", text),
            ("metadata", new ObjectShape(("continue", text), ("resourceVersion", text))));
        return new() { [RevisionList] = ApiSchema.Of(list) };
    }

    private static JsonObject Example() => new()
    {
        ["apiVersion"] = RevisionEndpoints.Resource.GroupVersion,
        ["items"] = new JsonArray(new JsonObject
        {
            ["apiVersion"] = RevisionEndpoints.Resource.GroupVersion,
            ["changes"] = new JsonArray(new JsonObject { ["after"] = "test", ["path"] = "metadata.labels.app" }),
            ["job"] = "pytorch-test",
            ["kind"] = RevisionEndpoints.Resource.Kind,
            ["metadata"] = new JsonObject
            {
                ["creationTimestamp"] = "2019-07-24T10:41:02Z",
                ["labels"] = new JsonObject { ["job"] = "pytorch-test", ["uid"] = "c6e548f1-adfe-11e9-ba3a-b44326d0c915", ["verb"] = "Patched" },
                ["name"] = "pytorch-test.72519229",
                ["namespace"] = "kube-test",
                ["resourceVersion"] = "72519229",
            },
            ["patch"] = new JsonObject { ["metadata"] = new JsonObject { ["labels"] = new JsonObject { ["app"] = "test" } } },
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
        }),
        ["kind"] = RevisionEndpoints.Resource.Kind + "List",
        ["metadata"] = new JsonObject { ["continue"] = "", ["resourceVersion"] = "72519229" },
    };
}
