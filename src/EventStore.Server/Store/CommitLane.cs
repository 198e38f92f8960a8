using System.Diagnostics;
using System.Threading.Channels;
using EventStore.Domain.Jobs;
using Npgsql;

namespace EventStore.Server.Store;

/// <summary>
/// The one lane through which a process writes. Commands wait in a bounded queue; one task takes what is there, decides it against
/// the current jobs and commits it as one transaction. One transaction for many commands keeps one order over the whole store and
/// shares one flush of the disk: a global order taken per command would cost four fifths of the throughput.
/// </summary>
/// <remarks>
/// The cache of current jobs may be stale; that is harmless, for the database checks what each decision was made from, refusals and
/// decisions that change nothing included, and an answer is given only after it has.
/// </remarks>
public sealed partial class CommitLane : IAsyncDisposable
{
    private readonly NpgsqlDataSource database;
    private readonly LaneLimits limits;
    private readonly JobFeed feed;
    private readonly ILogger<CommitLane> log;
    private readonly Channel<QueuedCommand> queue;
    private readonly JobCache cache;
    private readonly Task running;
    private NpgsqlConnection? connection;
    private long queuedBytes;

    /// <summary>Starts the lane.</summary>
    public CommitLane(NpgsqlDataSource database, LaneLimits limits, JobFeed feed, ILogger<CommitLane> log)
    {
        (this.database, this.limits, this.feed, this.log) = (database, limits, feed, log);
        cache = new JobCache(limits.CacheBytes);
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
        var queued = new QueuedCommand(command, dryRun, bodyBytes + 256);
        if (Interlocked.Add(ref queuedBytes, queued.WeightBytes) > limits.QueueBytes || !queue.Writer.TryWrite(queued))
        {
            Interlocked.Add(ref queuedBytes, -queued.WeightBytes);
            return new Outcome.Busy();
        }

        await using CancellationTokenRegistration leaving = clientLeft.Register(() => queued.Leave(clientLeft));
        return await queued.Answer;
    }

    /// <summary>Takes no more commands, carries out those that wait, and ends.</summary>
    public async ValueTask DisposeAsync()
    {
        queue.Writer.TryComplete();
        await running;
        if (connection is not null)
            await connection.DisposeAsync();
    }

    private async Task Run()
    {
        while (await queue.Reader.WaitToReadAsync())
        {
            List<QueuedCommand> commands = TakeWaiting();
            while (commands.Count > 0)
                commands = await Round(commands);
        }
    }

    private List<QueuedCommand> TakeWaiting()
    {
        var commands = new List<QueuedCommand>();
        long bytes = 0;
        while (commands.Count < limits.BatchLength && bytes < limits.BatchBytes && queue.Reader.TryRead(out QueuedCommand? queued))
        {
            Interlocked.Add(ref queuedBytes, -queued.WeightBytes);
            bytes += queued.WeightBytes;
            if (queued.TryTake())
                commands.Add(queued);
        }

        return commands;
    }

    /// <summary>Decides and commits the commands once; answers which have to be decided again.</summary>
    private async Task<List<QueuedCommand>> Round(List<QueuedCommand> commands)
    {
        Batch batch;
        try
        {
            await Connect();
            IReadOnlyDictionary<JobKey, Job> loaded = await LoadMissing(commands);
            batch = Batch.Of(commands, key => cache.TryGet(key, out Job? job) || loaded.TryGetValue(key, out job) ? job : null);
        }
        catch (Exception e) when (DatabaseAway.Is(e))
        {
            return await GiveUp(commands, e, mayHaveBeenApplied: false);
        }
        catch (Exception e)
        {
            return await Isolate(commands, e); // a rule or a stored row the program cannot handle: a bug, but of one command
        }

        try
        {
            return Settle(batch, await CommitCall.Execute(connection!, batch));
        }
        catch (PostgresException e) when (e.Severity == "ERROR") // the transaction was rolled back: nothing of it is stored
        {
            return DatabaseAway.Is(e) ? await GiveUp(commands, e, mayHaveBeenApplied: false) : await Isolate(commands, e);
        }
        catch (Exception e) when (DatabaseAway.Is(e))
        {
            return await FindOut(batch, commands, e);
        }
        catch (Exception e)
        {
            return await Isolate(commands, e);
        }
    }

