using EventStore.Domain.Json;
using EventStore.Domain.Manifests;

namespace EventStore.Domain.Apply;

/// <summary>Who owns fields: one entry of <c>metadata.managedFields</c>.</summary>
/// <param name="Operation"><see cref="Apply"/> or <see cref="Update"/>.</param>
/// <param name="Subresource">The subresource it writes through; empty for the object itself.</param>
/// <param name="Name">The field manager.</param>
public sealed record FieldOwner(string Operation, string Subresource, string Name)
{
    /// <summary>The operation of server-side apply.</summary>
    public const string Apply = "Apply";

    /// <summary>The operation of every other write.</summary>
    public const string Update = "Update";

    /// <summary>
    /// The key of the entry in what is stored: <c>Update/status/operator</c>. The name stands last because anything may be in it.
    /// </summary>
    internal string Key => $"{Operation}/{Subresource}/{Name}";

    internal static FieldOwner Of(string key)
    {
        string[] parts = key.Split('/', 3);
        return new(parts[0], parts[1], parts[2]);
    }

    /// <summary>How upstream speaks of the owner: <c>"kubectl" using kubeflow.org/v1</c>.</summary>
    internal string Shown
    {
        get
        {
            string who = Manifests.FieldError.Quote(Name);
            if (Subresource.Length > 0)
                who += $" with subresource {Manifests.FieldError.Quote(Subresource)}";
            return Operation == Update ? $"{who} using {Schema.ApiVersion}" : who;
        }
    }
}

/// <summary>A field that an apply would change and somebody else owns.</summary>
/// <param name="Owner">Who owns it.</param>
/// <param name="Path">The field, as upstream shows it.</param>
public sealed record FieldConflict(FieldOwner Owner, string Path)
{
    /// <summary>What the cause of the refusal says.</summary>
    public string Cause => $"conflict with {Owner.Shown}";

    /// <summary>What a refusal for these conflicts says.</summary>
    public static string Message(IReadOnlyList<FieldConflict> conflicts)
    {
        if (conflicts.Count == 1)
            return $"Apply failed with 1 conflict: {conflicts[0].Cause}: {conflicts[0].Path}";
        IEnumerable<string> lines = conflicts.GroupBy(conflict => conflict.Owner)
            .OrderBy(group => group.Key.Name, StringComparer.Ordinal).ThenBy(group => group.Key.Key, StringComparer.Ordinal)
            .SelectMany(group => group.Select(conflict => $"- {conflict.Path}").Prepend($"conflicts with {group.Key.Shown}:"));
        return $"Apply failed with {conflicts.Count} conflicts: {string.Join('\n', lines)}";
    }
}

/// <summary>
/// What a write did to the owners of fields, stored with its event: a merge patch of <see cref="FieldOwners.State"/> each way.
/// </summary>
/// <param name="Patch">From before to after.</param>
/// <param name="Replaced">Back again.</param>
public sealed record OwnersChange(JsonObject Patch, JsonObject Replaced)
{
    /// <summary>The change from one state to another; null when they are the same.</summary>
    public static OwnersChange? Between(FieldOwners before, FieldOwners after)
    {
        if (ReferenceEquals(before, after))
            return null;
        JsonObject patch = MergePatch.Between(before.State, after.State);
        return patch.Count == 0 ? null : new(patch, MergePatch.Between(after.State, before.State));
    }
}
