using EventStore.Server.Kubernetes;

namespace EventStore.Server.Resources;

/// <summary>The resource <c>pytorchjobs</c>, for whoever serves jobs or speaks of them.</summary>
internal static class JobResource
{
    /// <summary>Its group, version and names.</summary>
    public static readonly ApiResource Names = new("kubeflow.org", "v1", "pytorchjobs", "pytorchjob", "PyTorchJob");

    /// <summary>The resource <c>pytorchjobrevisions</c>: the history of jobs, deleted ones included.</summary>
    public static readonly ApiResource Revisions = Audit("pytorchjobrevisions", "pytorchjobrevision", "PyTorchJobRevision");

    /// <summary>A resource of the group that tells of the history.</summary>
    public static ApiResource Audit(string plural, string singular, string kind) =>
        new("audit.eventstore.io", "v1", plural, singular, kind);
}
