using System.Diagnostics;
using System.Diagnostics.Metrics;
using EventStore.Domain.History;
using EventStore.Server.Access;

namespace EventStore.Server.Telemetry;

/// <summary>
/// All spans, metrics and tags of this server. Without a listener a span is null and a measurement costs almost nothing, so callers
/// need not check first.
/// </summary>
public static class Signals
{
    /// <summary>The name of the source of spans and of the meter.</summary>
    public const string Name = "eventstore";

    /// <summary>The name of the lane's part of a request, a span in the request's own trace.</summary>
    public const string LaneSpan = "eventstore.lane";

    /// <summary>The name of a commit: a trace of its own, for it carries many requests, linked with the lane's part of each.</summary>
    public const string CommitSpan = "eventstore.commit";

    /// <summary>The tag of a request's id, as in its Audit-Id header, the log and the events.</summary>
    public const string RequestIdTag = "eventstore.request.id";

    /// <summary>The tag of the revision that a request caused; for a commit, the last one.</summary>
    public const string RevisionTag = "eventstore.revision";

    /// <summary>The tag of how many commands were committed together.</summary>
    public const string BatchSizeTag = "eventstore.batch.size";

    /// <summary>The tag of how many events were appended together.</summary>
    public const string EventsTag = "eventstore.events";

    private const string ControllerTag = "controller";
    private const string HostTag = "host";
    private const string ConflictTag = "kind";
    private const string VerbTag = "verb";
    private const string ResourceTag = "resource";
    private const string Other = "other";

    private static readonly string[] Verbs = ["get", "list", "watch", "create", "update", "patch", "delete", "deletecollection", "head",
        "post", "put", "options"];
    private static readonly string[] Parts = ["status", "scale", "rollback", "diff", "blame", "restore"];
    private static readonly double[] Seconds = [.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10];
    private static readonly int[] Counts = [1, 2, 4, 8, 16, 32, 64, 128, 256];
    private static readonly Meter Meter = new(Name);

    public static readonly ActivitySource Source = new(Name);

    /// <summary>Commands that wait for the lane.</summary>
    public static readonly UpDownCounter<int> QueueLength =
        Meter.CreateUpDownCounter<int>("eventstore.queue.length", "{command}", "Commands that wait for the commit lane.");

    /// <summary>Commands of a commit.</summary>
    public static readonly Histogram<int> BatchSize = Meter.CreateHistogram<int>(
        "eventstore.batch.size", "{command}", "Commands committed together.", null,
        new InstrumentAdvice<int> { HistogramBucketBoundaries = Counts });

    /// <summary>From the call of the database to its answer, in seconds.</summary>
    public static readonly Histogram<double> CommitTime = Timed(
        "eventstore.commit.duration", "How long the database took to commit a batch.");

    public static readonly Counter<long> Events = Meter.CreateCounter<long>(
        "eventstore.events", "{event}", "Events appended by this server.");

    /// <summary>Events the feed passed over because this release cannot read them.</summary>
    public static readonly Counter<long> Unreadable = Meter.CreateCounter<long>(
        "eventstore.events.unreadable", "{event}", "Events the feed passed over because this release cannot read them.");

    /// <summary>
    /// The time from the commit of the oldest change of a read until it is passed on, in seconds. It compares two clocks: the
    /// database's and this machine's.
    /// </summary>
    public static readonly Histogram<double> FeedLag = Timed(
        "eventstore.feed.lag", "How old the oldest change of a reading was when it was passed to the watchers.");

    /// <summary>Watchers that follow the feed.</summary>
    public static readonly UpDownCounter<int> Watchers = Meter.CreateUpDownCounter<int>(
        "eventstore.watchers", "{watcher}", "Watches that follow what happens.");

    /// <summary>Watchers that were cut off because they did not keep up.</summary>
    public static readonly Counter<long> SlowWatchers = Meter.CreateCounter<long>(
        "eventstore.watchers.slow", "{watcher}", "Watches cut off because their clients read too slowly.");

    /// <summary>Changes of the primary this server has followed.</summary>
    public static readonly Counter<long> Failovers = Meter.CreateCounter<long>(
        "eventstore.failovers", "{failover}", "How often this server has followed the database to another primary.");

    /// <summary>Commits whose reply was lost and that were looked up.</summary>
    public static readonly Counter<long> LostReplies = Meter.CreateCounter<long>(
        "eventstore.replies.lost", "{commit}", "Commits whose reply was lost with the connection, and that were looked up.");

    private static readonly Counter<long> Reads = Meter.CreateCounter<long>(
        "eventstore.reads", "{read}",
        "Reads that a standby may answer, by who was asked: standby, or primary where none had replayed enough.");

    private static readonly Counter<long> Conflicts = Meter.CreateCounter<long>(
        "eventstore.conflicts", "{conflict}",
        "Jobs another server had changed before the commit (moved), and requests refused for their resourceVersion (refused).");

