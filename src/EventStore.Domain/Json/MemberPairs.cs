namespace EventStore.Domain.Json;

/// <summary>What <see cref="JsonObject.Pair"/> walks through. It is a structure, so that a comparison allocates nothing.</summary>
internal struct MemberPairs(KeyValuePair<string, JsonValue>[] left, KeyValuePair<string, JsonValue>[] right)
{
    private int i;
    private int j;

    public (string Name, JsonValue? Left, JsonValue? Right) Current { get; private set; }

    public readonly MemberPairs GetEnumerator() => this;

    public bool MoveNext()
    {
        if (i == left.Length && j == right.Length)
            return false;
        int order = i == left.Length ? 1 : j == right.Length ? -1 : JsonObject.CompareNames(left[i].Key, right[j].Key);
        Current = order switch
        {
            < 0 => (left[i].Key, left[i++].Value, null),
            > 0 => (right[j].Key, null, right[j++].Value),
            _ => (left[i].Key, left[i++].Value, right[j++].Value),
        };
        return true;
    }
}
