using EventStore.Domain.History;
using EventStore.Domain.Jobs;
using EventStore.Domain.Json;

namespace EventStore.Domain.Tests.History;

/// <summary>What each event is found by: a list asks the database, a watch asks this, and both have to say the same.</summary>
public sealed class ChangedPathsRules
{
    private static readonly string[] Recorded = ["metadata.labels['example.com/team']", "metadata.labelsX", "spec.cleanPodPolicy"];
    private static readonly string[] Found = [.. Recorded, "metadata.labels"];

    public static TheoryData<JobEvent, string[]> Events => new()
    {
        { new JobCreated(JsonObject.Empty), [] },
        { new JobRestored(JsonObject.Empty, Guid.Empty, 2), [] },
        { new JobPatched(JsonObject.Empty, JsonObject.Empty, Recorded), Found },
        { new JobReplaced(JsonObject.Empty, JsonObject.Empty, Recorded), Found },
        { new JobRolledBack(JsonObject.Empty, JsonObject.Empty, Recorded, 2), Found },
        { new JobApplied(JsonObject.Empty, JsonObject.Empty, Recorded, "kubectl", false), Found },
        { new JobStatusUpdated(null, null, ["status.phase"]), ["status.phase"] },
        { new JobDeletionRequested("2026-01-01T00:00:00Z"), ["metadata.deletionTimestamp"] },
        { new JobDeleted(null, null, ["metadata.finalizers"]), ["metadata.finalizers"] },
        { new JobPatched(JsonObject.Empty, JsonObject.Empty, ["metadata.annotations.a", "metadata.annotations.b"]),
            ["metadata.annotations.a", "metadata.annotations.b", "metadata.annotations"] },
    };

    [Theory]
    [MemberData(nameof(Events))]
    public void Are_what_an_event_is_found_by(JobEvent happened, string[] paths) => Assert.Equal(paths, ChangedPaths.Of(happened));

    [Fact]
    public void Every_kind_of_event_is_among_them() => Assert.Equal(
        typeof(JobEvent).Assembly.GetTypes().Where(type => type.IsSubclassOf(typeof(JobEvent)) && !type.IsAbstract
            && type != typeof(JobEventUnknown)).Order(Comparer<Type>.Create((a, b) => string.CompareOrdinal(a.Name, b.Name))),
        Events.Select(row => ((object[])row)[0].GetType()).Distinct().Order(Comparer<Type>.Create(
            (a, b) => string.CompareOrdinal(a.Name, b.Name))));
}
