using EventStore.Domain.Json;

namespace EventStore.Domain.Apply;

/// <summary>
/// Who owns which fields of a job. The rules are those of upstream's field managers (apimachinery <c>managedfields</c>) and of
/// structured-merge-diff: a write owns what it changes, everybody else loses it; an apply owns what it names.
/// </summary>
/// <param name="State">
/// The entries by <see cref="FieldOwner.Key"/>: of each the fields <c>f</c> (FieldsV1), and the time <c>t</c> in seconds since 1970 unless
/// nothing has changed by it yet. It is stored in events as merge patches of it: their form must stay.
/// </param>
public sealed record FieldOwners(JsonObject State)
{
    /// <summary>Nobody owns anything, because nobody has counted.</summary>
    public static readonly FieldOwners None = new(JsonObject.Empty);

    internal const string Fields = "f";
    internal const string Time = "t";

    /// <summary>The most entries of updates; beyond them the oldest become one of <see cref="AncientChanges"/>.</summary>
    private const int UpdatersMax = 10;

    private const string AncientChanges = "ancient-changes";
    private const string BeforeFirstApply = "before-first-apply";

    // What identifies an object, or is the server's, belongs to nobody.
    internal static readonly JsonObject Nobodys = new[]
    {
        "name", "namespace", "creationTimestamp", "selfLink", "uid", "clusterName", "generation", "managedFields", "resourceVersion",
    }.Aggregate(
        FieldSet.Union(FieldSet.Of("apiVersion"), FieldSet.Union(FieldSet.Of("kind"), FieldSet.Of("metadata"))),
        (set, name) => FieldSet.Union(set, FieldSet.Of("metadata", name)));

    /// <summary>Whether nobody has counted yet.</summary>
    public bool IsNone => State.Count == 0;

    /// <summary>The owners of a new job, all of which one writer made.</summary>
    public static FieldOwners OfCreated(JsonObject job, string manager, long time) =>
        None.Took(new FieldOwner(FieldOwner.Update, string.Empty, manager), FieldComparison.Of(JsonObject.Empty, job), time);

    /// <summary>The owners after a write that is no apply. Where nobody has counted, nobody begins to.</summary>
    public FieldOwners AfterUpdate(FieldOwner by, JsonObject before, JsonObject after, long time) =>
        IsNone || ReferenceEquals(before, after) ? this : Took(by, FieldComparison.Of(before, after), time).Capped();

    /// <summary>Whether the same owners have the same fields, whenever they took them.</summary>
    public bool HaveTheSame(FieldOwners other) =>
        ReferenceEquals(State, other.State)
        || (State.Count == other.State.Count
            && State.Names.All(key => Equals(State[key]!.Member(Fields), other.State[key]?.Member(Fields))));

    /// <summary>The owners with a change of theirs made.</summary>
    public FieldOwners With(JsonObject patch) => new((JsonObject)MergePatch.Apply(State, patch));

    /// <summary>The result of an apply: the merged job with its new owners, or the conflicts with other managers.</summary>
    /// <param name="by">Who applies.</param>
    /// <param name="job">The job; the empty object for one that is to be created.</param>
    /// <param name="configuration">What is applied.</param>
    /// <param name="force">Whether to take over what others own.</param>
    /// <param name="time">When, in seconds since 1970.</param>
    internal Applied Apply(FieldOwner by, JsonObject job, JsonObject configuration, bool force, long time)
    {
        FieldOwners owners = IsNone && job.Count > 0 ? OfCreated(job, BeforeFirstApply, time) : this;
        JsonObject last = owners.Of(by);
        JsonObject named = TypedFields.Of(configuration);
        JsonObject merged = TypedFields.Merge(job, configuration);
        JsonObject after = FieldSet.Difference(last, named).Count == 0 ? merged : owners.Pruned(merged, by, named);
        FieldComparison changed = FieldComparison.Of(job, after);
        FieldConflict[] conflicts = [.. owners.Conflicts(by, changed)];
        if (conflicts.Length > 0 && !force)
            return new Applied(after, this, conflicts);

        JsonObject entry = (owners.State[by.Key] as JsonObject ?? JsonObject.Empty).With(Fields, FieldSet.Difference(named, Nobodys));
        if (!job.Equals(after))
            entry = entry.With(Time, time);
        var rest = new FieldOwners(owners.State.Without(by.Key));
        return new Applied(after, rest.Lost(changed).Put(by.Key, entry), []);
    }

