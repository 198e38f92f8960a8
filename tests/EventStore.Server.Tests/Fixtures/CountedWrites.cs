using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using Npgsql;

namespace EventStore.Server.Tests.Fixtures;

/// <summary>
/// Writers that count up a label of a job each while the database, or the server, may go at any moment. What was answered must be there once,
/// what was answered as not done must not; only what was left open may be either.
/// </summary>
internal sealed class CountedWrites
{
    private readonly ConcurrentBag<Written> answered = [];
    private readonly ConcurrentDictionary<(string Job, string Value), bool> unanswered = new();
    private readonly ConcurrentDictionary<string, int> refusals = new();
    private readonly ConcurrentDictionary<string, long> reached = new();

    /// <summary>How many writes were answered as done.</summary>
    public int Answered => answered.Count;

    /// <summary>How many were neither answered as done nor as not done.</summary>
    public int Unanswered => unanswered.Count;

    /// <summary>What was said instead, and how often.</summary>
    public string Refusals => string.Join('\n', refusals.Select(refusal => $"{refusal.Value} times {refusal.Key}"));

    /// <summary>Patches one job until it is stopped. Anything but 200 and 503 fails it.</summary>
    public async Task Write(HttpClient client, string job, CancellationToken stop)
    {
        for (int count = 1; !stop.IsCancellationRequested; count++)
        {
            string value = $"v{count}";
            try
            {
                Reply reply = await Reply.Of(client.Patch(Sample.Job(job), $$$$"""{"metadata":{"labels":{"count":"{{{{value}}}}"}}}"""));
                if (reply.Code == HttpStatusCode.OK)
                {
                    long revision = long.Parse(reply.Json.Revision(), CultureInfo.InvariantCulture);
                    answered.Add(new Written(revision, job, value));
                    reached[job] = revision;
                    continue;
                }

                Assert.True(reply.Code == HttpStatusCode.ServiceUnavailable && reply.RetryAfter is not null, reply.Text);
                refusals.AddOrUpdate((string)reply.Json["message"]!, 1, (_, times) => times + 1);
                // Whether it was applied is only left open where the message says so.
                if (reply.Text.Contains("may have been applied", StringComparison.Ordinal))
                    unanswered[(job, value)] = true;
            }
            catch (HttpRequestException e)
            {
                refusals.AddOrUpdate(e.HttpRequestError.ToString(), 1, (_, times) => times + 1);
                unanswered[(job, value)] = true;
            }

            await Task.Delay(50, CancellationToken.None);
        }
    }

    /// <summary>Reads one job until it is stopped: never an older state than one whose write was answered before the read began.</summary>
    public async Task Read(HttpClient client, string job, CancellationToken stop)
    {
        while (!stop.IsCancellationRequested)
        {
            long before = reached.GetValueOrDefault(job);
            Reply reply = await Reply.Of(client.GetAsync(Sample.Job(job), CancellationToken.None));
            if (reply.Code == HttpStatusCode.OK)
                Assert.InRange(long.Parse(reply.Json.Revision(), CultureInfo.InvariantCulture), before, long.MaxValue);
            else
                Assert.True(reply.Code == HttpStatusCode.ServiceUnavailable && reply.RetryAfter is not null, reply.Text);
            await Task.Delay(10, CancellationToken.None);
        }
    }

    /// <summary>Compares with what is stored.</summary>
    /// <returns>How many of those left open are there.</returns>
    public async Task<int> Check(NpgsqlDataSource database)
    {
        await using NpgsqlCommand command = database.CreateCommand("""
            SELECT e.seq_id, j.name, e.data #>> '{patch,metadata,labels,count}'
              FROM eventstore.mt_events e JOIN eventstore.mt_doc_current_job j ON j.id = e.stream_id WHERE e.type = 'job_patched'
            """);
        await using NpgsqlDataReader reader = await command.ExecuteReaderAsync();
        var stored = new HashSet<Written>();
        while (await reader.ReadAsync())
            Assert.True(stored.Add(new Written(reader.GetInt64(0), reader.GetString(1), reader.GetString(2))));

        Assert.Equal(stored.Count, stored.Select(one => (one.Job, one.Value)).Distinct().Count()); // nothing twice
        Written[] lost = [.. answered.Where(one => !stored.Contains(one))];
        Assert.True(lost.Length == 0, $"{lost.Length} answered writes are not there: {string.Join(", ", lost.Take(5))}");
        Written[] unasked = [.. stored.Except(answered).Where(one => !unanswered.ContainsKey((one.Job, one.Value)))];
        Assert.True(unasked.Length == 0, $"there are writes that were answered as not done: {string.Join(", ", unasked.Take(5))}");
        return stored.Count - answered.Count;
    }

    private sealed record Written(long Revision, string Job, string Value);
}
