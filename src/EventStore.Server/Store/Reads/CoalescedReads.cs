using EventStore.Domain.Jobs;
using EventStore.Server.Store.Format;
using EventStore.Server.Store.Hosts;

namespace EventStore.Server.Store.Reads;

/// <summary>
/// Coalesces reads of single jobs: those that arrive while queries are under way share the next one. It begins after they arrived, so every
/// read is linearizable: it sees every write answered before, of any process. A read that arrives alone waits for nothing.
/// </summary>
/// <remarks>
/// One query reads at most <see cref="AnswerBytes"/> and one job. The length of a job is unknown until it is read. The first query returns
/// only the length of any job larger than its share; a second query reads it, with others as far as all fit.
/// </remarks>
/// <param name="database">The database.</param>
/// <param name="queriesMax">The most queries at once: the more of them, the fewer jobs each carries.</param>
/// <param name="textBytesMax">The longest text that is read, in bytes; of a longer one only its size is returned.</param>
internal sealed class CoalescedReads(Primary database, int queriesMax, int textBytesMax = int.MaxValue)
{
    /// <summary>The most bytes of text of one query's answer, beyond those of a single job.</summary>
    internal const int AnswerBytes = 4 << 20;

    /// <summary>The most jobs of one query.</summary>
    private const int JobsMax = 64;

    private readonly Lock gate = new();
    private readonly Queue<Question> waiting = new();
    private readonly Queue<Question> large = new(); // those asked for once more
    private int queries;
    private bool largeIsNext;
    private long bytesMost;

    /// <summary>The most bytes of text that one query has read so far.</summary>
    internal long BytesMost => Volatile.Read(ref bytesMost);

    /// <summary>The living job of that name, or null.</summary>
    public Task<LivingRow?> Get(JobKey key, CancellationToken stop)
    {
        var question = new Question(key);
        lock (gate)
            waiting.Enqueue(question);
        _ = AskOn();
        return question.Answer.Task.WaitAsync(stop);
    }

    /// <summary>
    /// Runs queries as long as reads wait, unless enough are under way. If a query fails, each of its reads fails with the same exception.
    /// </summary>
    private async Task AskOn()
    {
        while (TakeWaiting() is { } questions)
        {
            try
            {
                await AnswerAll(questions);
            }
            finally
            {
                lock (gate)
                    queries--;
            }
        }
    }

    private async Task AnswerAll(Question[] questions)
    {
        try
        {
            await Ask(questions);
        }
        catch (Exception e) when (questions.Length > 1 && !DatabaseAway.Is(e))
        {
            // One of the keys may be one that PostgreSQL refuses: only that read fails.
            foreach (Question question in questions)
                await AnswerAll([question]);
        }
        catch (Exception e)
        {
            foreach (Question question in questions)
                question.Answer.TrySetException(e);
        }
    }

    /// <summary>
    /// Takes the reads of the next query and sets for each the longest text it may read. Large jobs and others are served in turn, so that
    /// neither kind waits for all of the other.
    /// </summary>
    private Question[]? TakeWaiting()
    {
        lock (gate)
        {
            if (waiting.Count + large.Count == 0 || queries == queriesMax)
                return null;
            queries++;
            return large.Count > 0 && (waiting.Count == 0 || largeIsNext) ? TakeLarge() : TakeAny();
        }
    }

    private Question[] TakeLarge()
    {
        largeIsNext = false;
        var taken = new List<Question>();
        long bytes = 0;
        while (large.TryPeek(out Question? next) && (taken.Count == 0 || bytes + next.BytesMax <= AnswerBytes))
        {
            taken.Add(large.Dequeue());
            bytes += next.BytesMax;
        }

        if (taken is [var alone])
            alone.BytesMax = textBytesMax;
        return [.. taken];
    }

    private Question[] TakeAny()
    {
        largeIsNext = true;
        var taken = new Question[Math.Min(waiting.Count, JobsMax)];
        int share = Math.Min(textBytesMax, taken.Length == 1 ? int.MaxValue : AnswerBytes / taken.Length);
        for (int i = 0; i < taken.Length; i++)
            (taken[i] = waiting.Dequeue()).BytesMax = share;
        return taken;
    }

    private async Task Ask(Question[] questions)
    {
        LivingRow?[] jobs = await Read(questions);
        long bytes = jobs.Sum(job => (long)(job?.Stored?.Utf8.Length ?? 0));
        for (long most = BytesMost; bytes > most; most = BytesMost)
            Interlocked.CompareExchange(ref bytesMost, bytes, most);
        for (int i = 0; i < jobs.Length; i++)
        {
            if (jobs[i] is { Stored: null } longer && longer.TextBytes <= textBytesMax)
                AskAgain(questions[i], longer.TextBytes);
            else
                questions[i].Answer.TrySetResult(jobs[i]);
        }
    }

    private Task<LivingRow?[]> Read(Question[] questions)
    {
        JobKey[] keys = Array.ConvertAll(questions, question => question.Key);
        int[] bytesMax = Array.ConvertAll(questions, question => question.BytesMax); // a read that is abandoned asks no more of them
        return database.Read(connection => LivingRow.All(connection, keys, bytesMax));
    }

    /// <summary>
    /// Queues the read again, now that the job's size is known. If the job grows meanwhile that repeats, and in the end the job is read
    /// alone.
    /// </summary>
    private void AskAgain(Question question, int bytes)
    {
        lock (gate)
        {
            question.BytesMax = bytes + (bytes / 16); // it may have grown by then
            large.Enqueue(question);
        }
    }

    private sealed class Question(JobKey key)
    {
        public JobKey Key { get; } = key;

        /// <summary>The longest text the next query may answer it with, in bytes.</summary>
        public int BytesMax { get; set; }

        public TaskCompletionSource<LivingRow?> Answer { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}
