using System.Globalization;
using EventStore.Domain.Jobs;
using EventStore.Domain.Lifetimes;
using EventStore.Domain.Manifests;
using EventStore.Server.Store.Feed;
using EventStore.Server.Store.Format;
using EventStore.Server.Store.Hosts;
using EventStore.Server.Store.Lane;
using EventStore.Server.Store.Reads;
using EventStore.Server.Telemetry;

namespace EventStore.Server.Store.Lifetimes;

/// <summary>
/// Ends lifetimes: deletes finished jobs by their TTL and fails active ones by their deadline, through the commit lane like any
/// command. Every server keeps the due times, from one scan of all jobs and then from the feed; only the holder of the lease acts.
/// </summary>
/// <remarks>
/// A job is ended once even if two servers try: the decision is made on the job as it is at the commit, and requires the same incarnation
/// and the same due time (idempotent). The lease saves the servers from doing the same work, and its number is a fencing token against a
/// server that was paused.
/// </remarks>
internal sealed partial class LifetimeController(
    Primary database, JobFeed feed, CommitLane lane, IReadOnlySet<LifetimeRule> rules, Profile profile, TimeProvider clock,
    ILogger<LifetimeController> log) : BackgroundService
{
    private const int LengthMax = 200_000; // about 60 MB
    private const int AtOnceMax = 64;

    private static readonly TimeSpan LookEvery = TimeSpan.FromMilliseconds(250); // at the lease
    private static readonly TimeSpan RetryPause = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan TroubleAfter = TimeSpan.FromSeconds(30);

    private readonly DueJobReads reads = new(database, rules);
    private long count;
    private long next = long.MaxValue; // ticks, UTC
    private bool hasLoggedAway;

    /// <summary>What is degraded: a job has been due for half a minute; or null.</summary>
    public string? Trouble => clock.GetUtcNow().UtcTicks - Interlocked.Read(ref next) is var late && late > TroubleAfter.Ticks
        ? string.Create(CultureInfo.InvariantCulture, $"a job has been due for {late / TimeSpan.TicksPerSecond} s")
        : null;

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        Signals.LifetimesDue = () => Interlocked.Read(ref count);
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                await Run(stoppingToken);
            }
            catch (Exception) when (stoppingToken.IsCancellationRequested)
            {
                return;
            }
            catch (Exception e)
            {
                Log(e);
                await Task.Delay(RetryPause, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    /// <summary>
    /// Scans all jobs, follows the feed, and ends due jobs while it holds the lease. Returns when the scan must be repeated.
    /// </summary>
    private async Task Run(CancellationToken stop)
    {
        var due = new DueJobs(LengthMax);
        using FeedSubscription changes = await Join(stop);
        await Fill(due, changes, stop);
        hasLoggedAway = false;
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(stop);
        var lease = new LifetimeLease(database, Log);
        Task keeping = lease.Keep(ended.Token);
        try
        {
            await Follow(due, changes, lease, stop);
        }
        finally
        {
            await ended.CancelAsync();
            await keeping;
        }
    }

    private async Task<FeedSubscription> Join(CancellationToken stop)
    {
        FeedSubscription changes = feed.Subscribe();
        try
        {
            for (long head = await reads.Head(stop); !changes.Join(head, head); head = await reads.Head(stop))
                await Task.Yield();
            return changes;
        }
        catch
        {
            changes.Dispose();
            throw;
        }
    }

    /// <summary>
    /// Fills the queue by a scan of all jobs. The feed was joined before, so the feed overrides the scan for a job that changes meanwhile.
    /// </summary>
    private async Task Fill(DueJobs due, FeedSubscription changes, CancellationToken stop)
    {
        HashSet<JobKey> changed = [];
        JobKey? behind = null;
        do
        {
            (IReadOnlyList<DueJob> page, behind) = await database.Term.Bound(reads.Page(behind, stop));
            Drain(due, changes, changed);
            foreach (DueJob job in page.Where(job => !changed.Contains(job.Key)))
                due.Put(job.Key, job);
        }
        while (behind is not null);
    }

    private void Drain(DueJobs due, FeedSubscription changes, HashSet<JobKey>? changed = null)
    {
        while (changes.TryTake(out LogEntry? entry))
        {
            if (entry is not JobChange change)
                continue;
            due.Put(change.After.Key, reads.After(change));
            changed?.Add(change.After.Key);
        }

        Interlocked.Exchange(ref count, due.Count);
        Interlocked.Exchange(ref next, due.Next?.UtcTicks ?? long.MaxValue);
    }

    private async Task Follow(DueJobs due, FeedSubscription changes, LifetimeLease lease, CancellationToken stop)
    {
        Task<bool>? changing = null;
        long leads = 0;
        while (!due.IsExhausted && changes.LostWith is null && !changes.Overrun.IsCancellationRequested)
        {
            stop.ThrowIfCancellationRequested();
            Drain(due, changes);
            DateTimeOffset now = clock.GetUtcNow();
            if (lease.Number is { } number && due.Next <= now)
            {
                if (number != leads)
                    LogLeads(leads = number);
                await EndNext(due, lease, number, now, stop);
                continue;
            }

            changing ??= changes.Wait(stop).AsTask();
            TimeSpan wait = due.Next is { } moment && moment > now && moment - now < LookEvery ? moment - now : LookEvery;
            await Task.WhenAny(changing, Task.Delay(wait, clock, stop));
            if (changing.IsCompleted)
                changing = null;
        }

        if (changes.Overrun.IsCancellationRequested)
            await Task.Delay(RetryPause, clock, stop);
    }

    /// <summary>Ends the next due jobs. A job that could not be ended is put back, unless it has changed meanwhile.</summary>
    private async Task EndNext(DueJobs due, LifetimeLease lease, long number, DateTimeOffset now, CancellationToken stop)
    {
        List<DueJob> jobs = [];
        while (jobs.Count < AtOnceMax && due.TryTake(now, out DueJob? job))
            jobs.Add(job);
        Outcome[] outcomes = await Task.WhenAll(jobs.Select(job => lane.ExecuteUnder(number, Command(job, now), stop)));
        bool isAway = false;
        foreach ((DueJob job, Outcome outcome) in jobs.Zip(outcomes))
        {
            if (outcome is Outcome.Done)
                Signals.CountEnded(NameOf(job.Lifetime.Rule), clock.GetUtcNow() - job.Lifetime.Due);
            else if (outcome is Outcome.Fenced)
                lease.Lose(number);
            else if (outcome is Outcome.Failed { MayHaveBeenApplied: false } or Outcome.Refused(not Rejection.NotFound))
                LogCannot(job.Key, $"{outcome}");
            bool isOpen = outcome is Outcome.Busy or Outcome.Unavailable or Outcome.Failed { MayHaveBeenApplied: true };
            isAway |= isOpen;
            if (isOpen || outcome is Outcome.Fenced)
                due.Put(job.Key, job);
        }

        if (isAway)
            await Task.Delay(RetryPause, clock, stop);
    }

    private EndLifetime Command(DueJob job, DateTimeOffset now)
    {
        string name = NameOf(job.Lifetime.Rule);
        var origin = new Origin(
            $"system:serviceaccount:eventstore:{name}",
            ["system:serviceaccounts", "system:serviceaccounts:eventstore", "system:authenticated"],
            $"EventStore.Server/{name}",
            string.Empty,
            Guid.CreateVersion7().ToString())
        {
            Reason = job.Lifetime.Reason,
        };
        return new EndLifetime(job.Key, now, origin, job.Uid, job.Lifetime) { Profile = profile, Manager = name };
    }

    private static string NameOf(LifetimeRule rule) => rule == LifetimeRule.Ttl ? "ttl-controller" : "deadline-controller";

    private void Log(Exception e)
    {
        if (!DatabaseAway.Is(e))
            LogFailed(e);
        else if (!hasLoggedAway)
            LogAway(e.Message);
        hasLoggedAway = true;
    }

    [LoggerMessage(130, LogLevel.Debug, "This server ends lifetimes, under lease {Number}")]
    private partial void LogLeads(long number);

    [LoggerMessage(131, LogLevel.Warning, "Lifetimes are not kept by this server at the moment: {Reason}")]
    private partial void LogAway(string reason);

    [LoggerMessage(132, LogLevel.Error, "Keeping lifetimes failed and is begun again")]
    private partial void LogFailed(Exception e);

    [LoggerMessage(133, LogLevel.Warning, "{Key}: its lifetime cannot be ended, and is left until the job changes: {Why}")]
    private partial void LogCannot(JobKey key, string why);
}
