using EventStore.Domain.Json;

namespace EventStore.Domain.Jobs;

/// <summary>
/// <c>metadata.generation</c>: it is 1 at first, and rises with changes an operator must act on: anything outside metadata and status,
/// and a request for deletion.
/// </summary>
internal static class Generation
{
    /// <summary>Where it stands.</summary>
    public const string Path = "metadata.generation";

    /// <summary>Whether it rises with a patch. Not for status patches.</summary>
    /// <param name="patched">The members of the object that the patch names.</param>
    public static bool RisesWith(IEnumerable<string> patched) => patched.Any(name => name != "metadata");

    /// <summary>The object with a generation that is higher by so many, or lower.</summary>
    public static JsonObject Add(JsonObject manifest, int generations)
    {
        var metadata = (JsonObject)manifest["metadata"]!;
        long generation = metadata["generation"] is JsonNumber number && number.TryGetInt64(out long value) ? value : 0;
        return manifest.With("metadata", metadata.With("generation", generation + generations));
    }
}
