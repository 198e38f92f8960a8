using System.Text.Json;
using EventStore.Domain.History;
using EventStore.Domain.Jobs;
using EventStore.Server.Store.Format;

namespace EventStore.Server.Store.Proof;

/// <summary>The paths that the events of one stream have touched so far, to check those that its snapshots record.</summary>
internal sealed class TouchedSince
{
    private readonly Dictionary<string, long> last = [];
    private readonly List<long> revisions = [];

    /// <summary>Adds the next event.</summary>
    public void Add(JobEvent happened, long revision)
    {
        revisions.Add(revision);
        foreach (string path in TouchedPaths.Of(happened))
            last[path] = revision;
    }

    /// <summary>Whether a snapshot of the last event records the touched paths rightly, or none.</summary>
    public bool Holds(SnapshotRow snapshot)
    {
        if (snapshot is { Since: null, Touched: null })
            return true;
        if (snapshot is not { Since: >= 0 and var since, Touched: { } stored } || since >= revisions.Count)
            return false;
        long behind = since == 0 ? 0 : revisions[(int)since - 1];
        return Read(stored) is { } read && read.Count == last.Count(path => path.Value > behind)
            && read.All(path => path.Value > behind && last.TryGetValue(path.Key, out long revision) && revision == path.Value);
    }

    private static Dictionary<string, long>? Read(string stored)
    {
        try
        {
            return JsonSerializer.Deserialize<Dictionary<string, long>>(stored);
        }
        catch (JsonException)
        {
            return null; // it was edited
        }
    }
}
