using System.Globalization;
using EventStore.Domain.Json;
using EventStore.Server.Kubernetes.Answers;
using EventStore.Server.Kubernetes.Requests;
using EventStore.Server.Store.Feed;
using EventStore.Server.Store.Reads;
using EventStore.Server.Watch;

namespace EventStore.Server.Jobs;

/// <summary>
/// A watch on namespaces: one comes with its first living job and goes with its last. How many live in each at the revision the watch
/// begins at is read once, from the index of creations and deletions; from then on it is counted.
/// </summary>
internal sealed class NamespaceWatch : WatchLoop
{
    private readonly ListOptions asked;
    private readonly ObjectView view;
    private readonly TimeProvider clock;
    private Dictionary<string, (long Living, DateTimeOffset Since)> lives;

    private NamespaceWatch(
        HttpContext http, ListOptions asked, ObjectView view, JobReads reads, JobFeed feed, TimeProvider clock,
        Dictionary<string, (long Living, DateTimeOffset Since)> lives)
        : base(http, asked, reads, feed) => (this.asked, this.view, this.clock, this.lives) = (asked, view, clock, lives);

    /// <summary>Answers the watch.</summary>
    public static async Task<IResult> Run(HttpContext http, ListOptions asked, ObjectView view, JobReads reads, JobFeed feed, TimeProvider clock)
    {
        if (asked.SendInitialEvents ?? asked.ResourceVersion is null or 0)
            return await new NamespaceWatch(http, asked, view, reads, feed, clock, []).Run();
        asked = asked.ResourceVersion is > 0 ? asked : asked with { ResourceVersion = await reads.Head(http.RequestAborted) };
        var lives = await reads.LivesByNamespace(asked.ResourceVersion!.Value, http.RequestAborted);
        return await new NamespaceWatch(http, asked, view, reads, feed, clock, lives).Run();
    }

    /// <inheritdoc/>
    protected override async Task SendWhatThereIs()
    {
        long head = await Reads.Head(Stop);
        lives = await Reads.LivesByNamespace(head, Stop);
        IEnumerable<string> living = lives.Where(each => each.Value.Living > 0).Select(each => each.Key);
        foreach (string name in living.Append(NamespaceEndpoints.AlwaysThere).Distinct().Order(StringComparer.Ordinal))
        {
            JsonObject item = NamespaceEndpoints.Of(name, lives.TryGetValue(name, out var known) ? known.Since : null);
            if (NamespaceEndpoints.Covers(asked, item))
                await Send("ADDED", Shown(item, head));
        }

        Seen = head;
    }

    /// <inheritdoc/>
    protected override async Task CatchUp(long upTo)
    {
        await foreach (JobChange change in Reads.Changes(Seen, upTo, null, Stop))
            await Take(change);
    }

    /// <inheritdoc/>
    protected override void Write(JobChange change)
    {
        (bool created, bool gone, string name) = (change.Before is null, change.After.Deleted, change.After.Key.Namespace);
        if (!created && !gone)
            return;
        (long living, DateTimeOffset since) = lives.GetValueOrDefault(name, (0, change.Time));
        lives[name] = (living + (created ? 1 : -1), since);
        JsonObject item = NamespaceEndpoints.Of(name, since);
        bool turns = living == (created ? 0 : 1) && name != NamespaceEndpoints.AlwaysThere;
        if (turns && NamespaceEndpoints.Covers(asked, item))
            Add(created ? "ADDED" : "DELETED", Shown(item, change.Revision));
    }

    /// <inheritdoc/>
    protected override byte[] Bookmark(bool endsInitialEvents) => view.Bookmark(Seen, endsInitialEvents);

    private byte[] Shown(JsonObject item, long revision)
    {
        JsonValue at = revision.ToString(CultureInfo.InvariantCulture);
        JsonObject whole = item.With("metadata", ((JsonObject)item["metadata"]!).With("resourceVersion", at));
        return view.Alone(revision, whole.ToUtf8(), shown => NamespaceEndpoints.Cells(shown, clock));
    }
}

/// <summary>A watch on events, of which there are none: what happens are bookmarks.</summary>
internal sealed class EventWatch(HttpContext http, ListOptions options, ObjectView view, JobReads reads, JobFeed feed)
    : WatchLoop(http, options, reads, feed)
{
    /// <inheritdoc/>
    protected override async Task SendWhatThereIs() => Seen = await Reads.Head(Stop);

    /// <inheritdoc/>
    protected override Task CatchUp(long upTo)
    {
        Seen = upTo;
        return Task.CompletedTask;
    }

    /// <inheritdoc/>
    protected override void Write(JobChange change)
    {
    }

    /// <inheritdoc/>
    protected override byte[] Bookmark(bool endsInitialEvents) => view.Bookmark(Seen, endsInitialEvents);
}
