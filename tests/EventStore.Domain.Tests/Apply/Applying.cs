using EventStore.Domain.Apply;
using EventStore.Domain.Jobs;
using EventStore.Domain.Json;
using EventStore.Domain.Manifests;
using EventStore.Domain.Tests.Jobs;
using EventStore.Domain.Tests.Manifests;

namespace EventStore.Domain.Tests.Apply;

/// <summary>The material of the stories of server-side apply: a job that <c>maker</c> created, and what others send.</summary>
internal static class Applying
{
    public static Story Made(string patch = """{"metadata":{"labels":{"app":"test"}}}""") =>
        new Story(null).When(Under(Ask.Create(patch), "maker")).And;

    /// <summary>An apply of a configuration, its kind and name put in.</summary>
    public static ApplyJob By(string manager, string configuration, bool force = false) =>
        By(manager, (JsonObject)MergePatch.Apply(
            Given.Object("""{"apiVersion":"kubeflow.org/v1","kind":"PyTorchJob","metadata":{"name":"pytorch-test"}}"""),
            Given.Json(configuration)), force);

    public static ApplyJob By(string manager, JsonObject configuration, bool force = false)
    {
        JobCommand any = Ask.Patch("{}");
        return (ApplyJob)Under(new ApplyJob(Ask.Key, any.Time, any.Origin, configuration, force, Ask.Uid), manager);
    }

    public static JobCommand Under(JobCommand command, string manager) => command with { Profile = Profile.Kubeflow, Manager = manager };

    /// <summary>The owners as <c>manager operation subresource fields</c>, one on a line.</summary>
    public static string Owners(Job job) => string.Join('\n', ManagedFields.Of(job.Owners).Items.Select(entry =>
        $"{Text(entry, "manager")} {Text(entry, "operation")} {Text(entry, "subresource")} {entry.Member("fieldsV1")}"));

    /// <summary>What one of them owns.</summary>
    public static string OwnedBy(Job job, string manager) =>
        ManagedFields.Of(job.Owners).Items.Single(entry => Text(entry, "manager") == manager).Member("fieldsV1")!.ToString();

    private static string Text(JsonValue entry, string name) => (entry.Member(name) as JsonText)?.Value ?? "-";
}
