using EventStore.Domain.Jobs;
using EventStore.Server.Store.Format;
using Npgsql;

namespace EventStore.Server.Store.Reads;

/// <summary>
/// Reads single jobs, many of them with one query. Who asks while queries are under way waits for the next one: that begins after he
/// asked, and so sees every write answered before, of any process. Who asks alone waits for nobody.
/// </summary>
/// <param name="database">Where to read.</param>
/// <param name="queriesMax">The most queries at once: the more of them, the less each carries.</param>
/// <param name="textBytesMax">The longest text that is read, in bytes; of a longer one only its size is answered.</param>
internal sealed class CoalescedReads(NpgsqlDataSource database, int queriesMax, int textBytesMax = int.MaxValue)
{
    /// <summary>The most jobs of one query.</summary>
    private const int JobsMax = 64;

    private readonly Lock gate = new();
    private readonly Queue<Question> waiting = new();
    private int queries;

    /// <summary>The living job of that name, or null.</summary>
    public Task<LivingRow?> Get(JobKey key, CancellationToken stop)
    {
        var question = new Question(key);
        lock (gate)
            waiting.Enqueue(question);
        _ = AskOn();
        return question.Answer.Task.WaitAsync(stop);
    }

    /// <summary>Asks as long as somebody waits, unless enough do so already. Whatever happens is the answer to those who asked.</summary>
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
            // One of them may be what PostgreSQL cannot be asked: it fails alone.
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
            var taken = new Question[Math.Min(waiting.Count, JobsMax)];
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
        for (int i = 0; i < jobs.Length; i++)
            questions[i].Answer.TrySetResult(jobs[i]);
    }

    private sealed class Question(JobKey key)
    {
        public JobKey Key { get; } = key;

        public TaskCompletionSource<LivingRow?> Answer { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}
