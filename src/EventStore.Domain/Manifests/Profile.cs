namespace EventStore.Domain.Manifests;

/// <summary>What one flavour of the API allows. It is data: the decider, the validation, the schemas and the documents read it.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Updatable">What may change after creation, and when.</param>
public sealed record Profile(string Name, UpdatableFields Updatable)
{
    /// <summary>
    /// The documented update and replace operations: five fields. Finalizers may be taken off once a deletion was requested, for no job
    /// could ever go otherwise.
    /// </summary>
    public static readonly Profile Documented = new("documented", new(
        new("metadata.labels"),
        new("metadata.annotations"),
        new("spec.activeDeadlineSeconds"),
        new("spec.ttlSecondsAfterFinished"),
        new("spec.cleanPodPolicy"),
        new("metadata.finalizers") { OnlyWhileDeleting = true }));

    /// <summary>The whole job as this profile describes it.</summary>
    public ObjectShape Job { get; } = Schema.Job(Updatable);
}
