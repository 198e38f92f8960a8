using System.Globalization;
using EventStore.Domain.Json;

namespace EventStore.Domain.Apply;

/// <summary>The owners of fields as an object shows them: <c>metadata.managedFields</c>.</summary>
public static class ManagedFields
{
    internal const string ApiVersion = "kubeflow.org/v1";

    private const string FieldsType = "FieldsV1";

    /// <summary>The entries in upstream's order: by operation, time and name.</summary>
    public static JsonArray Of(FieldOwners owners) => new(
    [
        .. owners.State.Members.ToArray()
            .Select(entry => (Owner: FieldOwner.Of(entry.Key), Fields: entry.Value.Member(FieldOwners.Fields)!, Time: Seconds(entry.Value)))
            .OrderBy(entry => entry.Owner.Operation, StringComparer.Ordinal)
            .ThenBy(entry => entry.Time ?? 0)
            .ThenBy(entry => entry.Owner.Name, StringComparer.Ordinal)
            .ThenBy(entry => entry.Owner.Subresource, StringComparer.Ordinal)
            .Select(entry => Entry(entry.Owner, entry.Fields, entry.Time)),
    ]);

    /// <summary>Reads the owners back; null when it is no list of entries.</summary>
    public static FieldOwners? Read(JsonValue? list)
    {
        if (list is not JsonArray { Items: var items })
            return null;
        var state = new List<KeyValuePair<string, JsonValue>>(items.Count);
        foreach (JsonValue item in items)
        {
            if (Text(item, "apiVersion") != ApiVersion
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

    private static JsonObject Entry(FieldOwner owner, JsonValue fields, long? time)
    {
        var members = new List<KeyValuePair<string, JsonValue>>
        {
            new("apiVersion", ApiVersion),
            new("fieldsType", FieldsType),
            new("fieldsV1", fields),
            new("manager", owner.Name),
            new("operation", owner.Operation),
        };
        if (owner.Subresource.Length > 0)
            members.Add(new("subresource", owner.Subresource));
        if (time is { } seconds)
            members.Add(new("time", Shown(DateTimeOffset.FromUnixTimeSeconds(seconds))));
        return JsonObject.Of(members);
    }

    private static string Shown(DateTimeOffset time) => time.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture);

    // A set as it can be stored: steps of the kinds there are, each with the steps below it.
    private static bool IsFields(JsonObject tree) => tree.Members.ToArray().All(member => member.Value is JsonObject below
        && (member.Key == "." ? below.Count == 0 : member.Key.Length > 1 && "fkvi".Contains(member.Key[0]) && member.Key[1] == ':')
        && IsFields(below));

    private static long? Seconds(JsonValue entry) =>
        entry.Member(FieldOwners.Time) is JsonNumber time && time.TryGetInt64(out long seconds) ? seconds : null;

    private static string Text(JsonValue of, string name) => (of.Member(name) as JsonText)?.Value ?? string.Empty;
}