    private static readonly ObservableGauge<long> Behind = Meter.CreateObservableGauge(
        "eventstore.activity.lag", () =>
            ActivityLag is { } lag ? [new Measurement<long>(lag())] : Array.Empty<Measurement<long>>(), "{revision}",
        "Revisions the activity is behind the log.");

    private static readonly ObservableGauge<long> Due = Meter.CreateObservableGauge(
        "eventstore.lifetimes.due", () =>
            LifetimesDue is { } due ? [new Measurement<long>(due())] : Array.Empty<Measurement<long>>(), "{job}",
        "Jobs that end by a field of their own, at a moment this server knows.");

    private static readonly ObservableGauge<long> LastEpoch = Meter.CreateObservableGauge(
        "eventstore.epoch", () => Measured(epochs => epochs[^1].Number), "{epoch}",
        "The epoch in which the store is served; it is raised by another primary and by a restore.");

    private static readonly ObservableGauge<long> Lost = Meter.CreateObservableGauge(
        "eventstore.revisions.lost", () => Measured(epochs => epochs.Sum(epoch => epoch.LostCount)), "{revision}",
        "Revisions that were given out and are known to be lost, in all epochs.");

    private static readonly Counter<long> LifetimesEnded = Meter.CreateCounter<long>(
        "eventstore.lifetimes.ended", "{job}", "Jobs whose lifetime this server ended.");

    private static readonly Histogram<double> LifetimeLateness = Timed(
        "eventstore.lifetimes.lateness", "How long after its moment a lifetime was ended.");

    private static readonly Counter<long> Denied = Meter.CreateCounter<long>(
        "eventstore.denied", "{request}", "Requests refused with 403.");

    /// <summary>Reads the known epochs; null if nothing is served.</summary>
    public static Func<IReadOnlyList<Epoch>>? Epochs { get; set; }

    /// <summary>Reads how many revisions the activity is behind the log; null if it is not counted.</summary>
    public static Func<long>? ActivityLag { get; set; }

    /// <summary>Reads how many jobs have a due time; null if no controller ends lifetimes.</summary>
    public static Func<long>? LifetimesDue { get; set; }

    /// <summary>Starts the counters of what should not happen at 0: of one that begins at 1 Prometheus sees no increase.</summary>
    public static void StartRareCounters()
    {
        foreach (Counter<long> rare in (Counter<long>[])[Unreadable, SlowWatchers, Failovers, LostReplies])
            rare.Add(0);
    }

    /// <summary>Records that a job's lifetime was ended.</summary>
    /// <param name="controller">The controller.</param>
    /// <param name="lateness">How long after its due time.</param>
    public static void CountEnded(string controller, TimeSpan lateness)
    {
        LifetimesEnded.Add(1, new KeyValuePair<string, object?>(ControllerTag, controller));
        LifetimeLateness.Record(lateness.TotalSeconds, new KeyValuePair<string, object?>(ControllerTag, controller));
    }

    /// <summary>Counts a read that a standby may answer.</summary>
    /// <param name="host">The host that was read: standby or primary.</param>
    public static void CountRead(string host) => Reads.Add(1, new KeyValuePair<string, object?>(HostTag, host));

    /// <summary>Whether conflicts are recorded: whether the instrument has a listener.</summary>
    public static bool ConflictsAreCounted => Conflicts.Enabled;

    /// <summary>Counts jobs that another server had changed first; their commands were decided again.</summary>
    public static void CountMoved(int jobs) => Conflicts.Add(jobs, new KeyValuePair<string, object?>(ConflictTag, "moved"));

    /// <summary>Counts a 409 for a resourceVersion that is not the current one.</summary>
    public static void CountRefused() => Conflicts.Add(1, new KeyValuePair<string, object?>(ConflictTag, "refused"));

    /// <summary>
    /// Counts a 403. Clients choose methods and subresources freely, and each new value would be a new time series: unknown methods
    /// share one value, unknown subresources count as their resource, and all paths share one value.
    /// </summary>
    public static void CountDenied(AccessRequest asked)
    {
        string resource = Parts.Contains(asked.Subresource) ? $"{asked.Resource}/{asked.Subresource}" : asked.Resource;
        Denied.Add(
            1,
            new KeyValuePair<string, object?>(VerbTag, Verbs.Contains(asked.Verb) ? asked.Verb : Other),
            new KeyValuePair<string, object?>(ResourceTag, asked.IsResource ? resource : Other));
    }

    private static Measurement<long>[] Measured(Func<IReadOnlyList<Epoch>, long> value) =>
        Epochs?.Invoke() is { Count: > 0 } known ? [new Measurement<long>(value(known))] : [];

    private static Histogram<double> Timed(string name, string about) =>
        Meter.CreateHistogram<double>(name, "s", about, null, new InstrumentAdvice<double> { HistogramBucketBoundaries = Seconds });
}
