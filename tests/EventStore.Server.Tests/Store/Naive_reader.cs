using System.Diagnostics;
using System.Net;
using EventStore.Domain.Jobs;
using EventStore.Server.Postgres;
using EventStore.Server.Tests.Fixtures;
using Npgsql;

namespace EventStore.Server.Tests.Store;

/// <summary>
/// The simplest reader there is, "everything above the last number I saw", misses nothing, because numbers are drawn under the
/// lock that is held through commit. The same reader misses events when the lock is taken out: the test can tell the difference.
/// </summary>
[Trait("Category", "Slow")]
public sealed class Naive_reader
{
    private const int Writers = 16;
    private const int PatchesEach = 40;
    private const int Connections = 8;
    private static readonly TimeSpan Poll = TimeSpan.FromMilliseconds(2);
    private static readonly TimeSpan LossPatience = TimeSpan.FromSeconds(30);

    [Fact]
    public async Task Misses_nothing_beside_many_writers_on_two_servers_and_time_never_runs_back()
    {
        var servers = new TwoServers();
        await servers.InitializeAsync();
        try
        {
            await using NpgsqlConnection connection = await servers.Database.Source.OpenConnectionAsync();
            using var written = new CancellationTokenSource();
            Task<List<long>> reading = Read(connection, written.Token);
            await Race.Of(Writers, servers.Both, Write);
            await written.CancelAsync();

            Assert.Equal(await Log(servers.Database), await reading);
            Assert.Equal((PatchesEach + 1) * Writers, (await reading).Count);
            Assert.Equal(0, await servers.Database.Ask<long>("""
                SELECT count(*) FROM (SELECT timestamp < lag(timestamp) OVER (ORDER BY seq_id) AS back FROM eventstore.mt_events) e WHERE back
                """));
            await servers.Database.AssertWhole();
        }
        finally
        {
            await servers.DisposeAsync();
        }
    }

    [Fact]
    public async Task Misses_nothing_beside_many_connections()
    {
        await using TestDatabase database = await TestDatabase.Create();
        await using NpgsqlConnection connection = await database.Source.OpenConnectionAsync();
        using var written = new CancellationTokenSource();
        Task<List<long>> reading = Read(connection, written.Token);
        await Load(database, batchesEach: 25, CancellationToken.None);
        await written.CancelAsync();

        Assert.Equal(await Log(database), await reading);
    }

    /// <summary>Without the lock a commit that was overtaken finds another head than it began from, and is refused; without that too, events are missed.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Misses_events_when_the_lock_is_taken_out_and_the_head_is_not_compared(bool isFenced)
    {
        await using TestDatabase database = await TestDatabase.Create();
        string unlocked = await Unlocked("V0013__restore_and_reason.sql", "commit_jobs_3") + await Unlocked("V0019__epochs.sql", "commit_jobs_6");
        await database.Execute(unlocked);
        if (isFenced)
        {
            PostgresException refused = await Assert.ThrowsAsync<PostgresException>(() => Load(database, batchesEach: int.MaxValue, CancellationToken.None));
            Assert.Contains("the commit lock did not hold", refused.MessageText, StringComparison.Ordinal);
            return;
        }

        await database.Execute(unlocked.Replace("IF NOT FOUND THEN", "IF false THEN", StringComparison.Ordinal));

        using var enough = new CancellationTokenSource();
        Task load = Load(database, batchesEach: int.MaxValue, enough.Token);
        bool missed = await Misses(database);
        await enough.CancelAsync();
        await load;

        Assert.True(missed, "the reader saw every event though there was no lock");
    }

    [Fact]
    public async Task A_clock_that_is_set_back_does_not_set_events_back()
    {
        await using TestDatabase database = await TestDatabase.Create();
        await using NpgsqlConnection connection = await database.Source.OpenConnectionAsync();
        Job[] jobs = await connection.Commit(InProcess.Decide([], InProcess.Create("late")));
        await database.Execute("UPDATE eventstore.head SET time = time + interval '1 hour'"); // as if the clock had been an hour ahead
        await connection.Commit(InProcess.Decide(jobs, InProcess.Label("late", "a", "b")));

        Assert.True(await database.Ask<bool>("""
            SELECT max(timestamp) - min(timestamp) >= interval '1 hour' AND max(timestamp) = (SELECT time FROM eventstore.head) FROM eventstore.mt_events
            """));
    }

