using EventStore.Domain.Json;

namespace EventStore.Domain.Lifetimes;

/// <summary>The conditions of a job's status, read and written as the training operator 1.9 does (<c>pkg/util/status.go</c>).</summary>
internal static class Conditions
{
    private const string Failed = "Failed";
    private const string Running = "Running";
    private const string Succeeded = "Succeeded";

    /// <summary>The condition by which a job is finished; null while it is not.</summary>
    public static JsonObject? Finished(JsonValue? status) => Of(status).FirstOrDefault(
        condition => TypeOf(condition) is Succeeded or Failed && IsTrue(condition));

    /// <summary>Whether the condition of this type is true.</summary>
    public static bool Is(JsonValue? status, string type) => Of(status).Any(condition => TypeOf(condition) == type && IsTrue(condition));

    /// <summary>
    /// The status of a job that was active for too long: upstream's message, and as upstream does a condition <c>Running</c> becomes false
    /// and a completionTime that is there stays.
    /// </summary>
    /// <param name="status">The status before.</param>
    /// <param name="name">The job's name.</param>
    /// <param name="time">The time of the condition, RFC 3339 in seconds.</param>
    public static JsonObject DeadlineExceeded(JsonObject status, string name, string time)
    {
        JsonObject failed = JsonObject.Of(
            ("lastTransitionTime", time),
            ("lastUpdateTime", time),
            ("message", $"Job {name} has failed because it was active longer than specified deadline"),
            ("reason", "DeadlineExceeded"),
            ("status", "True"),
            ("type", Failed));
        IEnumerable<JsonValue> others = ((status["conditions"] as JsonArray)?.Items ?? [])
            .Where(condition => TypeOf(condition) != Failed)
            .Select(condition => TypeOf(condition) == Running ? ((JsonObject)condition).With("status", "False") : condition);
        JsonObject after = status.With("conditions", new JsonArray([.. others, failed]));
        return after["completionTime"] is null or JsonNull ? after.With("completionTime", time) : after;
    }

    private static IEnumerable<JsonObject> Of(JsonValue? status) =>
        (status?.Member("conditions") as JsonArray)?.Items.OfType<JsonObject>() ?? [];

    private static string? TypeOf(JsonValue condition) => (condition.Member("type") as JsonText)?.Value;

    private static bool IsTrue(JsonValue condition) => condition.Member("status") is JsonText { Value: "True" };
}
