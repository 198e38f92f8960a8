using System.Globalization;
using EventStore.Domain.Json;
using EventStore.Domain.Manifests;

namespace EventStore.Domain.Jobs;

/// <summary>
/// The scale subresource: an <c>autoscaling/v1</c> Scale that shows and sets the number of workers, for clients such as the horizontal pod
/// autoscaler that know nothing of the job itself.
/// </summary>
public static class Scale
{
    private static readonly string[] Shown = ["creationTimestamp", "name", "namespace", "resourceVersion", "uid"];

    /// <summary>The API version of a Scale.</summary>
    public const string ApiVersion = "autoscaling/v1";

    /// <summary>The kind of a Scale.</summary>
    public const string Kind = "Scale";

    /// <summary>The Scale of a job, without a resourceVersion; null when the job does not say how many workers it has.</summary>
    internal static JsonObject? Of(Job job) => Of(job.Manifest);

    /// <summary>The Scale of a job as it is shown; null when the job does not say how many workers it has.</summary>
    public static JsonObject? Of(JsonObject job)
    {
        if (job["spec"]?.Member("pytorchReplicaSpecs")?.Member("Worker")?.Member("replicas") is not JsonNumber replicas)
            return null;
        JsonValue? worker = job["status"]?.Member("replicaStatuses")?.Member("Worker");
        JsonObject metadata = JsonObject.Of(Shown
            .Where(name => job["metadata"]!.Member(name) is not null).Select(
                name => KeyValuePair.Create(name, job["metadata"]!.Member(name)!)));
        JsonObject status = JsonObject.Of(("replicas", worker?.Member("active") is JsonNumber active ? active : 0));
        if (worker?.Member("selector") is JsonText { Value.Length: > 0 } selector)
            status = status.With("selector", selector);
        return JsonObject.Of(
            ("apiVersion", ApiVersion),
            ("kind", Kind),
            ("metadata", metadata),
            ("spec", replicas.Text == "0" ? JsonObject.Empty : JsonObject.Of(("replicas", replicas))),
            ("status", status));
    }

    /// <summary>The number of workers a Scale asks for; an error when it is none.</summary>
    internal static (long Replicas, Rejection? Refusal) Replicas(JsonObject scale)
    {
        if ((scale["kind"] as JsonText)?.Value != Kind || (scale["apiVersion"] as JsonText)?.Value != ApiVersion)
            return (0, new Rejection.BadRequest($"the object provided is no {Kind} of {ApiVersion}"));
        JsonValue? value = scale["spec"]?.Member("replicas");
        if (value is null or JsonNull)
            return (0, null);
        if (value is not JsonNumber number
            || !number.WithoutZeroFraction().TryGetInt64(out long replicas) || replicas is < int.MinValue or > int.MaxValue)
            return (0, new Rejection.BadRequest(
                $"json: cannot unmarshal {value.Kind} into Go struct field ScaleSpec.spec.replicas of type int32"));
        return replicas < 0
            ? (0, new Rejection.Invalid(new FieldError(
                "FieldValueInvalid", ScaleField.Path, string.Create(
                    CultureInfo.InvariantCulture, $"Invalid value: {replicas}: should be a non-negative integer"))))
            : (replicas, null);
    }

    /// <summary>The job's object with that number of workers.</summary>
    internal static JsonObject Set(JsonObject manifest, long replicas) =>
        (JsonObject)MergePatch.Apply(manifest, JsonObject.Of(
            ("spec", JsonObject.Of(("pytorchReplicaSpecs", JsonObject.Of(("Worker", JsonObject.Of(("replicas", replicas)))))))));
}
