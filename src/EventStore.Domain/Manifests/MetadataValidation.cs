using System.Text;
using EventStore.Domain.Json;

namespace EventStore.Domain.Manifests;

/// <summary>
/// The rules for metadata, in the order and words of apimachinery's api/validation; the errors of a map come in the order of its
/// keys (Go's order is random). Values of the wrong type are skipped: <see cref="ObjectMeta.TypeErrors"/> reports them.
/// </summary>
internal static class MetadataValidation
{
    private static readonly FieldPath Metadata = FieldPath.Of("metadata");

    /// <summary>What is wrong with the metadata of a new job.</summary>
    public static IEnumerable<FieldError> OfNew(JsonObject metadata, MetadataLimits limits) =>
    [
        .. Spelling(metadata, "generateName", NameRules.OfJobNamePrefix),
        .. Name(metadata),
        .. Spelling(metadata, "namespace", NameRules.OfLabel),
        .. Labels(metadata["labels"], limits.Labels),
        .. Annotations(metadata["annotations"], limits.AnnotationBytes),
        .. OwnerReferences(metadata["ownerReferences"]),
        .. Finalizers(metadata["finalizers"]),
    ];

    /// <summary>What is wrong with the updatable metadata.</summary>
    public static IEnumerable<FieldError> OfUpdate(JsonObject metadata, MetadataLimits limits, FieldTree updatable)
    {
        FieldTree? fields = updatable["metadata"];
        return
        [
            .. fields?["labels"] is null ? [] : Labels(metadata["labels"], limits.Labels),
            .. fields?["annotations"] is null ? [] : Annotations(metadata["annotations"], limits.AnnotationBytes),
            .. fields?["generateName"] is null ? [] : Spelling(metadata, "generateName", NameRules.OfJobNamePrefix),
            .. fields?["ownerReferences"] is null ? [] : OwnerReferences(metadata["ownerReferences"]),
            .. fields?["finalizers"] is null ? [] : Finalizers(metadata["finalizers"]),
        ];
    }

    private static IEnumerable<FieldError> Name(JsonObject metadata) => metadata["name"] is null or JsonNull or JsonText { Value: "" }
        ? [FieldError.Required(Metadata.Member("name"), "name or generateName is required")]
        : Spelling(metadata, "name", NameRules.OfJobName);

    private static IEnumerable<FieldError> Spelling(JsonObject metadata, string field, Func<string, IReadOnlyList<string>> rule) =>
        metadata[field] is JsonText { Value.Length: > 0 } text
            ? Invalid(Metadata.Member(field), text.Value, rule(text.Value))
            : [];

    private static IEnumerable<FieldError> Labels(JsonValue? labels, int most)
    {
        FieldPath at = Metadata.Member("labels");
        KeyValuePair<string, string>[] texts = [.. Texts(labels)];
        return texts.SelectMany(label => Invalid(at, label.Key, LabelRules.OfKey(label.Key))
                .Concat(Invalid(at, label.Value, LabelRules.OfValue(label.Value))))
            .Concat(texts.Length > most ? [FieldError.TooMany(at, texts.Length, most)] : []);
    }

    private static IEnumerable<FieldError> Annotations(JsonValue? annotations, int bytesMax)
    {
        FieldPath at = Metadata.Member("annotations");
        KeyValuePair<string, string>[] texts = [.. Texts(annotations)];

        // Upper case is fine in an annotation's prefix: upstream puts the key in lower case before it looks.
        foreach ((string key, _) in texts)
        {
            foreach (FieldError error in Invalid(at, key, NameRules.OfQualifiedName(key.ToLowerInvariant())))
                yield return error;
        }

        if (texts.Sum(text => (long)Encoding.UTF8.GetByteCount(text.Key) + Encoding.UTF8.GetByteCount(text.Value)) > bytesMax)
            yield return FieldError.TooLong(at, bytesMax);
    }

    private static IEnumerable<FieldError> OwnerReferences(JsonValue? references)
    {
        FieldPath at = Metadata.Member("ownerReferences");
        string? controller = null;
        foreach (JsonObject reference in references is JsonArray list ? list.Items.OfType<JsonObject>() : [])
        {
            foreach (FieldError error in OwnerReference(at, reference))
                yield return error;
            if (!JsonBoolean.True.Equals(reference["controller"]))
                continue;
            string name = $"{Text(reference, "kind")}/{Text(reference, "name")}";
            const string OnlyOne = "Only one reference can have Controller set to true. Found \"true\" in references for";
            if (controller is not null)
                yield return FieldError.Invalid(at, references!, $"{OnlyOne} {controller} and {name}");
            controller ??= name;
        }
    }

    private static IEnumerable<FieldError> OwnerReference(FieldPath at, JsonObject reference)
    {
        // Upstream's paths name the list and the field, not the place in the list.
        string apiVersion = Text(reference, "apiVersion"), kind = Text(reference, "kind");
        if (Version(apiVersion).Length == 0)
            yield return FieldError.Invalid(at.Member("apiVersion"), apiVersion, "version must not be empty");
        foreach (string field in new[] { "kind", "name", "uid" })
        {
            if (Text(reference, field).Length == 0)
                yield return FieldError.Invalid(at.Member(field), string.Empty, $"{field} must not be empty");
        }

        if (apiVersion == "v1" && kind == "Event")
            yield return FieldError.Invalid(at, reference, "/v1, Kind=Event is disallowed from being an owner");
    }

    private static IEnumerable<FieldError> Finalizers(JsonValue? finalizers)
    {
        FieldPath at = Metadata.Member("finalizers");
        string[] names = finalizers is JsonArray list ? [.. list.Items.OfType<JsonText>().Select(item => item.Value)] : [];
        foreach (FieldError error in names.SelectMany(name => Invalid(at, name, NameRules.OfQualifiedName(name))))
            yield return error;
        if (names.Contains("orphan") && names.Contains("foregroundDeletion"))
            yield return FieldError.Invalid(at, finalizers!, "finalizer orphan and foregroundDeletion cannot be both set");
    }

    private static IEnumerable<FieldError> Invalid(FieldPath at, string value, IReadOnlyList<string> details) =>
        details.Select(detail => FieldError.Invalid(at, value, detail));

    private static IEnumerable<KeyValuePair<string, string>> Texts(JsonValue? map) => map is not JsonObject members
        ? []
        : members.Names.Where(name => members[name] is JsonText).Select(name => KeyValuePair.Create(name, Text(members, name)));

    private static string Text(JsonObject members, string name) => members[name] is JsonText text ? text.Value : string.Empty;

    private static string Version(string apiVersion) => apiVersion.Split('/') is { Length: <= 2 } parts ? parts[^1] : string.Empty;
}
