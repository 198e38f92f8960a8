using EventStore.Domain.Json;

namespace EventStore.Domain.Manifests;

/// <summary>
/// The rules a job must keep, every violation named at once: metadata first, as upstream has it. They presume that
/// <see cref="ObjectMeta.TypeErrors"/> has nothing to say; metadata of the wrong type are passed over here.
/// </summary>
public static class Validation
{
    /// <summary>
    /// What is wrong with a new job. The caller has already taken namespace from the path and made a name when there was only a
    /// <c>generateName</c>; who wrote neither name nor prefix reads that <c>metadata.name</c> is required.
    /// </summary>
    public static IReadOnlyList<FieldError> OfNewJob(JsonObject manifest, MetadataLimits? limits = null, Profile? profile = null) =>
    [
        .. MetadataValidation.OfNew(Members(manifest, "metadata"), limits ?? MetadataLimits.Default),
        .. JobValidation.OfNew(manifest["spec"], Updatable(profile)),
    ];

    /// <summary>
    /// What is wrong with a job after an update. Only what an update may change is looked at, so a rule made later cannot hold up a job
    /// made before.
    /// </summary>
    public static IReadOnlyList<FieldError> OfUpdate(JsonObject manifest, MetadataLimits? limits = null, Profile? profile = null) =>
    [
        .. MetadataValidation.OfUpdate(Members(manifest, "metadata"), limits ?? MetadataLimits.Default, Updatable(profile)),
        .. JobValidation.OfUpdate(Members(manifest, "spec"), Updatable(profile)),
    ];

    private static FieldTree Updatable(Profile? profile) => (profile ?? Profile.Documented).Updatable.When(deleting: false);

    private static JsonObject Members(JsonObject manifest, string name) => manifest[name] as JsonObject ?? JsonObject.Empty;
}
