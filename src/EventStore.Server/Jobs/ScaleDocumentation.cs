using EventStore.Domain.Jobs;
using EventStore.Domain.Json;
using EventStore.Domain.Manifests;
using EventStore.Server.Kubernetes;
using EventStore.Server.Kubernetes.Documents;
using EventStore.Server.Kubernetes.Requests;
using EventStore.Server.Resources;
using JsonObject = System.Text.Json.Nodes.JsonObject;
using Status = EventStore.Server.Kubernetes.Status;

namespace EventStore.Server.Jobs;

/// <summary>What the documents say about the scale of a job.</summary>
internal static class ScaleDocumentation
{
    private static readonly TextShape Text = new();

    /// <summary>What a Scale looks like.</summary>
    public static readonly ObjectShape Shape = new(
        ("apiVersion", Text, Scale.ApiVersion),
        ("kind", Text, Scale.Kind),
        ("metadata", Schema.ObjectMeta, "The job's name, and the revision the Scale was read at."),
        ("spec", new ObjectShape(("replicas", new IntegerShape(0, int.MaxValue), "How many there are to be.")), "The workers."),
        ("status", new ObjectShape(
            ("replicas", new IntegerShape(0, int.MaxValue), "How many are active."), ("selector", Text, "What selects their pods.")),
            "What the operator said of them."));

    /// <summary>Get.</summary>
    public static ApiOperation Get() => JobDocumentation.Of(
        "readPyTorchJobScale", "Read how many workers a job has",
        "An `autoscaling/v1` Scale, for clients that know nothing of the job itself. 404 if the job does not say how many workers it has.",
        [ApiParameters.Pretty, ApiParameters.ResourceVersion], null,
        Answered(), JobDocumentation.BadRevision(), JobDocumentation.Forbidden("get"), JobDocumentation.NotFound(),
        CommonAnswers.TooNew());

    /// <summary>Put.</summary>
    public static ApiOperation Replace() => Write(
        "replacePyTorchJobScale", "Set how many workers a job has", "update",
        "`spec.replicas` of the Scale becomes the job's number of workers. A `metadata.resourceVersion` is an optimistic lock.",
        ContentNegotiation.JsonType, Example());

    /// <summary>Patch.</summary>
    public static ApiOperation Patch() => Write(
        "patchPyTorchJobScale", "Change how many workers a job has", "patch", "A patch of the Scale.",
        ContentNegotiation.MergePatchType, new JsonObject { ["spec"] = new JsonObject { ["replicas"] = 3 } });

    private static ApiOperation Write(string id, string summary, string verb, string description, string mediaType, JsonObject sent) =>
        JobDocumentation.Of(
            id, summary, description, [.. ApiParameters.OfWrites], new ApiBody(mediaType, Scale.Kind, ("Three workers", sent)),
            Answered(), JobDocumentation.BadRequest(), JobDocumentation.Forbidden(verb), JobDocumentation.NotFound(),
            JobDocumentation.Conflict(), JobDocumentation.TooLarge(),
            ApiAnswer.Refusal(Status.UnsupportedMediaType(mediaType), "UnsupportedMediaType: the body is in another form"),
            ApiAnswer.Refusal(
                Status.Invalid(JobResource.Names, JobExamples.Name,
                    [FieldError.Invalid(FieldPath.Of("spec", "replicas"), -1, "should be a non-negative integer")]),
                "Invalid: no such number of workers"));

    private static ApiAnswer Answered() => new(200, "OK", Scale.Kind, Example());

    private static JsonObject Example() => new()
    {
        ["apiVersion"] = Scale.ApiVersion,
        ["kind"] = Scale.Kind,
        ["metadata"] = new JsonObject
        {
            ["name"] = JobExamples.Name,
            ["namespace"] = JobExamples.Namespace,
            ["resourceVersion"] = "72519229",
            ["uid"] = "c6e548f1-adfe-11e9-ba3a-b44326d0c915",
        },
        ["spec"] = new JsonObject { ["replicas"] = 3 },
        ["status"] = new JsonObject { ["replicas"] = 1 },
    };
}