    /// <summary>Answers the chains that held; the commands of the others are to be decided again.</summary>
    private List<QueuedCommand> Settle(Batch batch, Committed committed)
    {
        if (batch.Entries.Count > 0)
            feed.Wake();
        List<QueuedCommand> again = [.. batch.Deferred];
        foreach (Batch.Chain chain in batch.Chains)
        {
            if (committed.Held[chain.Place])
            {
                Remember(chain, committed);
                foreach (Batch.Verdict verdict in chain.Verdicts)
                    verdict.Queued.Complete(Answer(verdict, committed));
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
            if (chain.Basis is not null && !cache.TryGet(chain.Key, out _))
                cache.Put(chain.Basis, JobText.Of(chain.Basis).LengthBytes);
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
        Job job = verdict.Job!;
        if (verdict.Entry is { } entry)
            job = job with { Revision = committed.Revisions[entry.Place] };
        JobText text = ReferenceEquals(verdict.Job, verdict.Entry?.After) ? verdict.Entry!.Text : JobText.Of(job);
        return new Outcome.Done(job, text.ToUtf8(job.Revision));
    }

    private bool MayTryAgain(QueuedCommand queued)
    {
        if (++queued.Attempts < limits.AttemptsMax)
            return true;
        LogBeatenTooOften(queued.Command.Key, queued.Attempts);
        queued.Complete(new Outcome.Failed());
        return false;
    }

    /// <summary>
    /// The batch was refused and nothing of it is stored. One command may be to blame: each is tried alone, and the one that fails
    /// alone fails alone.
    /// </summary>
    private async Task<List<QueuedCommand>> Isolate(List<QueuedCommand> commands, Exception e)
    {
        foreach (QueuedCommand command in commands)
            cache.Forget(command.Command.Key);
        if (commands.Count == 1)
        {
            LogPoison(commands[0].Command.Key, commands[0].Command.Origin.RequestId, e);
            commands[0].Complete(new Outcome.Failed());
            return [];
        }

        LogIsolating(commands.Count, e);
        foreach (QueuedCommand command in commands)
        {
            List<QueuedCommand> alone = [command];
            while (alone.Count > 0)
                alone = await Round(alone);
        }

        return [];
    }

    /// <summary>
    /// The connection broke while the batch was being committed: it may be stored or not. Before anything is decided again, the
    /// events are looked for; what is found is answered as done.
    /// </summary>
    private async Task<List<QueuedCommand>> FindOut(Batch batch, List<QueuedCommand> commands, Exception cause)
    {
        LogOutcomeUnknown(batch.Entries.Count, cause);
        foreach (Batch.Chain chain in batch.Chains)
            cache.Forget(chain.Key);
        long started = Stopwatch.GetTimestamp();
        while (true)
        {
            try
            {
                await Disconnect();
                await Connect();
                return Settle(batch, await CommitCall.LookUp(connection!, batch));
            }
            catch (Exception e) when (DatabaseAway.Is(e) && Stopwatch.GetElapsedTime(started) < limits.LookUpTime)
            {
                LogStillUnknown(e.Message);
                await Task.Delay(limits.LookUpPause);
            }
            catch (Exception e) when (DatabaseAway.Is(e))
            {
                return await GiveUp(commands, e, mayHaveBeenApplied: true);
            }
        }
    }

    private async Task<List<QueuedCommand>> GiveUp(List<QueuedCommand> commands, Exception e, bool mayHaveBeenApplied)
    {
        LogDatabaseAway(commands.Count, e);
        await Disconnect();
        foreach (QueuedCommand command in commands)
            command.Complete(new Outcome.Unavailable(mayHaveBeenApplied && !command.DryRun));
        return [];
    }

    private async Task<IReadOnlyDictionary<JobKey, Job>> LoadMissing(List<QueuedCommand> commands)
    {
        HashSet<JobKey> missing = [.. commands.Select(queued => queued.Command.Key).Where(key => !cache.TryGet(key, out _))];
        return missing.Count == 0 ? new Dictionary<JobKey, Job>() : await JobReads.Load(connection!, [.. missing]);
    }

    private async Task Connect()
    {
        if (connection is { State: not System.Data.ConnectionState.Open })
            await Disconnect();
        connection ??= await database.OpenConnectionAsync();
    }

    private async Task Disconnect()
    {
        if (connection is not null)
            await connection.DisposeAsync();
        connection = null;
    }

    [LoggerMessage(LogLevel.Error, "{Key}: the command of request {RequestId} cannot be carried out")]
    private partial void LogPoison(JobKey key, string requestId, Exception e);

    [LoggerMessage(LogLevel.Warning, "A batch of {Count} commands could not be carried out; trying each alone")]
    private partial void LogIsolating(int count, Exception e);

    [LoggerMessage(LogLevel.Warning, "The connection broke while {Count} events were being committed; looking whether they were")]
    private partial void LogOutcomeUnknown(int count, Exception e);

    [LoggerMessage(LogLevel.Warning, "Cannot look yet whether the events were committed: {Reason}")]
    private partial void LogStillUnknown(string reason);

    [LoggerMessage(LogLevel.Error, "The database is away; {Count} commands are answered 503")]
    private partial void LogDatabaseAway(int count, Exception e);

    [LoggerMessage(LogLevel.Error, "{Key}: gave up after {Attempts} attempts, each time somebody else had changed the job")]
    private partial void LogBeatenTooOften(JobKey key, int attempts);
}
