using System.Net;
using EventStore.Server.Tests.Fixtures;

namespace EventStore.Server.Tests.Store;

/// <summary>A server dies between two instructions while many write: what it answered is there, and nothing is there by half.</summary>
[Trait("Category", "Slow")]
public sealed class Killed_servers
{
    private const int Writers = 16;
    private const int AnswersBeforeTheEnd = 300;

    [Fact]
    public async Task Lose_nothing_they_answered_and_leave_nothing_by_half()
    {
        await using TestDatabase database = await TestDatabase.Create();
        await using ServerProcess survivor = await ServerProcess.Start(database.Serving);
        await Race.Of(Writers, [survivor], (client, i) => client.PostAsync(Sample.Jobs(), Sample.Body(Sample.Manifest($"job-{i}"))));
        for (int round = 1; round <= 3; round++)
        {
            List<Answered> answered = await KillUnderLoad(database, $"r{round}");

            // Whoever is left goes on at once, with the jobs the dead one wrote last too.
            Reply[] next = await Race.Of(Writers, [survivor], (client, i) => client.Patch(
                Sample.Job($"job-{i}"), $$$$"""{"metadata":{"labels":{"survived":"r{{{{round}}}}"}}}"""));
            Assert.All(next, reply => Assert.True(reply.Code == HttpStatusCode.OK, reply.Text));

            Assert.True(answered.Count >= AnswersBeforeTheEnd);
            HashSet<(long, string, string)> stored = await Stored(database, $"r{round}");
            Assert.All(answered, one => Assert.Contains((one.Revision, one.Job, one.Value), stored));
            Assert.InRange(stored.Count, answered.Count, answered.Count + Writers); // what was under way may be there or not
            await database.AssertWhole();
        }
    }

    private static async Task<List<Answered>> KillUnderLoad(TestDatabase database, string round)
    {
        await using ServerProcess victim = await ServerProcess.Start(database.Serving);
        var answered = new List<Answered>();
        var enough = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        Task[] writers = [.. Enumerable.Range(0, Writers).Select(i => Write(victim, $"job-{i}", round, answered, enough))];
        await enough.Task.WaitAsync(Eventually.Deadline);
        await victim.Kill();
        await Task.WhenAll(writers);
        return answered;
    }

    private static async Task Write(ServerProcess victim, string job, string round, List<Answered> answered, TaskCompletionSource enough)
    {
        try
        {
            for (int count = 1; ; count++)
            {
                string value = $"{round}-{count}";
                Reply reply = await Reply.Of(
                    victim.Admin.Patch(Sample.Job(job), $$$$"""{"metadata":{"labels":{"count":"{{{{value}}}}"}}}"""));
                Assert.True(reply.Code == HttpStatusCode.OK, reply.Text);
                lock (answered)
                {
                    answered.Add(new Answered(long.Parse(reply.Json.Revision()), job, value));
                    if (answered.Count == AnswersBeforeTheEnd)
                        enough.SetResult();
                }
            }
        }
        catch (Exception e) when (e is HttpRequestException or IOException)
        {
            // The server is dead.
        }
        catch (Exception e)
        {
            enough.TrySetException(e);
        }
    }

    private static async Task<HashSet<(long Revision, string Job, string Value)>> Stored(TestDatabase database, string round)
    {
        await using var command = database.OwnerSource.CreateCommand($"""
            SELECT e.seq_id, j.name, e.data #>> '{"{patch,metadata,labels,count}"}'
              FROM eventstore.mt_events e JOIN eventstore.mt_doc_current_job j ON j.id = e.stream_id
             WHERE e.data #>> '{"{patch,metadata,labels,count}"}' LIKE '{round}-%'
            """);
        await using var reader = await command.ExecuteReaderAsync();
        var stored = new HashSet<(long, string, string)>();
        while (await reader.ReadAsync())
            stored.Add((reader.GetInt64(0), reader.GetString(1), reader.GetString(2)));
        return stored;
    }

    private sealed record Answered(long Revision, string Job, string Value);
}
