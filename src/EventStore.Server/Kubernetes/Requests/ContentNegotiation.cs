using System.Diagnostics.CodeAnalysis;
using EventStore.Domain.Manifests;
using Microsoft.Extensions.Primitives;

namespace EventStore.Server.Kubernetes.Requests;

/// <summary>What an answer may look like.</summary>
[Flags]
public enum Representations
{
    /// <summary>Nothing.</summary>
    None = 0,

    /// <summary>The object or list itself, as JSON.</summary>
    Plain = 1,

    /// <summary>A <c>Table</c>: what <c>kubectl get</c> prints.</summary>
    Table = 2,

    /// <summary><c>PartialObjectMetadata</c>: the object less everything but its metadata.</summary>
    Metadata = 4,

    /// <summary><c>PartialObjectMetadataList</c></summary>
    MetadataList = 8,

    /// <summary>Each of those also as YAML.</summary>
    Yaml = 16,

    /// <summary>For what has neither columns nor metadata alone: the object, as JSON or as YAML.</summary>
    PlainOrYaml = Plain | Yaml,
}

/// <summary>The representation to answer with.</summary>
/// <param name="Form">One of <see cref="Representations"/>.</param>
/// <param name="Version"><c>v1</c> or <c>v1beta1</c> of <c>meta.k8s.io</c>, for all but the plain one.</param>
public readonly record struct Negotiated(Representations Form, string Version)
{
    public static readonly Negotiated Plain = new(Representations.Plain, "");
}

/// <summary>Which media types are read and written: JSON and YAML, no protobuf.</summary>
public static class ContentNegotiation
{
    /// <summary>The default: for requests that name no media type.</summary>
    public const string JsonType = "application/json";

    /// <summary>The other encoding of objects.</summary>
    public const string YamlType = "application/yaml";

    /// <summary>The one kind of patch.</summary>
    public const string MergePatchType = "application/merge-patch+json";

    /// <summary>Chooses how to answer: the first of the client's wishes, by its own preference, that is offered.</summary>
    /// <param name="accept">The Accept header.</param>
    /// <param name="offered">What this endpoint can do.</param>
    /// <param name="chosen">The choice.</param>
    /// <param name="refusal">406 when nothing fits.</param>
    public static bool TryChoose(
        StringValues accept, Representations offered, out Negotiated chosen, [NotNullWhen(false)] out Status? refusal)
    {
        (chosen, refusal) = (Negotiated.Plain, null);
        if (StringValues.IsNullOrEmpty(accept) || accept is ["*/*"] or [JsonType])
            return true;
        foreach (AcceptClause clause in AcceptClause.Parse(accept))
        {
            bool fits = clause.Covers(JsonType) || (clause.MediaType == YamlType && offered.HasFlag(Representations.Yaml));
            if (fits && FormOf(clause) is var form && (form & offered) != 0)
            {
                chosen = form == Representations.Plain ? Negotiated.Plain : new Negotiated(form, clause.Version!);
                return true;
            }
        }

        refusal = offered.HasFlag(Representations.Yaml) ? Status.NotAcceptable(JsonType, YamlType) : Status.NotAcceptable(JsonType);
        return false;
    }

    /// <summary>Whether an answer that may be YAML is to be: the first wish that is JSON or YAML decides.</summary>
    public static bool WantsYaml(StringValues accept)
    {
        foreach (string? line in accept)
        {
            if (line?.Contains("yaml", StringComparison.OrdinalIgnoreCase) == true)
                return AcceptClause.Parse(accept).FirstOrDefault(
                    clause => clause.Covers(JsonType) || clause.MediaType == YamlType) is { MediaType: YamlType };
        }

        return false;
    }

    /// <summary>Whether a body is said to be YAML. An applied configuration is, and may be JSON, which YAML takes in.</summary>
    public static bool IsYaml(StringValues contentType) =>
        MediaTypeOf(contentType) is var type
        && (type.Equals(YamlType, StringComparison.OrdinalIgnoreCase) || type.Equals(Profile.ApplyPatchType, StringComparison.Ordinal));

    /// <summary>
    /// Null if the body of a PATCH is a merge patch, else 415. As upstream: the media type must be in lower case, with or without
    /// parameters, and must be given. The message names the option that helps, because kubectl sends another type by default.
    /// </summary>
    /// <param name="contentType">The Content-Type header.</param>
    /// <param name="taken">The types of patches that are taken; null for merge patches alone.</param>
    public static Status? RefusePatch(StringValues contentType, IReadOnlyList<string>? taken = null)
    {
        if (PatchType(contentType) is var type && (taken is null ? type == MergePatchType : taken.Contains(type)))
            return null;
        return taken is null or { Count: 1 }
            ? Status.UnsupportedMediaType($"{MergePatchType} (kubectl patch --type=merge)")
            : Status.UnsupportedMediaType(taken.Order(StringComparer.Ordinal));
    }

    /// <summary>The type of a patch without its parameters.</summary>
    public static string PatchType(StringValues contentType)
    {
        string type = contentType.Count == 1 ? contentType[0] ?? string.Empty : string.Empty;
        int parameters = type.IndexOf(';', StringComparison.Ordinal);
        return parameters > 0 ? type[..parameters] : type;
    }

    /// <summary>Null when the body of another request is JSON or YAML, or does not say what it is; else 415.</summary>
    public static Status? RefuseBody(StringValues contentType) =>
        StringValues.IsNullOrEmpty(contentType)
            || MediaTypeOf(contentType).Equals(JsonType, StringComparison.OrdinalIgnoreCase)
            || IsYaml(contentType)
            ? null
            : Status.UnsupportedMediaType(JsonType, YamlType);

    private static ReadOnlySpan<char> MediaTypeOf(StringValues contentType)
    {
        ReadOnlySpan<char> type = contentType.Count == 1 ? contentType[0].AsSpan() : default;
        int parameters = type.IndexOf(';');
        return (parameters >= 0 ? type[..parameters] : type).Trim();
    }

    private static Representations FormOf(AcceptClause clause) => clause switch
    {
        { As: null, Group: null, Version: null } => Representations.Plain,
        not { Group: "meta.k8s.io", Version: "v1" or "v1beta1" } => Representations.None,
        { As: "Table" } => Representations.Table,
        { As: "PartialObjectMetadata" } => Representations.Metadata,
        { As: "PartialObjectMetadataList" } => Representations.MetadataList,
        _ => Representations.None,
    };
}
