namespace EventStore.Domain.Manifests;

/// <summary>One field that may change after a job was created, with everything below it.</summary>
/// <param name="Path">The names of the members joined by dots: <c>spec.runPolicy.suspend</c>.</param>
public sealed record UpdatableField(string Path)
{
    /// <summary>Whether it may change only while finalizers hold a job whose deletion was requested.</summary>
    public bool OnlyWhileDeleting { get; init; }

    /// <summary>Whether a rollback restores it. What controllers write for one another is theirs to restore.</summary>
    public bool RolledBack { get; init; } = true;
}

/// <summary>
/// The tables of updatable fields, one for each profile. Everybody who needs to know reads them: the decider, the validation, the published
/// schemas, the texts of refusals and the documents. A new field is one line in one of them.
/// </summary>
public sealed class UpdatableFields
{
    /// <summary>
    /// The documented update and replace operations: five fields. Finalizers may be taken off once a deletion was requested, for no job
    /// could ever go otherwise.
    /// </summary>
    public static readonly UpdatableFields Documented = new(
        new("metadata.labels"),
        new("metadata.annotations"),
        new("spec.activeDeadlineSeconds"),
        new("spec.ttlSecondsAfterFinished"),
        new("spec.cleanPodPolicy"),
        new("metadata.finalizers") { OnlyWhileDeleting = true });

    /// <summary>Everything below <c>spec</c>; the definition of the resource and the operator's admission refuse the rest.</summary>
    public static readonly UpdatableFields Kubeflow = new(
        new("metadata.labels"),
        new("metadata.annotations"),
        new("metadata.finalizers") { RolledBack = false },
        new("metadata.ownerReferences") { RolledBack = false },
        new("metadata.generateName") { RolledBack = false },
        new("spec"));

    private readonly FieldTree usual;
    private readonly FieldTree whileDeleting;

    /// <summary>A table of these fields, in the order they are shown in.</summary>
    public UpdatableFields(params IReadOnlyList<UpdatableField> fields)
    {
        Paths = [.. fields.Where(field => !field.OnlyWhileDeleting).Select(field => field.Path)];
        RolledBackPaths = [.. fields.Where(field => field is { RolledBack: true, OnlyWhileDeleting: false }).Select(field => field.Path)];
        usual = FieldTree.Of(Paths);
        whileDeleting = FieldTree.Of(fields.Select(field => field.Path));
        RolledBack = FieldTree.Of(RolledBackPaths);
    }

    /// <summary>The fields that may change at any time, as a person names them.</summary>
    public IReadOnlyList<string> Paths { get; }

    /// <summary>The fields a rollback restores, as a person names them.</summary>
    public IReadOnlyList<string> RolledBackPaths { get; }

    /// <summary>What a rollback restores.</summary>
    internal FieldTree RolledBack { get; }

    /// <summary>What may change now.</summary>
    internal FieldTree When(bool deleting) => deleting ? whileDeleting : usual;

    /// <summary>The schema of a merge patch: of the whole object's schema what may change, and nothing else.</summary>
    public ObjectShape Patch(ObjectShape whole) => (ObjectShape)usual.Cut(whole);
}
