using EventStore.Domain.Manifests;
using EventStore.Server.Resources;

namespace EventStore.Server.Audit;

/// <summary>What a revision looks like, for <c>kubectl explain pytorchjobrevision</c> and the OpenAPI document.</summary>
internal static class RevisionShape
{
    private static readonly TextShape Text = new();
    private static readonly IntegerShape Number = new();
    private static readonly AnyShape Anything = new();

    private static readonly ObjectShape Change = new(
        ("after", Anything, "The value behind the change; absent where the field was taken away."),
        ("before", Anything, "The value before the change; absent where the field was added."),
        ("path", Text, "The field, for example spec.cleanPodPolicy."));

    private static readonly ObjectShape User = new(
        ("groups", new ListShape(Text), "The user's groups."),
        ("name", Text, "The user's name."));

    public static ObjectShape Revision { get; } = new(
        ("apiVersion", Text, JobResource.Revisions.GroupVersion),
        ("changes", new ListShape(Change), "Every field that changed, with its value before and after."),
        ("impersonatedBy", User, "Who sent the request on behalf of the user; absent where the user sent it."),
        ("job", Text, "The name of the job."),
        ("kind", Text, "PyTorchJobRevision"),
        ("metadata", Schema.ObjectMeta,
            "The name is the job's with the revision behind it; the labels job, uid and verb can be selected by."),
        ("object", new AnyShape { Usually = new ObjectShape() },
            "The whole job after the change, when one revision is read; after its deletion the job as it was last seen. "
            + "Not in lists and watches."),
        ("patch", new AnyShape { Usually = new ObjectShape() },
            "The merge patch that had this effect, where the change was a patch or a replacement."),
        ("previousRevision", Number, "The revision of the job before this one."),
        ("reason", Text, "Why it was done, in the user's words; absent where nothing was said."),
        ("requestId", Text, "The id of the request, as in its Audit-Id header and the server's log."),
        ("restoredFrom", new ObjectShape(
            ("revision", Number, "The revision at which that one stood so."),
            ("uid", Text, "Which job.")), "Of a Restored job: the one it was made after."),
        ("revision", Number, "The number of the change in the order of the whole store: the job's metadata.resourceVersion after it."),
        ("sourceAddress", Text, "The address the request came from."),
        ("time", new TimeShape(), "When it was committed."),
        ("uid", Text, "Which job of that name."),
        ("user", User, "Who did it."),
        ("userAgent", Text, "With which program."),
        ("verb", Text, $"One of {string.Join(", ", RevisionVerbs.All)}."),
        ("version", Number, "The number of the change in the life of this job, from 1."));
}