    /// <summary>The function without the lock.</summary>
    private static async Task<string> Unlocked(string file, string name)
    {
        string migration = await File.ReadAllTextAsync(Path.Combine(Migrations.DefaultFolder, file));
        string function = migration[migration.IndexOf($"FUNCTION eventstore.{name}(", StringComparison.Ordinal)..];
        string unlocked = "CREATE OR REPLACE " + function[..(function.IndexOf("$function$;", StringComparison.Ordinal) + "$function$;".Length)]
            .Replace("LOCK TABLE commit_lock IN EXCLUSIVE MODE;", string.Empty, StringComparison.Ordinal);
        Assert.DoesNotContain("commit_lock", unlocked, StringComparison.Ordinal);
        return unlocked;
    }

    private static async Task<HttpResponseMessage> Write(HttpClient client, int writer)
    {
        await client.Create($"job-{writer}");
        for (int i = 1; ; i++)
        {
            HttpResponseMessage answer = await client.Patch(Sample.Job($"job-{writer}"), $$$$"""{"metadata":{"labels":{"count":"{{{{i}}}}"}}}""");
            Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
            if (i == PatchesEach)
                return answer;
            answer.Dispose();
        }
    }

    /// <summary>Commits batches on many connections at once.</summary>
    private static async Task Load(TestDatabase database, int batchesEach, CancellationToken enough)
    {
        using var over = CancellationTokenSource.CreateLinkedTokenSource(enough);
        await Task.WhenAll(Enumerable.Range(0, Connections).Select(writer => Task.Run(() => Write(writer))));

        async Task Write(int writer)
        {
            await using NpgsqlConnection connection = await database.Source.OpenConnectionAsync(CancellationToken.None);
            try
            {
                for (int batch = 0; batch < batchesEach && !over.IsCancellationRequested; batch++)
                    await connection.Commit(InProcess.Decide([], Enumerable.Range(0, 16).Select(i => InProcess.Create($"job-{writer}-{batch}-{i}"))));
            }
            catch
            {
                await over.CancelAsync(); // the last one alone would never fail
                throw;
            }
        }
    }

    /// <summary>Reads on until an event is there that the reader has gone past without seeing it.</summary>
    private static async Task<bool> Misses(TestDatabase database)
    {
        await using NpgsqlConnection connection = await database.Source.OpenConnectionAsync();
        await using var missing = new NpgsqlCommand("SELECT EXISTS (SELECT FROM eventstore.mt_events WHERE seq_id <= $1 AND seq_id <> ALL ($2))", connection);
        List<long> read = [];
        for (long started = Stopwatch.GetTimestamp(); Stopwatch.GetElapsedTime(started) < LossPatience; await Task.Delay(Poll))
        {
            await ReadOn(connection, read);
            missing.Parameters.Clear();
            missing.Parameters.Add(new NpgsqlParameter<long> { TypedValue = read.LastOrDefault() });
            missing.Parameters.Add(new NpgsqlParameter<long[]> { TypedValue = [.. read] });
            if (await missing.ExecuteScalarAsync() is true)
                return true;
        }

        return false;
    }

    private static async Task<List<long>> Read(NpgsqlConnection connection, CancellationToken written)
    {
        List<long> read = [];
        while (!written.IsCancellationRequested)
        {
            await ReadOn(connection, read);
            await Task.Delay(Poll, CancellationToken.None);
        }

        await ReadOn(connection, read);
        return read;
    }

    private static async Task ReadOn(NpgsqlConnection connection, List<long> read)
    {
        await using var command = new NpgsqlCommand("SELECT seq_id FROM eventstore.mt_events WHERE seq_id > $1 ORDER BY seq_id", connection);
        command.Parameters.Add(new NpgsqlParameter<long> { TypedValue = read.LastOrDefault() });
        await using NpgsqlDataReader reader = await command.ExecuteReaderAsync();
        while (await reader.ReadAsync())
            read.Add(reader.GetInt64(0));
    }

    private static async Task<List<long>> Log(TestDatabase database)
    {
        await using NpgsqlConnection connection = await database.OwnerSource.OpenConnectionAsync();
        List<long> all = [];
        await ReadOn(connection, all);
        return all;
    }
}
