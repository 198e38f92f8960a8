using EventStore.Domain.Jobs;
using Npgsql;

namespace EventStore.Server.Store;

/// <summary>
/// Reads single jobs, many of them with one query. Who asks while queries are under way waits for the next one: that begins after he
/// asked, and so sees every write answered before, of any process. Who asks alone waits for nobody.
/// </summary>
internal sealed class SharedGets(NpgsqlDataSource database)
{
    /// <summary>The most queries at once: more of them would each carry less.</summary>
    private const int QueriesMax = 2;

    /// <summary>The most jobs of one query.</summary>
    private const int JobsMax = 64;

    // LIMIT 1 holds the plan to one look into the index for each name, whatever the planner believed of the table when it made the plan.
    private const string Sql = """
        SELECT k.place, j.revision, j.data ->> 'text', j.mt_last_modified
          FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS k (namespace, name, place)
         CROSS JOIN LATERAL (SELECT * FROM eventstore.mt_doc_current_job
                              WHERE (namespace || '/') COLLATE "C" = k.namespace || '/' AND name COLLATE "C" = k.name AND NOT deleted LIMIT 1) j
        """;

    private readonly Lock gate = new();
    private readonly Queue<Question> waiting = new();
    private int queries;

    /// <summary>The living job of that name, or null.</summary>
    public Task<StoredJob?> Get(JobKey key, CancellationToken stop)
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
            if (waiting.Count == 0 || queries == QueriesMax)
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
        await using NpgsqlCommand command = database.CreateCommand(Sql);
        command.Parameters.Add(new NpgsqlParameter<string[]> { TypedValue = Array.ConvertAll(questions, question => question.Key.Namespace) });
        command.Parameters.Add(new NpgsqlParameter<string[]> { TypedValue = Array.ConvertAll(questions, question => question.Key.Name) });
        var jobs = new StoredJob?[questions.Length];
        await using (NpgsqlDataReader reader = await command.ExecuteReaderAsync())
        {
            while (await reader.ReadAsync())
            {
                long place = reader.GetInt64(0) - 1;
                jobs[place] = new StoredJob(questions[place].Key, reader.GetInt64(1), reader.GetFieldValue<byte[]>(2), reader.GetFieldValue<DateTimeOffset>(3));
            }
        }

        for (int i = 0; i < jobs.Length; i++)
            questions[i].Answer.TrySetResult(jobs[i]);
    }

    private sealed class Question(JobKey key)
    {
        public JobKey Key { get; } = key;

        public TaskCompletionSource<StoredJob?> Answer { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}
