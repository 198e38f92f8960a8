using EventStore.Domain.Json;

namespace EventStore.Domain.Apply;

/// <summary>
/// The owners of a job in a form that is small beside the job. An owner of nearly everything, such as the job's creator, is stored as the
/// fields it does not own. The form can be read only with the job it was made of, and by the same typed model.
/// </summary>
/// <remarks>
/// It is made incrementally from the form before: only the changed fields of the job are compared, and unchanged owners are copied. So a
/// patch of one label costs one label.
/// </remarks>
internal sealed class CompactOwners
{
    private const string Less = "-";
    private const string More = "+";

    /// <summary>Sets with at most this many steps are stored whole: the difference would be longer.</summary>
    private const int SmallMax = 8;

    private readonly JsonObject job;
    private readonly JsonObject all;
    private readonly JsonObject state;

    private CompactOwners(JsonObject job, JsonObject all, JsonObject state, JsonObject form) =>
        (this.job, this.all, this.state, Form) = (job, all, state, form);

    /// <summary>The form, by <see cref="FieldOwner.Key"/>.</summary>
    public JsonObject Form { get; }

    /// <summary>Makes one.</summary>
    /// <param name="state">The owners.</param>
    /// <param name="job">Their job.</param>
    /// <param name="before">One made earlier, mostly of the same job before a change; null for none.</param>
    public static CompactOwners Of(JsonObject state, JsonObject job, CompactOwners? before)
    {
        job = job.Without("status");
        JsonObject all = before is null ? AllOf(job) : After(before, job);
        JsonObject form = state;
        foreach (KeyValuePair<string, JsonValue> member in state.Members)
        {
            var entry = (JsonObject)member.Value;
            JsonObject fields = FieldsOf(entry)!;
            bool known = before is not null && ReferenceEquals(all, before.all)
                && before.state[member.Key] is JsonObject earlier && ReferenceEquals(fields, FieldsOf(earlier));
            JsonObject kept = known ? Timed((JsonObject)before!.Form[member.Key]!, entry) : Small(entry, all, member.Key);
            form = form.With(member.Key, kept.KeepText());
        }

        return new CompactOwners(job, all, state, form);
    }

    /// <summary>Reads owners back.</summary>
    /// <param name="form">What <see cref="Form"/> was.</param>
    /// <param name="job">The job it was made of.</param>
    public static (JsonObject State, CompactOwners Made) Read(JsonObject form, JsonObject job)
    {
        job = job.Without("status");
        JsonObject all = AllOf(job);
        JsonObject state = form;
        foreach (KeyValuePair<string, JsonValue> member in form.Members)
        {
            if (member.Value is not JsonObject entry || FieldsOf(entry) is not null)
                continue;
            JsonObject less = entry[Less] as JsonObject ?? FieldSet.Empty;
            JsonObject more = entry[More] as JsonObject ?? FieldSet.Empty;
            JsonObject fields = FieldSet.Union(FieldSet.Difference(Everything(all, member.Key), less), more);
            state = state.With(member.Key, entry.Without(Less).Without(More).With(FieldOwners.Fields, fields));
        }

        return (state, new CompactOwners(job, all, state, form));
    }

    private static JsonObject Small(JsonObject entry, JsonObject all, string key)
    {
        JsonObject fields = FieldsOf(entry)!;
        int count = Count(fields);
        if (count <= SmallMax)
            return entry;
        JsonObject everything = Everything(all, key);
        JsonObject less = FieldSet.Difference(everything, fields);
        JsonObject more = FieldSet.Difference(fields, everything);
        if (Count(less) + Count(more) >= count)
            return entry;
        JsonObject small = entry.Without(FieldOwners.Fields);
        small = less.Count > 0 ? small.With(Less, less) : small;
        return more.Count > 0 ? small.With(More, more) : small;
    }

    // The same entry, whose time may be another.
    private static JsonObject Timed(JsonObject small, JsonObject entry) => small.WithOrWithout(FieldOwners.Time, entry[FieldOwners.Time]);

    private static JsonObject AllOf(JsonObject job) => FieldSet.Difference(
        FieldComparison.Of(JsonObject.Empty, job).Added, FieldOwners.Nobodys);

    private static JsonObject After(CompactOwners before, JsonObject job)
    {
        FieldComparison changed = FieldComparison.Of(before.job, job);
        return FieldSet.Union(FieldSet.Difference(before.all, changed.Removed), FieldSet.Difference(changed.Added, FieldOwners.Nobodys));
    }

    // All that such an owner could have. An apply names no field that only leads to others.
    private static JsonObject Everything(JsonObject all, string key)
    {
        FieldOwner owner = FieldOwner.Of(key);
        return owner.Subresource.Length > 0 ? FieldSet.Empty : owner.Operation == FieldOwner.Apply ? FieldSet.WithoutDeclared(all) : all;
    }

    private static JsonObject? FieldsOf(JsonObject entry) => entry[FieldOwners.Fields] as JsonObject;

    private static int Count(JsonObject tree)
    {
        int count = tree.Count;
        foreach (KeyValuePair<string, JsonValue> step in tree.Members)
            count += Count((JsonObject)step.Value);
        return count;
    }
}
