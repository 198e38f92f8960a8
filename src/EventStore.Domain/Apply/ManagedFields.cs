using System.Globalization;
using EventStore.Domain.Json;
using EventStore.Domain.Manifests;

namespace EventStore.Domain.Apply;

/// <summary>The owners of fields as an object shows them: <c>metadata.managedFields</c>.</summary>
public static class ManagedFields
{
    private const string FieldsType = "FieldsV1";

    /// <summary>The entries in upstream's order: by operation, time and name.</summary>
    public static JsonArray Of(FieldOwners owners)
    {
        (FieldOwner Owner, JsonObject Fields, long? Time)[] entries = Array.ConvertAll(owners.State.Members.ToArray(), entry =>
            (FieldOwner.Of(entry.Key), (JsonObject)entry.Value.Member(FieldOwners.Fields)!, Seconds(entry.Value)));
        Array.Sort(entries, static (one, other) =>
            string.CompareOrdinal(one.Owner.Operation, other.Owner.Operation) is not 0 and var byOperation ? byOperation
            : (one.Time ?? 0).CompareTo(other.Time ?? 0) is not 0 and var byTime ? byTime
            : string.CompareOrdinal(one.Owner.Name, other.Owner.Name) is not 0 and var byName ? byName
            : string.CompareOrdinal(one.Owner.Subresource, other.Owner.Subresource));
        return new JsonArray(Array.ConvertAll(entries, entry => Entry(entry.Owner, entry.Fields, entry.Time)));
    }

    /// <summary>Reads the owners back; null when it is no list of entries.</summary>
    public static FieldOwners? Read(JsonValue? list)
    {
        if (list is not JsonArray { Items: var items })
            return null;
        var state = new List<KeyValuePair<string, JsonValue>>(items.Count);
        foreach (JsonValue item in items)
        {
            if (Text(item, "apiVersion") != Schema.ApiVersion
                || Text(item, "fieldsType") != FieldsType
                || Text(item, "operation") is not (FieldOwner.Apply or FieldOwner.Update)
                || item.Member("fieldsV1") is not JsonObject fields
                || !IsFields(fields))
                return null;
            var owner = new FieldOwner(Text(item, "operation"), Text(item, "subresource"), Text(item, "manager"));
            JsonObject entry = JsonObject.Of((FieldOwners.Fields, fields));
            if (DateTimeOffset.TryParse(
                Text(item, "time"), CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out DateTimeOffset time))
                entry = entry.With(FieldOwners.Time, time.ToUnixTimeSeconds());
            if (fields.Count > 0)
                state.Add(new(owner.Key, entry));
        }

        return new FieldOwners(JsonObject.Of(state));
    }

    /// <summary>
    /// The owners a write names in its metadata. As upstream: an empty list, or a list of one empty entry, says that nobody owns anything;
    /// no list, or one that cannot be read, says nothing.
    /// </summary>
    /// <param name="present">The owners now.</param>
    /// <param name="metadata">The metadata as sent, or after a patch.</param>
    internal static FieldOwners Sent(FieldOwners present, JsonValue? metadata) => metadata?.Member("managedFields") switch
    {
        JsonArray { Items: [] or [JsonObject { Count: 0 }] } => FieldOwners.None,
        JsonArray list when Read(list) is { IsNone: false } named => named.State.Equals(present.State) ? present : named,
        _ => present,
    };

    private static JsonObject Entry(FieldOwner owner, JsonObject fields, long? time)
    {
        var members = new List<KeyValuePair<string, JsonValue>>
        {
            new("apiVersion", Schema.ApiVersion),
            new("fieldsType", FieldsType),
            new("fieldsV1", fields.KeepText()),
            new("manager", owner.Name),
            new("operation", owner.Operation),
        };
        if (owner.Subresource.Length > 0)
            members.Add(new("subresource", owner.Subresource));
        if (time is { } seconds)
            members.Add(new("time", Rfc3339.Of(DateTimeOffset.FromUnixTimeSeconds(seconds))));
        return JsonObject.Of(members);
    }

    // A set as it can be stored: steps of the kinds there are, each with the steps below it.
    internal static bool IsFields(JsonObject tree) => tree.Members.ToArray().All(member => member.Value is JsonObject below
        && (member.Key == "." ? below.Count == 0 : member.Key.Length > 1 && "fkvi".Contains(member.Key[0]) && member.Key[1] == ':')
        && IsFields(below));

    private static long? Seconds(JsonValue entry) =>
        entry.Member(FieldOwners.Time) is JsonNumber time && time.TryGetInt64(out long seconds) ? seconds : null;

    private static string Text(JsonValue of, string name) => (of.Member(name) as JsonText)?.Value ?? string.Empty;
}
