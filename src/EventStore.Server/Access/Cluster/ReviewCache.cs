using System.Collections.Concurrent;
using Microsoft.Extensions.Caching.Memory;

namespace EventStore.Server.Access.Cluster;

/// <summary>
/// An LRU cache of answers, limited in bytes and time; an answer with no time is not kept. Concurrent questions with one key are coalesced
/// into one request. A request that fails is not cached.
/// </summary>
/// <typeparam name="T">The answer.</typeparam>
internal sealed class ReviewCache<T>(Func<T, int> bytesOf, Func<T, TimeSpan> timeOf) : IDisposable
    where T : notnull
{
    /// <summary>About this many bytes a key and an entry take beside the answer.</summary>
    private const int EntryBytes = 512;

    private readonly MemoryCache known = new(new MemoryCacheOptions { SizeLimit = 8 * 1024 * 1024 });
    private readonly ConcurrentDictionary<string, Lazy<Task<T>>> asked = new();

    /// <summary>The answer, from the cache or from the one request for it.</summary>
    /// <param name="key">What is asked, as a hash.</param>
    /// <param name="ask">Sends the request. It must end by itself: a caller who leaves does not cancel it for the others.</param>
    /// <param name="stop">Cancels the wait.</param>
    public async ValueTask<T> Get(string key, Func<Task<T>> ask, CancellationToken stop)
    {
        if (known.TryGetValue(key, out T? answer))
            return answer!;
        return await asked.GetOrAdd(key, _ => new Lazy<Task<T>>(() => Ask(key, ask))).Value.WaitAsync(stop);
    }

    /// <inheritdoc/>
    public void Dispose() => known.Dispose();

    private async Task<T> Ask(string key, Func<Task<T>> ask)
    {
        await Task.Yield(); // the task must be in the table before it can remove itself
        try
        {
            T answer = await ask();
            if (timeOf(answer) is { Ticks: > 0 } time)
            {
                int size = EntryBytes + bytesOf(answer);
                known.Set(key, answer, new MemoryCacheEntryOptions { Size = size, AbsoluteExpirationRelativeToNow = time });
            }

            return answer;
        }
        finally
        {
            asked.TryRemove(key, out _);
        }
    }
}
