using EventStore.Domain.Json;

namespace EventStore.Domain.Manifests;

/// <summary>
/// A tree of member paths, by which all of them are found in one pass over a manifest. A leaf stands for a member with everything
/// below it; a path below another adds nothing.
/// </summary>
internal sealed class FieldTree
{
    private readonly SortedDictionary<string, FieldTree> members = new(StringComparer.Ordinal);

    private FieldTree()
    {
    }

    /// <summary>Whether the whole value belongs to the tree.</summary>
    public bool IsLeaf => members.Count == 0;

    /// <summary>What belongs to the tree below that member; null when nothing does.</summary>
    public FieldTree? this[string name] => members.GetValueOrDefault(name);

    /// <summary>A tree of these paths, each the names of members joined by dots.</summary>
    public static FieldTree Of(IEnumerable<string> paths)
    {
        var root = new FieldTree();
        foreach (string path in paths.OrderBy(path => path.Length))
            root.Add(path.Split('.'));
        return root;
    }

    /// <summary>The manifest without the members of the tree; the objects they stand in stay.</summary>
    public JsonObject Without(JsonObject from)
    {
        JsonObject rest = from;
        foreach ((string name, FieldTree below) in members)
        {
            if (below.IsLeaf)
                rest = rest.Without(name);
            else if (rest[name] is JsonObject inner)
                rest = rest.With(name, below.Without(inner));
        }

        return rest;
    }

    /// <summary>
    /// The manifest with the tree's members taken from another one. Missing parent objects are created; a parent that the other
    /// does not have is removed when it becomes empty.
    /// </summary>
    /// <returns>The same object when nothing changes.</returns>
    public JsonObject Take(JsonObject into, JsonObject from) => members.Aggregate(into, (next, member) =>
    {
        (string name, FieldTree below) = member;
        JsonValue? present = next[name];
        if (ReferenceEquals(present, from[name]))
            return next;
        if (below.IsLeaf)
            return Set(next, name, Storable(from[name]));
        if (present is not (null or JsonNull or JsonObject))
            return next;
        JsonObject taken = below.Take(present as JsonObject ?? JsonObject.Empty, from[name] as JsonObject ?? JsonObject.Empty);
        if (taken.Count > 0)
            return Set(next, name, taken);
        return present is JsonObject { Count: > 0 } ? Set(next, name, from[name] as JsonObject is null ? null : taken) : next;
    });

    /// <summary>
    /// The manifest without nulls in the tree's members and their parents: null means absent there, and a later merge patch could
    /// not restore a null.
    /// </summary>
    public JsonObject WithoutNulls(JsonObject from) =>
        members.Aggregate(from, (next, member) => member.Value.IsLeaf || next[member.Key] is JsonNull
        ? Set(next, member.Key, Storable(next[member.Key]))
        : next[member.Key] is JsonObject inner ? next.With(member.Key, member.Value.WithoutNulls(inner)) : next);

    /// <summary>What is wrong with the members of the tree, by the shapes of the schema, in the order of their paths.</summary>
    public IEnumerable<FieldError> Errors(FieldPath at, Shape shape, JsonValue? value)
    {
        if (IsLeaf)
            return shape.Errors(at, value);
        return value is null or JsonNull or JsonObject
            ? members.SelectMany(member => member.Value.Errors(at.Member(member.Key), Member(shape, member.Key), value?.Member(member.Key)))
            : [FieldError.WrongType(at, value, "object")];
    }

    /// <summary>The schema with nothing but the members of the tree.</summary>
    public Shape Cut(Shape shape) => (IsLeaf, shape) switch
    {
        (true, _) => shape,
        (_, AnyShape { Usually: { } usually }) => Cut(usually),
        (_, ObjectShape fields) => new ObjectShape(
        [
            .. fields.Fields.Where(field => members.ContainsKey(field.Name)).Select(field =>
                (field.Name, members[field.Name].Cut(field.Shape), members[field.Name].IsLeaf ? field.About : string.Empty)),
        ]),
        _ => new ObjectShape([.. members.Select(member => (member.Key, member.Value.Cut(Member(shape, member.Key))))]),
    };

    private static Shape Member(Shape shape, string name) => shape switch
    {
        ObjectShape fields => fields[name] ?? new AnyShape(),
        MapShape map => map.Value,
        AnyShape { Usually: { } usually } => Member(usually, name),
        _ => new AnyShape(),
    };

    private static JsonObject Set(JsonObject into, string name, JsonValue? value) =>
        Equals(into[name], value) ? into : into.WithOrWithout(name, value);

    /// <summary>The value without nulls; those inside an array stay, because a merge patch takes an array whole.</summary>
    private static JsonValue? Storable(JsonValue? value)
    {
        if (value is not JsonObject members)
            return value is JsonNull ? null : value;
        JsonObject kept = members;
        foreach (string name in members.Names)
            kept = Set(kept, name, Storable(members[name]));
        return kept;
    }

    private void Add(ReadOnlySpan<string> path)
    {
        FieldTree at = this;
        for (int i = 0; i < path.Length; i++)
        {
            if (at.members.TryGetValue(path[i], out FieldTree? below))
            {
                if (below.IsLeaf)
                    return;
            }
            else
            {
                at.members.Add(path[i], below = new FieldTree());
            }

            at = below;
        }
    }
}
