using EventStore.Domain.Json;

namespace EventStore.Domain.Apply;

/// <summary>
/// The shorter form in which rows of current jobs and snapshots once had the owners of fields, by <see cref="FieldOwner.Key"/>: an owner of
/// nearly everything, such as the job's creator, as the fields it does not own. Nothing writes it any more; rows that have it are read.
/// </summary>
public static class ShortOwners
{
    private const string Less = "-";
    private const string More = "+";

    /// <summary>Reads owners back; null when it is not that form.</summary>
    /// <param name="form">The owners in that form.</param>
    /// <param name="job">The job they belong to, as it was then.</param>
    public static FieldOwners? Read(JsonObject form, JsonObject job)
    {
        JsonObject all = FieldSet.Difference(FieldComparison.Of(JsonObject.Empty, job.Without("status")).Added, FieldOwners.Nobodys);
        JsonObject state = form;
        foreach (KeyValuePair<string, JsonValue> member in form.Members)
        {
            if (member.Value is not JsonObject entry || !IsKey(member.Key)
                || Set(entry, Less) is not { } less || Set(entry, More) is not { } more || Set(entry, FieldOwners.Fields) is null)
                return null;
            if (entry[FieldOwners.Fields] is not null)
                continue;
            JsonObject fields = FieldSet.Union(FieldSet.Difference(Everything(all, member.Key), less), more);
            state = state.With(member.Key, entry.Without(Less).Without(More).With(FieldOwners.Fields, fields));
        }

        return new FieldOwners(state);
    }

    private static bool IsKey(string key) => key.Split('/', 3).Length == 3;

    private static JsonObject? Set(JsonObject entry, string name) => entry[name] switch
    {
        null => FieldSet.Empty,
        JsonObject tree when ManagedFields.IsFields(tree) => tree,
        _ => null,
    };

    // All that such an owner could have. An apply names no field that only leads to others.
    private static JsonObject Everything(JsonObject all, string key)
    {
        FieldOwner owner = FieldOwner.Of(key);
        return owner.Subresource.Length > 0 ? FieldSet.Empty : owner.Operation == FieldOwner.Apply ? FieldSet.WithoutDeclared(all) : all;
    }
}
