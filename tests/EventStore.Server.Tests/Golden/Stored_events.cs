using EventStore.Domain.Jobs;
using EventStore.Domain.Json;
using EventStore.Server.Store.Format;

namespace EventStore.Server.Tests.Golden;

/// <summary>
/// Each event as it is stored, for ever: a change of one is seen as a change of its file. <c>UPDATE_GOLDEN=1</c> writes the files anew.
/// </summary>
public sealed class Stored_events
{
    private static readonly JsonObject Patch = Object(
        """{"metadata":{"generation":2,"labels":{"team":"ml"}},"spec":{"cleanPodPolicy":"All"}}""");
    private static readonly JsonObject Replaced = Object("""{"metadata":{"generation":1,"labels":null},"spec":{"cleanPodPolicy":null}}""");
    private static readonly string[] Paths = ["metadata.generation", "metadata.labels.team", "spec.cleanPodPolicy"];

    private static readonly Dictionary<string, JobEvent> Events = new()
    {
        ["job_created"] = new JobCreated(Object(Fixtures.Sample.Manifest("pytorch-test"))),
        ["job_restored"] = new JobRestored(
            Object(Fixtures.Sample.Manifest("pytorch-test")), Guid.Parse("c6e548f1-adfe-11e9-ba3a-b44326d0c915"), 7),
        ["job_patched"] = new JobPatched(Patch, Replaced, Paths),
        ["job_replaced"] = new JobReplaced(Patch, Replaced, Paths),
        ["job_rolled_back"] = new JobRolledBack(Patch, Replaced, Paths, 7),
        ["job_applied"] = new JobApplied(Patch, Replaced, Paths, "kubectl", true)
        {
            Owners = new(
                Object(
                    """{"Apply//kubectl":{"f":{"f:spec":{"f:cleanPodPolicy":{}}},"t":1764316800},"Update//maker":{"f":{"f:metadata":{"f:labels":null}}}}"""),
                Object("""{"Apply//kubectl":null,"Update//maker":{"f":{"f:metadata":{"f:labels":{}}}}}""")),
        },
        ["job_status_updated"] = new JobStatusUpdated(
            Object("""{"conditions":null,"replicas":1.10}"""), null, ["status.conditions", "status.replicas"]),
        ["job_deletion_requested"] = new JobDeletionRequested("2026-11-28T08:00:00Z"),
        ["job_deleted"] = new JobDeleted(
            Object("""{"metadata":{"finalizers":null}}"""), Object("""{"metadata":{"finalizers":["a/b"]}}"""), ["metadata.finalizers"]),
    };

    public static TheoryData<string> Names => [.. EventCodec.Names.Values];

    [Theory]
    [MemberData(nameof(Names))]
    public void Is_stored_as_its_file_says(string name)
    {
        JobEvent happened = Events[name];
        Assert.Equal(name, EventCodec.NameOf(happened));
        GoldenFile.Same($"events/{name}.json", EventCodec.Data(happened));
        Assert.Equal(EventCodec.Data(happened), EventCodec.Data(EventCodec.Read(name, GoldenFile.Read($"events/{name}.json"))));
    }

    private static JsonObject Object(string text) => (JsonObject)JsonReading.Parse(System.Text.Encoding.UTF8.GetBytes(text));
}
