using EventStore.Domain.Jobs;
using EventStore.Domain.Json;
using EventStore.Domain.Manifests;

namespace EventStore.Domain.History;

/// <summary>Two states of a job side by side: what changed value by value, and the merge patch that turns the one into the other.</summary>
/// <param name="Changes">The leaves that differ, in order.</param>
/// <param name="Patch">The smallest merge patch (RFC 7396) from the first to the second.</param>
/// <param name="BeyondPatch">
/// Members that the patch cannot set: null removes a member in a merge patch, so a member that <em>is</em> null cannot be set by
/// one. Empty if the patch gives the second state exactly.
/// </param>
public sealed record Comparison(IReadOnlyList<Change> Changes, JsonObject Patch, IReadOnlyList<FieldPath> BeyondPatch)
{
    /// <summary>Compares; where there was no job, the object is empty. What resourceVersion and selfLink show is no part of it.</summary>
    public static Comparison Of(Job? from, Job? to) => Of(from?.Manifest ?? JsonObject.Empty, to?.Manifest ?? JsonObject.Empty);

    /// <summary>Compares two objects.</summary>
    public static Comparison Of(JsonObject from, JsonObject to)
    {
        JsonObject patch = MergePatch.Between(from, to);
        var reached = (JsonObject)MergePatch.Apply(from, patch);
        return new Comparison(Diff.ByForm(from, to), patch, [.. Diff.ByForm(reached, to).Select(change => change.Path)]);
    }
}
