using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net;
using EventStore.Server.Tests.Fixtures;
using EventStore.Server.Tests.Watch;
using Npgsql;
using Xunit.Abstractions;

namespace EventStore.Server.Tests.Survival;

/// <summary>
/// Servers and PostgreSQL are killed at random moments while 16 write and some watch: every answered write is there, every other one is there
/// or not but never by half, and who watched missed nothing. With <c>SURVIVAL_KILLS=50</c> as often as that.
/// </summary>
[Trait("Category", "Slow")]
public sealed class Killed_processes(ITestOutputHelper output)
{
    private const int WritersCount = 16;

    // Every column of every current job.
    private const string Rows = "SELECT string_agg(j::text, E'\\n' ORDER BY id) FROM eventstore.mt_doc_current_job j";

    private static readonly int Kills = Rounds.Of("SURVIVAL_KILLS", 3);
    private static readonly string[] QuickBookmarks = ["--Feed:BookmarkEvery=00:00:00.3"];

    private static readonly string[] Begins = ["initial", "none", "2", "5"];

    private readonly ConcurrentBag<Written> answered = [];
    private readonly ConcurrentDictionary<(string Job, string Value), bool> unanswered = new();
    private readonly ConcurrentDictionary<string, int> refusals = new();

    [Fact]
    public async Task Lose_nothing_that_was_answered_and_leave_nothing_by_half()
    {
        await using OwnCluster cluster = await OwnCluster.Start(durable: true);
        await using TestDatabase database = await TestDatabase.Create(cluster.Superuser);
        List<ServerProcess> servers = [await ServerProcess.Start(database.Serving, QuickBookmarks), await ServerProcess.Start(database.Serving, QuickBookmarks)];
        await using var proxy = new TcpProxy([.. servers.Select(server => server.Url)]);
        using HttpClient client = proxy.Client();
        try
        {
            for (int i = 0; i < WritersCount; i++)
                await client.Create($"job-{i}");
            using var stop = new CancellationTokenSource();
            var end = new TaskCompletionSource<long>(TaskCreationOptions.RunContinuationsAsynchronously);
            Follower[] followers = [.. Begins.Select(begin => new Follower(client, Sample.Jobs(), "", _ => true, begin, 1 + WritersCount))];
            Task[] following = [.. followers.Select(follower => follower.Follow(end.Task))];
            Task[] writing = [.. Enumerable.Range(0, WritersCount).Select(i => Task.Run(() => Write(client, $"job-{i}", stop.Token)))];

            await KillAtRandom(cluster, database, servers, proxy);

            await stop.CancelAsync();
            await Task.WhenAll(writing).WaitAsync(TimeSpan.FromSeconds(60));
            NpgsqlConnection.ClearAllPools();
            database.Source.Clear();
            database.OwnerSource.Clear();
            end.SetResult(await database.Ask<long>("SELECT revision FROM eventstore.head"));
            await Task.WhenAll(following).WaitAsync(TimeSpan.FromSeconds(120));

            await CheckStored(database);
            Replay replay = await Replay.Of(database);
            Assert.All(followers, follower => follower.Check(replay));
            output.WriteLine($"watches resumed {followers.Sum(follower => follower.CutOff)} times, and missed none of {replay.Head - 1} revisions");
        }
        finally
        {
            foreach (ServerProcess server in servers)
                await server.DisposeAsync();
        }

        await database.AssertWhole();
        string before = await database.Ask<string>(Rows);
        await using ProgramRun rebuilt = await ProgramRun.Ended(
            new Dictionary<string, string?> { ["ConnectionStrings__Postgres"] = database.Serving, ["ConnectionStrings__PostgresOwner"] = database.Owner }, "rebuild");
        Assert.True(rebuilt.ExitCode == 0, rebuilt.Everything);
        Assert.Equal(before, await database.Ask<string>(Rows));
    }

    private async Task KillAtRandom(OwnCluster cluster, TestDatabase database, List<ServerProcess> servers, TcpProxy proxy)
    {
        int seed = Environment.TickCount;
        output.WriteLine($"seed {seed}");
        var random = new Random(seed);
        for (int kill = 0; kill < Kills; kill++)
        {
            int before = answered.Count;
            for (var waited = Stopwatch.StartNew(); answered.Count < before + 100; await Task.Delay(20)) // they write again
                Assert.True(waited.Elapsed < TimeSpan.FromSeconds(60), $"nobody can write any more: {string.Join(", ", refusals)}");
            await Task.Delay(random.Next(1000));
            int victim = kill % 3; // one server, the other, PostgreSQL
            if (victim == 2)
            {
                await cluster.Kill();
                await Task.Delay(random.Next(500));
                await cluster.Start();
                continue;
            }

            await servers[victim].Kill();
            proxy.SendTo(servers[1 - victim].Url);
            await servers[victim].DisposeAsync();
            servers[victim] = await ServerProcess.Start(database.Serving, QuickBookmarks);
            proxy.SendTo([.. servers.Select(server => server.Url)]);
        }
    }

    private async Task Write(HttpClient client, string job, CancellationToken stop)
    {
        for (int count = 1; !stop.IsCancellationRequested; count++)
        {
            string value = $"v{count}";
            try
            {
                Reply reply = await Reply.Of(client.Patch(Sample.Job(job), $$$$"""{"metadata":{"labels":{"count":"{{{{value}}}}"}}}"""));
                if (reply.Code == HttpStatusCode.OK)
                {
                    answered.Add(new Written(long.Parse(reply.Json.Revision(), System.Globalization.CultureInfo.InvariantCulture), job, value));
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

    private async Task CheckStored(TestDatabase database)
    {
        await using NpgsqlCommand command = database.OwnerSource.CreateCommand("""
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
        int open = stored.Count - answered.Count;
        output.WriteLine($"{Kills} kills: {answered.Count} writes answered, all there; {unanswered.Count} not answered, {open} of them there");
        output.WriteLine(string.Join('\n', refusals.Select(refusal => $"{refusal.Value} times {refusal.Key}")));
    }

    private sealed record Written(long Revision, string Job, string Value);
}
