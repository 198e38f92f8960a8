using EventStore.Domain.Manifests;
using EventStore.Server.Kubernetes;
using EventStore.Server.Kubernetes.Documents;
using EventStore.Server.Resources;
using JsonArray = System.Text.Json.Nodes.JsonArray;
using JsonObject = System.Text.Json.Nodes.JsonObject;
using Status = EventStore.Server.Kubernetes.Status;

namespace EventStore.Server.Audit;

/// <summary>What the documents say about the checkpoint: the one for people, and those for kubectl and makers of clients.</summary>
internal static class CheckpointDocumentation
{
    public const string About =
        "Where the chain of hashes over the whole store stands, and which revisions were lost. Whoever keeps one can prove later, "
        + "with verify --since-checkpoint, that nothing up to its revision was changed, removed, put in or moved.";

    private const string Name = "Checkpoint";

    public static ObjectShape Shape { get; } = new(
        ("apiVersion", new TextShape(), JobResource.Revisions.GroupVersion),
        ("epoch", new IntegerShape(), "The epoch the store is in: one begins with another primary, and with a restored backup."),
        ("hash", new TextShape(),
            "The SHA-256 of the last event, in which those of all events before it are contained: "
            + "64 digits of lower-case hex, zeros in an empty store."),
        ("kind", new TextShape(), Name),
        ("lost", new ListShape(new ObjectShape(
            ("epoch", new IntegerShape(), "The epoch with which they were lost."),
            ("from", new IntegerShape(), "The first revision that was lost."),
            ("message", new TextShape(), "The same in words."),
            ("time", new TimeShape(), "When that epoch began."),
            ("to", new IntegerShape(), "The last one."))), "The revisions that are known to be lost. They are never given out again."),
        ("revision", new IntegerShape(), "The revision of the last event; 1 in an empty store."));

    public static ApiOperation Get() => new("readCheckpoint", "Where the chain of hashes stands", About)
    {
        Tag = "History",
        Parameters = [ApiParameters.Pretty],
        Answers = CommonAnswers.With(
            CheckpointEndpoints.Resource,
            new ApiAnswer(200, "OK", Name, Example()),
            ApiAnswer.Refusal(
                Status.Forbidden("alice", "get", CheckpointEndpoints.Resource.Group, CheckpointEndpoints.Resource.Plural, "", "", ""),
                "Forbidden: the user may not get `checkpoint` of the group, cluster-wide")),
    };

    private static JsonObject Example() => new()
    {
        ["apiVersion"] = CheckpointEndpoints.Resource.GroupVersion,
        ["epoch"] = 2,
        ["hash"] = "3799558206a59f56982bbfac3a843c16f9a4943e708c034830686e4a823f0696",
        ["kind"] = CheckpointEndpoints.Resource.Kind,
        ["lost"] = new JsonArray(new JsonObject
        {
            ["epoch"] = 2,
            ["from"] = 4711,
            ["message"] = "revisions 4711 to 4790 were lost with epoch 2",
            ["time"] = "2026-11-23T07:58:24Z",
            ["to"] = 4790,
        }),
        ["revision"] = 72519229,
    };
}
