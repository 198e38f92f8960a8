using EventStore.Domain.History;
using EventStore.Domain.Jobs;
using Microsoft.Extensions.Caching.Memory;

namespace EventStore.Server.Store.History;

/// <summary>The cache key of a counted timeline: its name, its first revision and its slices.</summary>
internal readonly record struct TimelineKey(JobKey Job, DateTimeOffset Begin, TimeSpan Width, long First);

/// <summary>
/// The counts of a timeline up to a revision. They stay valid in their epoch: committed revisions never change, but may be lost.
/// </summary>
/// <param name="Last">The revision up to which it was counted.</param>
/// <param name="Total">How many revisions there were.</param>
/// <param name="Cells">The counts.</param>
/// <param name="Clipped">Whether older revisions were left out.</param>
/// <param name="Rebuilds">How often current jobs and index rows had been rebuilt.</param>
/// <param name="Epochs">The epochs that were known.</param>
internal sealed record CountedTimeline(
    long Last, long Total, IReadOnlyList<TimelineCell> Cells, bool Clipped, long Rebuilds, IReadOnlyList<Epoch> Epochs)
{
    /// <summary>The last slice with a revision in it.</summary>
    public int LastSlice => Cells.Count == 0 ? 0 : Cells.Max(cell => cell.Slice);

    /// <summary>Adds the counts of later revisions.</summary>
    public CountedTimeline With(CountedTimeline later) => later with
    {
        Total = Total + later.Total,
        Clipped = Clipped || later.Clipped,
        Cells = [.. Cells.Concat(later.Cells).GroupBy(
            cell => (cell.Slice, cell.Kind, cell.Type, cell.User),
            (_, alike) => alike.Aggregate((all, one) => all with
            {
                Count = all.Count + one.Count,
                Exact = all.Exact && one.Exact,
                First = Math.Min(all.First, one.First),
                Last = Math.Max(all.Last, one.Last),
            }))],
    };
}

/// <summary>A cache of counted timelines, bounded in bytes.</summary>
internal sealed class CountedTimelines : IDisposable
{
    /// <summary>The most bytes of memory.</summary>
    public const int BytesMax = 4 << 20;

    private const int EntryBytes = 300;
    private const int CellBytes = 120;

    private readonly MemoryCache cache = new(new MemoryCacheOptions { SizeLimit = BytesMax });

    /// <summary>The number of timelines.</summary>
    public int Count => cache.Count;

    /// <summary>The timeline of that key; null if it is not cached.</summary>
    public CountedTimeline? Get(TimelineKey key) => cache.Get<CountedTimeline>(key);

    /// <summary>Caches a timeline, unless it is larger than the whole cache.</summary>
    public void Keep(TimelineKey key, CountedTimeline counted)
    {
        // Texts are counted for each cell, although cells share them.
        long bytes = EntryBytes + counted.Cells.Sum(cell => CellBytes + (2L * (cell.User.Length + cell.Type.Length)));
        cache.Set(key, counted, new MemoryCacheEntryOptions { Size = bytes });
    }

    /// <inheritdoc/>
    public void Dispose() => cache.Dispose();
}
