using System.Globalization;
using EventStore.Domain.Jobs;
using EventStore.Domain.Json;
using EventStore.Domain.Tests.Manifests;

namespace EventStore.Domain.Tests.Jobs;

/// <summary>The material of the stories: one job, its events, and the commands people send.</summary>
internal static class Ask
{
    public static readonly JobKey Key = new("kube-test", "pytorch-test");
    public static readonly Guid Uid = Guid.Parse("c6e548f1-adfe-11e9-ba3a-b44326d0c915");
    public const string OtherUid = "00000000-0000-0000-0000-000000000001";

    private static readonly DateTimeOffset Time = new(2026, 2, 3, 4, 5, 6, 789, TimeSpan.FromHours(2));
    private static readonly Origin Origin = new("ann", ["ml"], "kubectl", "192.0.2.1", "r-1");

    /// <summary>The document's own example as it is stored, with one merge patch upon it.</summary>
    public static JobCreated Created(string patch = "{}") => new((JsonObject)MergePatch.Apply(
        Given.Job(
            """{"metadata":{"creationTimestamp":"2019-07-24T10:36:26Z","generation":1,"uid":"c6e548f1-adfe-11e9-ba3a-b44326d0c915"}}"""),
        Given.Json(patch)));

    /// <summary>A job with a member no merge patch can make: a null somewhere below.</summary>
    public static JobCreated CreatedWithNullsInTemplates() => new(WithNullsInTemplates(Created().Manifest));

    public static JobPatched Patched(string patch, string replaced, params string[] paths) =>
        new(Given.Object(patch), Given.Object(replaced), paths);

    public static JobReplaced Replaced(string patch, string replaced, params string[] paths) =>
        new(Given.Object(patch), Given.Object(replaced), paths);

    public static JobStatusUpdated StatusUpdated(string? status, string? replaced, params string[] paths) =>
        new(status is null ? null : Given.Json(status), replaced is null ? null : Given.Json(replaced), paths);

    public static JobDeletionRequested DeletionRequested() => new("2026-01-02T03:04:05Z");

    public static JobDeleted Deleted(string? patch = null, string? replaced = null, params string[] paths) =>
        new(patch is null ? null : Given.Object(patch), replaced is null ? null : Given.Object(replaced), paths);

    public static JobRolledBack RolledBack(long revision, string patch, string replaced, params string[] paths) =>
        new(Given.Object(patch), Given.Object(replaced), paths, revision);

    public static RollBackJob RollBack(Job? past, string? resourceVersion = null) =>
        new(Key, Time, Origin, past?.Revision ?? 1, past, resourceVersion);

    public static RestoreJob Restore(Job past, string name = "pytorch-test", string @namespace = "kube-test") =>
        new(new JobKey(@namespace, name), Time, Origin, past, Guid.Parse(OtherUid));

    public static CreateJob Create(JsonObject manifest, string name = "pytorch-test") =>
        new(new JobKey("kube-test", name), Time, Origin, manifest, Uid);

    public static CreateJob Create(string patch = "{}") => Create(Given.Job(patch));

    public static PatchJob Patch(string patch) => new(Key, Time, Origin, Given.Object(patch));

    public static PatchStatus PatchStatus(string patch) => new(Key, Time, Origin, Given.Object(patch));

    public static DeleteJob Delete(string? uid = null, string? resourceVersion = null) => new(Key, Time, Origin, uid, resourceVersion);

    /// <summary>A PUT by somebody who has just read the job and changed it as the merge patch says.</summary>
    public static Func<Job, JobCommand> Put(string patch = "{}") => Put(read => (JsonObject)MergePatch.Apply(read, Given.Json(patch)));

    /// <summary>A PUT by somebody who has just read the job and changed it in a way of their own.</summary>
    public static Func<Job, JobCommand> Put(Func<JsonObject, JsonObject> change) => job =>
        new ReplaceJob(Key, Time, Origin, change(Shown(job)));

    public static ReplaceJob PutExactly(JsonObject manifest) => new(Key, Time, Origin, manifest);

    /// <summary>A PUT of the status; <paramref name="status"/> is the whole of it.</summary>
    public static Func<Job, JobCommand> PutStatus(string? status, string patch = "{}") => job => new ReplaceStatus(
        Key, Time, Origin,
        ((JsonObject)MergePatch.Apply(Shown(job), Given.Json(patch))).WithOrWithout("status", status is null ? null : Given.Json(status)));

    /// <summary>The job as an answer shows it.</summary>
    public static JsonObject Shown(Job job) => job.Manifest.With("metadata", job.Metadata
        .With("resourceVersion", job.Revision.ToString(CultureInfo.InvariantCulture))
        .With("selfLink", $"/apis/kubeflow.org/v1/namespaces/{job.Key.Namespace}/pytorchjobs/{job.Key.Name}"));

    /// <summary>What a Go client makes of a template: <c>metadata: {creationTimestamp: null}</c>.</summary>
    public static JsonObject WithNullsInTemplates(JsonObject manifest) =>
        (JsonObject)Set(manifest, "spec.pytorchReplicaSpecs.Master.template.metadata", """{"creationTimestamp":null}""");

    /// <summary>The value with a member set as it is written, nulls included.</summary>
    public static JsonValue Set(JsonValue value, string path, string member)
    {
        string[] steps = path.Split('.', 2);
        var members = value as JsonObject ?? JsonObject.Empty;
        return members.With(
            steps[0], steps.Length == 1 ? Given.Json(member) : Set(members[steps[0]] ?? JsonObject.Empty, steps[1], member));
    }
}
