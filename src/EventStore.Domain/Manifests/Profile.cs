using EventStore.Domain.Json;

namespace EventStore.Domain.Manifests;

/// <summary>What one variant of the API allows, as data that the decider, the validation, the schemas and the documents read.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Updatable">What may change after creation, and when.</param>
public sealed record Profile(string Name, UpdatableFields Updatable)
{
    /// <summary>The media type of a merge patch (RFC 7396).</summary>
    public const string MergePatchType = "application/merge-patch+json";

    /// <summary>The media type of a JSON Patch (RFC 6902).</summary>
    public const string JsonPatchType = "application/json-patch+json";

    /// <summary>The media type of an applied configuration (server-side apply).</summary>
    public const string ApplyPatchType = "application/apply-patch+yaml";

    /// <summary>The documented update and replace operations.</summary>
    public static readonly Profile Documented = new("documented", UpdatableFields.Documented);

    /// <summary>
    /// The custom resource as a cluster with the training operator 1.9 serves it: everything below <c>spec</c> may change, and the
    /// definition of the resource and the operator's admission decide what is refused.
    /// </summary>
    public static readonly Profile Kubeflow = new("kubeflow", UpdatableFields.Kubeflow)
    {
        PatchTypes = [MergePatchType, JsonPatchType, ApplyPatchType],
        HasDefinition = true,
        HasScale = true,
        WaitsForDependents = true,
    };

    /// <summary>All profiles.</summary>
    public static readonly IReadOnlyList<Profile> All = [Documented, Kubeflow];

    /// <summary>The media types of the patches that are taken.</summary>
    public IReadOnlyList<string> PatchTypes { get; init; } = [MergePatchType];

    /// <summary>Whether configurations can be applied, and the owners of fields are counted for it.</summary>
    public bool CountsOwners => PatchTypes.Contains(ApplyPatchType);

    /// <summary>Whether jobs are defaulted and checked by the definition of the custom resource and by the operator's admission.</summary>
    public bool HasDefinition { get; init; }

    /// <summary>Whether there is a scale subresource.</summary>
    public bool HasScale { get; init; }

    /// <summary>Whether a deleted job waits by finalizers for what becomes of its dependents.</summary>
    public bool WaitsForDependents { get; init; }

    /// <summary>The whole job as this profile describes it.</summary>
    public ObjectShape Job { get; } = Schema.Job(Updatable);

    /// <summary>The job in the form it is stored in.</summary>
    /// <param name="before">The job before a change; what is the same object in both is passed over.</param>
    /// <param name="job">The job as sent, or after a patch.</param>
    internal JsonObject Normal(JsonObject? before, JsonObject job) => StoredForm.Of(before, job, HasDefinition);

    /// <summary>
    /// The unknown members of an object: <c>fieldValidation=Warn</c> warns of them and <c>Strict</c> refuses them.
    /// Without a definition what stands below <c>template</c> is all known.
    /// </summary>
    public IReadOnlyList<FieldPath> UnknownFields(JsonObject manifest) => HasDefinition
        ? [.. Schema.UnknownFields(JsonObject.Empty.WithOrWithout("metadata", manifest["metadata"])), .. CustomResource.Unknown(manifest)]
        : Schema.UnknownFields(manifest);

    /// <summary>The same of a merge patch. Without a definition there are none: the table of updatable fields refuses them.</summary>
    public IReadOnlyList<FieldPath> UnknownInPatch(JsonObject patch) => HasDefinition ? UnknownFields(patch) : [];

    /// <summary>What is wrong with a job as sent that its stored form does not show any more.</summary>
    internal IEnumerable<FieldError> Unreadable(JsonObject sent) => HasScale ? ScaleField.Errors(sent) : [];
}
