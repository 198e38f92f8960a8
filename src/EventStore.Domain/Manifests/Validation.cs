using EventStore.Domain.Json;

namespace EventStore.Domain.Manifests;

/// <summary>
/// Validates a job and reports all violations at once, metadata first as upstream does. <see cref="ObjectMeta.TypeErrors"/> must
/// have found nothing; metadata of the wrong type are skipped here.
/// </summary>
public static class Validation
{
    /// <summary>
    /// What is wrong with a new job. The caller has already taken namespace from the path and made a name when there was only a
    /// <c>generateName</c>; with neither name nor prefix the error is that <c>metadata.name</c> is required.
    /// </summary>
    public static IReadOnlyList<FieldError> OfNewJob(JsonObject manifest, MetadataLimits? limits = null, Profile? profile = null) =>
    [
        .. MetadataValidation.OfNew(Members(manifest, "metadata"), limits ?? MetadataLimits.Default),
        .. profile is { HasDefinition: true } ? OfDefinition(null, manifest) : JobValidation.OfNew(manifest["spec"], Updatable(profile)),
    ];

    /// <summary>
    /// Validates a job after an update. Only updatable fields are checked, so a stricter rule of a later release cannot block an older job.
    /// </summary>
    public static IReadOnlyList<FieldError> OfUpdate(
        JsonObject manifest, MetadataLimits? limits = null, Profile? profile = null, JsonObject? before = null) =>
    [
        .. MetadataValidation.OfUpdate(Members(manifest, "metadata"), limits ?? MetadataLimits.Default, Updatable(profile)),
        .. profile is { HasDefinition: true }
            ? OfDefinition(before, manifest)
            : JobValidation.OfUpdate(Members(manifest, "spec"), Updatable(profile)),
    ];

    // As in a cluster the schema comes first, and only what it accepts comes before the operator's admission. The documented policy fields
    // stand beside the definition's, with the same rules as ever.
    private static IEnumerable<FieldError> OfDefinition(JsonObject? before, JsonObject manifest)
    {
        IReadOnlyList<FieldError> errors =
        [
            .. manifest["spec"] is null
                ? [FieldError.Required(FieldPath.Of("spec"))]
                : CustomResource.Errors(before, manifest.Without("status")),
            .. JobValidation.OfUpdate(Members(manifest, "spec"), Updatable(Profile.Documented)),
        ];
        return errors.Count > 0 ? errors : OperatorRules.Admit(before?["spec"] as JsonObject, Members(manifest, "spec"));
    }

    private static FieldTree Updatable(Profile? profile) => (profile ?? Profile.Documented).Updatable.When(deleting: false);

    private static JsonObject Members(JsonObject manifest, string name) => manifest[name] as JsonObject ?? JsonObject.Empty;
}
