using System.Diagnostics;
using EventStore.Domain.Jobs;
using EventStore.Server.Store.Feed;
using EventStore.Server.Store.Format;
using EventStore.Server.Store.Hosts;
using EventStore.Server.Store.Reads;
using EventStore.Server.Telemetry;

namespace EventStore.Server.Store.Lane;

/// <summary>
/// The single writer of a process (group commit). Commands wait in a bounded queue. One task takes a batch of them, decides each on
/// the current jobs and commits all as one transaction. That gives one order over the whole store, and many commands share one
/// flush: committing each command alone would cost four fifths of the throughput.
/// </summary>
/// <remarks>
/// The cache of current jobs may be stale, which is harmless: the commit compares the job's version with the one each decision was
/// made from, also for refusals and for commands that change nothing, and answers are sent only after it.
/// </remarks>
public sealed partial class CommitLane : IAsyncDisposable
{
    private readonly LaneLimits limits;
    private readonly JobFeed feed;
    private readonly ServerPresence presence;
    private readonly ILogger<CommitLane> log;
    private readonly JobCache cache;
    private readonly EarlyDecisions early;
    private readonly LaneQueue queue;
    private readonly ReplyQueue replies = new();
    private readonly LaneConnection connection;
    private readonly LaneRecovery recovery;
    private readonly LaneMetrics metrics;
    private readonly Task running;
    private Fence? fence; // what was known before the jobs of the cache were read; null until the first batch asks
    private int answered;

    /// <summary>Starts the lane.</summary>
    public CommitLane(
        Primary database, LostReplies lost, LaneLimits limits, JobFeed feed, ServerPresence presence, ILogger<CommitLane> log)
    {
        (this.limits, this.feed, this.presence, this.log) = (limits, feed, presence, log);
        cache = new JobCache(limits.CacheBytes);
        early = new EarlyDecisions(database, limits, cache, log);
        queue = new LaneQueue(limits);
        connection = new LaneConnection(database, limits, replies, log);
        var lookUp = new ReplyLookUp(lost, limits, connection, replies, log);
        recovery = new LaneRecovery(database, lookUp, limits, connection, queue, replies, log);
        metrics = new LaneMetrics(limits);
        running = Task.Run(Run);
    }

    /// <summary>What is wrong with the lane: it has ended, or a commit does not end. Null if nothing is.</summary>
    public string? Trouble => running.IsCompleted ? "the lane has ended" : metrics.Trouble;

    /// <summary>Carries out a command.</summary>
    /// <param name="command">The command.</param>
    /// <param name="dryRun">Whether only the answer is wanted; nothing is stored.</param>
    /// <param name="bodyBytes">The size of the request's body, in bytes.</param>
    /// <param name="clientLeft">Cancels the wait in the queue. A command that is in a batch already is committed all the same.</param>
    /// <exception cref="OperationCanceledException">The client left while the command waited.</exception>
    public Task<Outcome> Execute(JobCommand command, bool dryRun, int bodyBytes, CancellationToken clientLeft) =>
        Execute(new QueuedCommand(command, dryRun, bodyBytes), clientLeft);

    /// <summary>Carries out a command only if the lease still has this number at the commit (a fencing token).</summary>
    public Task<Outcome> ExecuteUnder(long lease, JobCommand command, CancellationToken stop) =>
        Execute(new QueuedCommand(command, dryRun: false, bodyBytes: 0) { Lease = lease }, stop);

    /// <summary>Accepts no more commands, carries out those in the queue, and ends.</summary>
    public async ValueTask DisposeAsync()
    {
        queue.Close();
        if (await Task.WhenAny(running, Task.Delay(limits.StopTime)) == running)
            await connection.Discard();
        else
            LogNotFinished(limits.StopTime.TotalSeconds); // as after a kill: what was answered is stored, the rest may be
    }

    private async Task<Outcome> Execute(QueuedCommand queued, CancellationToken clientLeft)
    {
        using Activity? span = Signals.Source.StartActivity(Signals.LaneSpan);
        queued.Span = span;
        if (!queue.TryAdmit(queued))
            return new Outcome.Busy();
        try
        {
            if (await early.Make(queued, clientLeft) is { } decided)
                queue.Keep(queued, decided);
        }
        catch
        {
            queue.Dismiss(queued);
            throw;
        }

        if (!queue.TryEnter(queued))
        {
            queue.Dismiss(queued);
            return new Outcome.Busy(); // the server is about to stop
        }

        await using CancellationTokenRegistration leaving = clientLeft.Register(() => queued.Leave(clientLeft));
        return await queued.Answer;
    }

    private async Task Run()
    {
        while (await replies.SendAndAwait(queue.Wait()))
        {
            List<QueuedCommand> commands = queue.Take(answered);
            try
            {
                if (commands.Count > 0)
                    await Round(commands);
            }
            catch (Exception e)
            {
                // A bug in the lane. All its commands are answered, and it goes on, because there is no other.
                await recovery.GiveUp(commands, e, mayHaveBeenApplied: true);
            }
        }

        replies.Send();
    }

