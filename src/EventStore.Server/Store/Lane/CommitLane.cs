using System.Collections.ObjectModel;
using System.Diagnostics;
using System.Threading.Channels;
using EventStore.Domain.Jobs;
using EventStore.Server.Store.Feed;
using EventStore.Server.Store.Format;
using EventStore.Server.Store.Reads;
using EventStore.Server.Telemetry;
using Npgsql;

namespace EventStore.Server.Store.Lane;

/// <summary>
/// The one lane through which a process writes. Commands wait in a bounded queue; one task takes what is there, decides it against
/// the current jobs and commits it as one transaction. One transaction for many commands keeps one order over the whole store and
/// shares one flush of the disk: a global order taken per command would cost four fifths of the throughput.
/// </summary>
/// <remarks>
/// <para>What one batch is answered is sent when the next one is on its way to the database, which so has work while answers go out and
/// further requests come in. For the same reason a batch takes half of what is under way and leaves the other half to the next.</para>
/// <para>Commands are decided before their turn, on their requests' threads, and what is not at hand for that is read before it too: a batch
/// mostly finds everything ready.</para>
/// <para>The cache of current jobs may be stale; that is harmless, for the database checks what each decision was made from, refusals and
/// decisions that change nothing included, and an answer is given only after it has.</para>
/// </remarks>
public sealed partial class CommitLane : IAsyncDisposable
{
    private readonly NpgsqlDataSource database;
    private readonly LaneLimits limits;
    private readonly JobFeed feed;
    private readonly ServerPresence mark;
    private readonly ILogger<CommitLane> log;
    private readonly JobCache cache;
    private readonly ReplyQueue answers = new();
    private readonly Task running;
    private long rebuilds;

    /// <summary>Starts the lane.</summary>
    public CommitLane(NpgsqlDataSource database, LaneLimits limits, JobFeed feed, ServerPresence mark, ILogger<CommitLane> log)
    {
        (this.database, this.limits, this.feed, this.mark, this.log) = (database, limits, feed, mark, log);
        cache = new JobCache(limits.CacheBytes, limits.PackedBytes);
        reads = new CoalescedReads(database, queriesMax: 1);
        queue = Channel.CreateBounded<QueuedCommand>(new BoundedChannelOptions(limits.QueueLength) { SingleReader = true });
        running = Task.Run(Run);
    }

    /// <summary>Carries out a command.</summary>
    /// <param name="command">The command.</param>
    /// <param name="dryRun">Only answer; store nothing.</param>
    /// <param name="bodyBytes">The size of the request's body.</param>
    /// <param name="clientLeft">Gives the command up while it waits; once it is being committed, it is committed.</param>
    /// <exception cref="OperationCanceledException">The client left while the command waited.</exception>
    public async Task<Outcome> Execute(JobCommand command, bool dryRun, int bodyBytes, CancellationToken clientLeft)
    {
        using Activity? span = Signals.Source.StartActivity(Signals.LaneSpan);
        var queued = new QueuedCommand(command, dryRun, bodyBytes + 256) { Span = span };
        if (!Admit(queued))
            return new Outcome.Busy();
        try
        {
            queued.EarlyDecision = await DecideEarly(command, clientLeft);
        }
        catch
        {
            Dismiss(queued);
            throw;
        }

        if (!queue.Writer.TryWrite(queued))
        {
            Dismiss(queued);
            return new Outcome.Busy(); // the server is about to stop
        }

        await using CancellationTokenRegistration leaving = clientLeft.Register(() => queued.Leave(clientLeft));
        return await queued.Answer;
    }

    /// <summary>Takes no more commands, carries out those that wait, and ends.</summary>
    public async ValueTask DisposeAsync()
    {
        queue.Writer.TryComplete();
        if (await Task.WhenAny(running, Task.Delay(limits.StopTime)) == running)
            await Disconnect();
        else
            LogNotFinished(limits.StopTime.TotalSeconds); // as with a killed process: what was answered is stored, the rest is or is not
    }

    private async Task Run()
    {
        List<QueuedCommand> commands = [];
        while (commands.Count > 0 || await WaitForCommands())
        {
            // What has to be decided again goes first, and keeps nobody waiting behind it.
            TakeWaiting(commands);
            try
            {
                commands = await Round(commands);
            }
            catch (Exception e)
            {
                // A bug in the lane. There is no other lane: everybody is answered, and it goes on.
                LogBug(commands.Count, e);
                commands = await GiveUp(commands, e, mayHaveBeenApplied: true);
            }
        }
    }

