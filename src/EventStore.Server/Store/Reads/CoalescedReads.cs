using EventStore.Domain.Jobs;
using EventStore.Server.Store.Format;
using Npgsql;

namespace EventStore.Server.Store.Reads;

/// <summary>
/// Coalesces reads of single jobs: those that arrive while queries are running share the next query. It starts after they arrived,
/// so every read is linearizable: it sees every write answered before it, by any process. A read that arrives alone starts at once.
/// </summary>
/// <param name="database">The database.</param>
/// <param name="queriesMax">The most queries at once: the more of them, the fewer jobs each carries.</param>
/// <param name="textBytesMax">The longest text that is read, in bytes; of a longer one only its size is answered.</param>
internal sealed class CoalescedReads(NpgsqlDataSource database, int queriesMax, int textBytesMax = int.MaxValue)
{
    /// <summary>The most jobs of one query.</summary>
    private const int JobsMax = 64;

    /// <summary>An answer with more bytes than this halves the number of jobs of the next query; a smaller one doubles it.</summary>
    private const long AnswerBytes = 4 << 20;

    private readonly Lock gate = new();
    private readonly Queue<Question> waiting = new();
    private int queries;
    private int jobsAtOnce = JobsMax;

    /// <summary>The largest number of jobs the next query may ask for.</summary>
    internal int JobsAtOnce => Volatile.Read(ref jobsAtOnce);

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
    /// Runs queries as long as reads wait, unless enough are under way. An exception is the answer to the reads of its query.
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

    private Question[]? TakeWaiting()
    {
        lock (gate)
        {
            if (waiting.Count == 0 || queries == queriesMax)
                return null;
            queries++;
            var taken = new Question[Math.Min(waiting.Count, jobsAtOnce)];
            for (int i = 0; i < taken.Length; i++)
                taken[i] = waiting.Dequeue();
            return taken;
        }
    }

    private async Task Ask(Question[] questions)
    {
        await using NpgsqlCommand command = database.CreateCommand(LivingRow.Sql);
        var most = new int[questions.Length];
        Array.Fill(most, textBytesMax);
        LivingRow?[] jobs = await LivingRow.All(command, Array.ConvertAll(questions, question => question.Key), most);
        long bytes = jobs.Sum(job => (long)(job?.Stored?.Utf8.Length ?? 0));
        if (bytes > AnswerBytes)
            Volatile.Write(ref jobsAtOnce, Math.Max(1, questions.Length / 2));
        else if (questions.Length >= jobsAtOnce)
            Volatile.Write(ref jobsAtOnce, Math.Min(JobsMax, 2 * jobsAtOnce));
        for (int i = 0; i < jobs.Length; i++)
            questions[i].Answer.TrySetResult(jobs[i]);
    }

    private sealed class Question(JobKey key)
    {
        public JobKey Key { get; } = key;

        public TaskCompletionSource<LivingRow?> Answer { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}