    /// <summary>Decides and commits the commands once; answers them, or returns them to the queue to be decided again.</summary>
    private async Task Round(List<QueuedCommand> commands)
    {
        if (recovery.LacksStandby(commands))
            return;
        Batch? batch = null;
        (Fence? before, fence) = (fence, null); // it is known by a session, which is discarded after any failure
        try
        {
            Fence known = before ?? await BeginAnew(commands);
            batch = await Decide(commands);
            if (commands.Count == 0)
            {
                fence = known;
                return; // each waits with the heavy ones now
            }

            Committed committed = await metrics.Measure(
                batch, commands, known, () => connection.Commit(batch, presence.OthersServe, known));
            fence = committed.Rebuild == known.Rebuild && committed.Epoch == known.Epoch ? known : null;
            queue.PutBack(committed.Lease != batch.Lease
                ? recovery.TurnAway(commands, committed.Lease) : fence is null ? commands : Settle(batch, committed));
        }
        catch (Exception e) when ((batch is null || !connection.HasSent) && DatabaseAway.Is(e))
        {
            await recovery.GiveUp(commands, e, mayHaveBeenApplied: false);
        }
        catch (Exception e)
        {
            commands.ForEach(queued => cache.Forget(queued.Command.Key));
            if (batch is not null && connection.HasSent && !LaneRecovery.WasRolledBack(e))
            {
                feed.Wake(); // it may be there
                using IDisposable step = metrics.Observe("a look-up of a lost reply");
                if (await recovery.FindOut(batch, commands, e) is not { } found)
                    return;
                commands = Settle(batch, found);
            }

            await recovery.TryAgain(commands, e);
        }
    }

    private async Task<Batch> Decide(List<QueuedCommand> commands)
    {
        Dictionary<JobKey, Job> read = await ReadMissing(commands);
        using IDisposable step = metrics.Observe("a decision");
        return Batch.Of(commands, key => read.TryGetValue(key, out Job? job) || cache.TryGet(key, out job) ? job : null);
    }

    /// <summary>
    /// Reads the jobs that are not in the cache, but none for an early decision on a free name: the commit checks that. If a job is large,
    /// its commands move to the queue of heavy commands.
    /// </summary>
    private async Task<Dictionary<JobKey, Job>> ReadMissing(List<QueuedCommand> commands)
    {
        var missing = new Dictionary<JobKey, int>(); // with the longest text to be read
        foreach (QueuedCommand queued in commands)
        {
            JobKey key = queued.Command.Key;
            if (queued.Early is { Basis: null } || cache.TryGet(key, out _))
                continue;
            // A size that is known has been counted in the batch's bytes.
            int most = queued.JobBytes > 0 ? int.MaxValue : limits.HeavyBytes / 2;
            missing[key] = Math.Max(missing.GetValueOrDefault(key), most);
        }

        if (missing.Count == 0)
            return [];
        using IDisposable step = metrics.Observe("a read of jobs");
        LivingRow?[] rows = await connection.Read([.. missing.Keys], [.. missing.Values]);
        foreach (LivingRow large in rows.Where(row => row is { Stored: null })!)
        {
            List<QueuedCommand> heavy = commands.FindAll(queued => queued.Command.Key == large.Key);
            heavy.ForEach(queued => queued.JobBytes = large.TextBytes);
            queue.Return(heavy);
            commands.RemoveAll(heavy.Contains);
        }

        return rows.Where(row => row is { Stored: not null }).ToDictionary(row => row!.Key, row => row!.ToJob());
    }

    /// <summary>
    /// Clears the cache and the early decisions: what was read before the start, a rebuild or another epoch may be wrong or lost.
    /// </summary>
    private async Task<Fence> BeginAnew(List<QueuedCommand> commands)
    {
        using IDisposable step = metrics.Observe("a comparison of epochs");
        Fence now = await connection.Begin();
        cache.Clear();
        commands.ForEach(queued => queued.Early = null);
        return now;
    }

    /// <summary>
    /// Answers the commands of each key whose events were committed; where they gave none, whose job was still the same at the commit.
    /// </summary>
    /// <returns>The commands that must be decided again.</returns>
    private List<QueuedCommand> Settle(Batch batch, Committed committed)
    {
        if (batch.Entries.Count > 0)
            feed.Wake();
        recovery.Note(committed);
        answered = 0;
        List<QueuedCommand> again = [.. batch.Deferred];
        foreach (Batch.KeyCommands commands in batch.ByKey)
        {
            if (committed.Held[commands.Place])
            {
                cache.Remember(commands, committed);
                answered += commands.Verdicts.Count;
                foreach (Batch.Verdict verdict in commands.Verdicts)
                    replies.Give(verdict.Queued, verdict.Answer(committed));
                continue;
            }

            cache.Forget(commands.Key);
            again.AddRange(commands.Verdicts.Select(verdict => verdict.Queued).Where(recovery.MayTryAgain));
        }

        return again;
    }

    [LoggerMessage(27, LogLevel.Warning, "The lane has not finished within {Seconds} s; ending all the same")]
    private partial void LogNotFinished(double seconds);
}
