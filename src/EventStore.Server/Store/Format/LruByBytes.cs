namespace EventStore.Server.Store.Format;

/// <summary>
/// An LRU cache that is bounded by the bytes of its values. The value put last is always kept, however large. It is not thread-safe.
/// </summary>
/// <param name="bytesMax">The most bytes.</param>
internal sealed class LruByBytes<TKey, TValue>(long bytesMax)
    where TKey : notnull
    where TValue : class
{
    private readonly Dictionary<TKey, LinkedListNode<Entry>> entries = [];
    private readonly LinkedList<Entry> byUse = new(); // the one used last is the first

    /// <summary>The bytes of all values.</summary>
    public long Bytes { get; private set; }

    /// <summary>The value, which stays as recently used as it was; null if there is none.</summary>
    public TValue? Peek(TKey key) => entries.TryGetValue(key, out LinkedListNode<Entry>? node) ? node.Value.Value : null;

    /// <summary>The value, which becomes the most recently used; null if there is none.</summary>
    public TValue? Use(TKey key)
    {
        if (!entries.TryGetValue(key, out LinkedListNode<Entry>? node))
            return null;
        byUse.Remove(node);
        byUse.AddFirst(node);
        return node.Value.Value;
    }

    /// <summary>Puts a value, replaces the one of that key, and evicts the least recently used ones until there is room for it.</summary>
    public void Put(TKey key, TValue value, long bytes)
    {
        Remove(key);
        entries[key] = byUse.AddFirst(new Entry(key, value, bytes));
        Bytes += bytes;
        while (Bytes > bytesMax && byUse.Count > 1)
            Remove(byUse.Last!.Value.Key);
    }

    /// <summary>Removes a value.</summary>
    public void Remove(TKey key)
    {
        if (!entries.Remove(key, out LinkedListNode<Entry>? node))
            return;
        byUse.Remove(node);
        Bytes -= node.Value.Bytes;
    }

    /// <summary>Removes all values.</summary>
    public void Clear()
    {
        entries.Clear();
        byUse.Clear();
        Bytes = 0;
    }

    private readonly record struct Entry(TKey Key, TValue Value, long Bytes);
}
