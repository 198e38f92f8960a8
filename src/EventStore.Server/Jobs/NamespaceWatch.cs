using System.Globalization;
using System.Runtime.CompilerServices;
using EventStore.Domain.Json;
using EventStore.Server.Kubernetes.Answers;
using EventStore.Server.Kubernetes.Requests;
using EventStore.Server.Store.Feed;
using EventStore.Server.Store.Format;
using EventStore.Server.Store.Reads;
using EventStore.Server.Watch;

namespace EventStore.Server.Jobs;

/// <summary>
/// A watch on namespaces: one comes with its first living job and goes with its last. How many live in each at the revision the watch
/// begins at is read once, from the index of creations and deletions; from then on it is counted.
/// </summary>
internal sealed class NamespaceWatch
{
    private readonly ListOptions asked;
    private readonly ObjectView view;
    private readonly JobReads reads;
    private readonly TimeProvider clock;
    private Dictionary<string, (long Living, DateTimeOffset Since)> lives = [];

    private NamespaceWatch(ListOptions asked, ObjectView view, JobReads reads, TimeProvider clock) =>
        (this.asked, this.view, this.reads, this.clock) = (asked, view, reads, clock);

    /// <summary>Answers the watch.</summary>
    public static Task<IResult> Run(HttpContext http, ListOptions asked, ObjectView view, JobReads reads, JobFeed feed, TimeProvider clock)
    {
        var watch = new NamespaceWatch(asked, view, reads, clock);
        var watched = new Watched(watch.Initial, watch.CatchUp, watch.Frame, view.Bookmark) { GoOn = watch.Know };
        return new WatchLoop(http, asked, watched, reads, feed).Run();
    }

    private async Task Know(long revision, CancellationToken stop) => lives = await reads.LivesByNamespace(revision, stop);

    private async IAsyncEnumerable<WatchStep> Initial([EnumeratorCancellation] CancellationToken stop)
    {
        long head = await reads.Head(stop);
        await Know(head, stop);
        IEnumerable<string> living = lives.Where(each => each.Value.Living > 0).Select(each => each.Key);
        foreach (string name in living.Append(NamespaceEndpoints.AlwaysThere).Distinct().Order(StringComparer.Ordinal))
        {
            JsonObject item = NamespaceEndpoints.Of(name, lives.TryGetValue(name, out var known) ? known.Since : null);
            if (NamespaceEndpoints.Covers(asked, item))
                yield return new WatchStep(null, new WatchFrame("ADDED", Shown(item, head)));
        }

        yield return new WatchStep(head, null);
    }

    private async IAsyncEnumerable<WatchStep> CatchUp(long after, long upTo, [EnumeratorCancellation] CancellationToken stop)
    {
        await foreach (LogEntry change in reads.Changes(after, upTo, null, stop))
            yield return new WatchStep(change.Revision, Frame(change));
    }

    private WatchFrame? Frame(LogEntry entry)
    {
        // It may be the birth or the end of a job, and then the count would be wrong.
        if (entry is UnreadableEvent { Key.Namespace: var space } unreadable
            && NamespaceEndpoints.Covers(asked, NamespaceEndpoints.Of(space, null)))
            throw new UnreadableEventException(unreadable.Why, null);
        if (entry is not JobChange change)
            return null;
        (bool created, bool gone, string name) = (change.Before is null, change.After.Deleted, change.After.Key.Namespace);
        if (!created && !gone)
            return null;
        (long living, DateTimeOffset since) = lives.GetValueOrDefault(name, (0, change.Time));
        lives[name] = (living + (created ? 1 : -1), since);
        JsonObject item = NamespaceEndpoints.Of(name, since);
        bool turns = living == (created ? 0 : 1) && name != NamespaceEndpoints.AlwaysThere;
        return turns && NamespaceEndpoints.Covers(asked, item)
            ? new WatchFrame(created ? "ADDED" : "DELETED", Shown(item, change.Revision))
            : null;
    }

    private ReadOnlyMemory<byte> Shown(JsonObject item, long revision)
    {
        JsonValue at = revision.ToString(CultureInfo.InvariantCulture);
        JsonObject whole = item.With("metadata", ((JsonObject)item["metadata"]!).With("resourceVersion", at));
        return view.Alone(revision, whole.ToUtf8(), shown => NamespaceEndpoints.Cells(shown, clock));
    }
}

/// <summary>A watch on core events. There are none, so it sends only bookmarks.</summary>
internal sealed class EventWatch(ObjectView view, JobReads reads)
{
    /// <summary>The same for the watch loop.</summary>
    public Watched Watched => new(Initial, CatchUp, _ => null, view.Bookmark);

    private static async IAsyncEnumerable<WatchStep> CatchUp(long after, long upTo, [EnumeratorCancellation] CancellationToken stop)
    {
        await Task.CompletedTask;
        yield return new WatchStep(upTo, null);
    }

    private async IAsyncEnumerable<WatchStep> Initial([EnumeratorCancellation] CancellationToken stop)
    {
        yield return new WatchStep(await reads.Head(stop), null);
    }
}