    /// <summary>The fields an owner has.</summary>
    internal JsonObject Of(FieldOwner owner) => State[owner.Key]?.Member(Fields) as JsonObject ?? FieldSet.Empty;

    // What was applied last and is not named any more goes, unless somebody else owns it; and with it nothing that nobody applied.
    // Where all of it is named again, nothing does.
    internal JsonObject Pruned(JsonObject merged, FieldOwner by, JsonObject named)
    {
        JsonObject owned = State.Names.Where(key => key != by.Key).Aggregate(
            named, (set, key) => FieldSet.Union(set, Of(FieldOwner.Of(key))));
        JsonObject declared = FieldSet.WithDeclared(Of(by));
        JsonObject there = FieldSet.WithDeclared(TypedFields.Of(merged));
        JsonValue bare = TypedFields.Without(merged, declared);
        JsonObject stays = FieldSet.Union(Present(bare), FieldSet.WithDeclared(owned));
        JsonValue kept = TypedFields.Without(merged, FieldSet.Difference(there, stays));
        JsonObject goes = FieldSet.Intersection(FieldSet.Difference(there, Present(kept)), declared);
        return TypedFields.Without(merged, goes) as JsonObject ?? JsonObject.Empty;
    }

    private static JsonObject Present(JsonValue value) =>
        value is JsonObject members ? FieldSet.WithDeclared(TypedFields.Of(members)) : FieldSet.Empty;

    private IEnumerable<FieldConflict> Conflicts(FieldOwner by, FieldComparison changed) => State.Names
        .Where(key => key != by.Key)
        .Select(FieldOwner.Of)
        .SelectMany(owner => FieldSet.Paths(FieldSet.Intersection(Of(owner), changed.Set))
            .Select(path => new FieldConflict(owner, TypedPlace.Show(path))));

    private FieldOwners Took(FieldOwner by, FieldComparison changed, long time)
    {
        FieldOwners rest = Lost(changed);
        JsonObject taken = FieldSet.Difference(changed.Set, Nobodys);
        return taken.Count == 0
            ? rest
            : rest.Put(by.Key, JsonObject.Of((Fields, FieldSet.Union(rest.Of(by), taken)), (Time, time)));
    }

    private FieldOwners Lost(FieldComparison changed)
    {
        JsonObject lost = FieldSet.Union(changed.Set, changed.Removed);
        FieldOwners left = this;
        foreach (KeyValuePair<string, JsonValue> entry in State.Members)
        {
            JsonObject fields = FieldSet.Difference((JsonObject)entry.Value.Member(Fields)!, lost);
            left = left.Put(entry.Key, ((JsonObject)entry.Value).With(Fields, fields));
        }

        return left;
    }

    private FieldOwners Put(string key, JsonObject entry)
    {
        JsonObject next = entry[Fields] is JsonObject { Count: > 0 } ? State.With(key, entry) : State.Without(key);
        return ReferenceEquals(next, State) ? this : new FieldOwners(next);
    }

    private FieldOwners Capped()
    {
        if (State.Count <= UpdatersMax)
            return this;
        string[] updaters = [.. State.Names.Where(key => FieldOwner.Of(key).Operation == FieldOwner.Update)];
        if (updaters.Length <= UpdatersMax)
            return this;
        string[] oldest = [.. updaters
            .OrderBy(key => State[key]!.Member(Time) is JsonNumber time && time.TryGetInt64(out long at) ? at : 0)
            .ThenBy(key => key, StringComparer.Ordinal)
            .Take(updaters.Length - UpdatersMax + 1)];
        JsonObject fields = oldest.Aggregate(FieldSet.Empty, (set, key) => FieldSet.Union(set, Of(FieldOwner.Of(key))));
        JsonObject entry = ((JsonObject)State[oldest[^1]]!).With(Fields, fields);
        return oldest.Aggregate(this, (owners, key) => new FieldOwners(owners.State.Without(key)))
            .Put(new FieldOwner(FieldOwner.Update, string.Empty, AncientChanges).Key, entry);
    }

    /// <summary>What an apply comes to.</summary>
    /// <param name="Job">The job with the configuration merged, and without what is not applied any more.</param>
    /// <param name="Owners">The owners after it.</param>
    /// <param name="Conflicts">What others own and the apply would change; then nothing happens.</param>
    internal sealed record Applied(JsonObject Job, FieldOwners Owners, IReadOnlyList<FieldConflict> Conflicts);
}