    /// <summary>Decides and commits the commands once; answers which have to be decided again.</summary>
    private async Task<List<QueuedCommand>> Round(List<QueuedCommand> commands)
    {
        if (commands.Count == 0)
            return []; // the clients of all that waited have left
        Batch batch;
        try
        {
            batch = await Decide(commands);
        }
        catch (Exception e) when (DatabaseAway.Is(e))
        {
            return await GiveUp(commands, e, mayHaveBeenApplied: false);
        }
        catch (Exception e)
        {
            return await Isolate(commands, e); // a rule or a stored row the program cannot handle: a bug, but of one command
        }

        Committed committed;
        try
        {
            committed = await Commit(batch, commands);
        }
        catch (PostgresException e) when (CommitCall.IsOutrun(e))
        {
            commands.ForEach(command => cache.Forget(command.Command.Key));
            return commands.FindAll(MayTryAgain);
        }
        catch (PostgresException e) when (e.InvariantSeverity == "ERROR") // the transaction was rolled back: nothing of it is stored
        {
            return DatabaseAway.Is(e) ? await GiveUp(commands, e, mayHaveBeenApplied: false) : await Isolate(commands, e);
        }
        catch (Exception e)
        {
            return await FindOut(batch, commands, e);
        }

        return Settle(batch, committed);
    }

    private async Task<Batch> Decide(List<QueuedCommand> commands)
    {
        bool kept = await Connect();
        if (feed.Rebuilds != rebuilds)
        {
            rebuilds = feed.Rebuilds;
            cache.Clear(); // a row that was wrong may be remembered, and its version says nothing of that
        }

        IReadOnlyDictionary<JobKey, Job> loaded;
        try
        {
            loaded = await LoadMissing(commands);
        }
        catch (Exception e) when (kept && DatabaseAway.Is(e))
        {
            // PostgreSQL was started anew, or somebody on the way closed what was idle. Nothing is under way: a new connection will do.
            LogReconnecting(e.Message);
            await Disconnect();
            database.Clear();
            await Connect();
            loaded = await LoadMissing(commands);
        }

        return Batch.Of(commands, key => cache.TryGet(key, out Job? job) || loaded.TryGetValue(key, out job) ? job : null);
    }

    /// <summary>Reads the jobs that are not at hand; where a command was decided early upon there being none, that is checked with the rest.</summary>
    private async Task<IReadOnlyDictionary<JobKey, Job>> LoadMissing(List<QueuedCommand> commands)
    {
        IEnumerable<JobKey> keys = commands.Where(queued => queued.EarlyDecision is not { Basis: null }).Select(queued => queued.Command.Key);
        JobKey[] missing = [.. keys.Where(key => !cache.TryGet(key, out _)).Distinct()];
        if (missing.Length == 0)
            return ReadOnlyDictionary<JobKey, Job>.Empty;
        answers.Send();
        await using var command = new NpgsqlCommand(LivingRow.Sql, connection);
        return (await LivingRow.All(command, missing)).OfType<LivingRow>().ToDictionary(read => read.Stored.Key, read => read.ToJob());
    }

    /// <summary>Answers the chains that held; the commands of the others are to be decided again.</summary>
    private List<QueuedCommand> Settle(Batch batch, Committed committed)
    {
        if (batch.Entries.Count > 0)
            feed.Wake();
        answered = 0;
        List<QueuedCommand> again = [.. batch.Deferred];
        foreach (Batch.Chain chain in batch.Chains)
        {
            if (committed.Held[chain.Place])
            {
                Remember(chain, committed);
                answered += chain.Verdicts.Count;
                foreach (Batch.Verdict verdict in chain.Verdicts)
                    answers.Give(verdict.Queued, Answer(verdict, committed));
                continue;
            }

            cache.Forget(chain.Key);
            again.AddRange(chain.Verdicts.Select(verdict => verdict.Queued).Where(MayTryAgain));
        }

        return again;
    }

    private void Remember(Batch.Chain chain, Committed committed)
    {
        if (chain.LastEntry is not { } last)
        {
            if (chain.Basis is not null)
                cache.Put(chain.Basis, chain.BasisText.LengthBytes);
            return;
        }

        if (last.After.Deleted)
            cache.Forget(chain.Key);
        else
            cache.Put(last.After with { Revision = committed.Revisions[last.Place] }, last.Text.LengthBytes);
    }

    private static Outcome Answer(Batch.Verdict verdict, Committed committed)
    {
        if (verdict.Why is { } why)
            return new Outcome.Refused(why);
        long revision = verdict.Entry is { } entry ? committed.Revisions[entry.Place] : verdict.Job!.Revision;
        return new Outcome.Done(verdict.Job! with { Revision = revision }, verdict.Text!.ToUtf8(revision));
    }

    private bool MayTryAgain(QueuedCommand queued)
    {
        queued.EarlyDecision = null;
        if (++queued.Attempts < limits.AttemptsMax)
            return true;
        LogBeatenTooOften(queued.Command.Key, queued.Attempts);
        answers.Give(queued, new Outcome.Busy());
        return false;
    }
}
