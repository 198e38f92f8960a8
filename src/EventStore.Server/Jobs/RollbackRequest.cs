using EventStore.Domain.Json;
using EventStore.Domain.Manifests;
using EventStore.Server.Kubernetes;
using EventStore.Server.Resources;
using Status = EventStore.Server.Kubernetes.Status;

namespace EventStore.Server.Jobs;

/// <summary>A rollback as it was sent: <c>{"revision": N}</c>, and a <c>resourceVersion</c> where it is to be locked.</summary>
/// <param name="Revision">Where to go back to.</param>
/// <param name="ResourceVersion">The lock; null for none.</param>
/// <param name="BodyBytes">The size of the body.</param>
/// <param name="DryRun">Only answer; store nothing.</param>
/// <param name="Refusal">Why it is refused, or null.</param>
internal sealed record RollbackRequest(long Revision, string? ResourceVersion, int BodyBytes, bool DryRun, Status? Refusal)
{
    /// <summary>The kind of the body. It may say its kind and apiVersion, and need not.</summary>
    public static readonly ApiResource Resource = new("audit.eventstore.io", "v1", "pytorchjobs", "pytorchjob", "PyTorchJobRollback");

    /// <summary>What a body looks like.</summary>
    public static readonly ObjectShape Shape = new(
        ("apiVersion", new TextShape(), Resource.GroupVersion),
        ("kind", new TextShape(), Resource.Kind),
        ("reason", new TextShape(), "Why, in the user's words; kept with the event. 1,024 bytes at most."),
        ("resourceVersion", new TextShape(), "An optimistic lock: the revision the job must have now."),
        ("revision", new IntegerShape(1),
            "The revision to go back to, a number or its text; one no event of the job has means the last one before it."));

    /// <summary>In which form the job is to be answered; null when the request is refused.</summary>
    public JobView? View { get; init; }

    /// <summary>Reads a rollback.</summary>
    /// <param name="http">The request.</param>
    /// <param name="name">The job's name.</param>
    /// <param name="clock">The clock, for ages in a table.</param>
    public static async Task<RollbackRequest> Read(HttpContext http, string name, TimeProvider clock)
    {
        (ActionBody? body, Status? refusal) = await ActionBody.Read(http, Resource, Shape, clock);
        if (body is null)
            return Refused(refusal!);
        (long? revision, refusal) = body.Revision(name);
        (string? resourceVersion, Status? mismatch) = body.Text("resourceVersion");
        if ((refusal ?? mismatch ?? AuditReason.Missing(http, "rollback")) is { } refused)
            return Refused(refused);
        if (revision is null)
            return Refused(Status.Invalid(JobResource.Names, name, [FieldError.Required(FieldPath.Of("revision"))]));
        if (body.Json["resourceVersion"] is JsonNull)
            resourceVersion = string.Empty; // which is no revision here as little as in a patch
        return new RollbackRequest(revision.Value, resourceVersion, body.Bytes, body.DryRun, null) { View = body.View };
    }

    private static RollbackRequest Refused(Status refusal) => new(0, null, 0, false, refusal);
}
