using EventStore.Domain.Json;
using EventStore.Domain.Manifests;

namespace EventStore.Domain.Jobs;

/// <summary>A patch as a client sent it, of one of the types a profile takes.</summary>
public abstract record SentPatch
{
    private protected SentPatch()
    {
    }

    /// <summary>The media type that is stored with the event; null for a merge patch, which most are.</summary>
    internal virtual string? StoredType => null;

    /// <summary>Whether what the patch makes of a job may depend on the job's resourceVersion.</summary>
    public abstract bool MayNameRevision { get; }

    /// <summary>Whether what it makes of a job may depend on the owners of fields.</summary>
    internal virtual bool SeesOwners => false;

    /// <summary>A merge patch.</summary>
    public static implicit operator SentPatch(JsonObject patch) => new Merge(patch);

    /// <summary>What the patch makes of a document; null when it does not apply.</summary>
    /// <param name="document">The document without its resourceVersion.</param>
    /// <param name="resourceVersion">The resourceVersion.</param>
    internal abstract Applied? ApplyTo(JsonObject document, string resourceVersion);

    /// <summary>A document after a patch.</summary>
    /// <param name="Candidate">The document.</param>
    /// <param name="Lock">The resourceVersion the patch names as an optimistic lock; null when it names none.</param>
    internal sealed record Applied(JsonObject Candidate, JsonValue? Lock);

    /// <summary>A merge patch (RFC 7396).</summary>
    public sealed record Merge(JsonObject Patch) : SentPatch
    {
        /// <inheritdoc/>
        public override bool MayNameRevision => Patch["metadata"]?.Member("resourceVersion") is not null;

        internal override Applied ApplyTo(JsonObject document, string resourceVersion) =>
            new((JsonObject)MergePatch.Apply(document, Patch), Patch["metadata"]?.Member("resourceVersion"));
    }

    /// <summary>A JSON Patch (RFC 6902). It may test and change the resourceVersion, which is the optimistic lock.</summary>
    public sealed record Operations(JsonPatch Patch) : SentPatch
    {
        /// <inheritdoc/>
        public override bool MayNameRevision => true;

        internal override string StoredType => "application/json-patch+json";

        internal override bool SeesOwners => true;

        internal override Applied? ApplyTo(JsonObject document, string resourceVersion)
        {
            JsonObject metadata = document["metadata"] as JsonObject ?? JsonObject.Empty;
            if (Patch.Apply(document.With("metadata", metadata.With("resourceVersion", resourceVersion))) is not JsonObject candidate)
                return null;
            if (candidate["metadata"] is not JsonObject changed)
                return new Applied(candidate, null);
            JsonValue named = changed["resourceVersion"] ?? JsonNull.Value;
            changed = ObjectMeta.WithTexts(changed.Without("resourceVersion"));
            return new Applied(candidate.With("metadata", changed), named.Equals(new JsonText(resourceVersion)) ? null : named);
        }
    }
}
