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
public sealed class Commit_order
{
    private const int Writers = 16;
    private const int PatchesEach = 40;
    private const int Connections = 8;
    private static readonly TimeSpan Poll = TimeSpan.FromMilliseconds(2);

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
        await Load(database);
        await written.CancelAsync();

        Assert.Equal(await Log(database), await reading);
    }

    /// <summary>
    /// A commit is overtaken between the moment it draws its number and its change of the head, which only the lock prevents. It finds
    /// another head than it began from and is refused; without that comparison too, its event is missed.
    /// </summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Misses_an_event_when_the_lock_is_taken_out_and_the_head_is_not_compared(bool isFenced)
    {
        await using TestDatabase database = await TestDatabase.Create();
        string unlocked = await Unlocked("V0023__commit_jobs_7.sql", "commit_jobs_7");
        await database.Execute(isFenced ? unlocked : unlocked.Replace("IF NOT FOUND THEN", "IF false THEN", StringComparison.Ordinal));
        await database.Execute("""
            CREATE FUNCTION eventstore.pause() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
                IF current_setting('application_name') = 'slow' THEN
                    PERFORM pg_advisory_xact_lock(4711);
                END IF;
                RETURN NEW;
            END
            $$;
            CREATE TRIGGER pause BEFORE INSERT ON eventstore.head FOR EACH ROW EXECUTE FUNCTION eventstore.pause()
            """);
        await using NpgsqlConnection gate = await database.OwnerSource.OpenConnectionAsync();
        await Run(gate, "SELECT pg_advisory_lock(4711)");
        await using var slow = new NpgsqlConnection(
            new NpgsqlConnectionStringBuilder(database.Serving) { ApplicationName = "slow", Pooling = false }.ConnectionString);
        await slow.OpenAsync();
        await using NpgsqlConnection quick = await database.Source.OpenConnectionAsync();

        Task<Job[]> overtaken = slow.Commit(InProcess.Decide([], InProcess.Create("first")));
        while (await Run(gate, "SELECT EXISTS (SELECT FROM pg_locks WHERE objid = 4711 AND NOT granted)") is not true)
            Assert.False(overtaken.IsCompleted);
        long later = (await quick.Commit(InProcess.Decide([], InProcess.Create("second"))))[0].Revision;
        List<long> read = [];
        await ReadOn(quick, read);
        await Run(gate, "SELECT pg_advisory_unlock(4711)");
        if (isFenced)
        {
            PostgresException refused = await Assert.ThrowsAsync<PostgresException>(() => overtaken);
            Assert.Contains("the commit lock did not hold", refused.MessageText, StringComparison.Ordinal);
            return;
        }

        Assert.True((await overtaken)[0].Revision < later);
        await ReadOn(quick, read);
        Assert.Equal([later], read);
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
        string unlocked = "CREATE OR REPLACE "
            + function[..(function.IndexOf("$function$;", StringComparison.Ordinal) + "$function$;".Length)]
            .Replace("LOCK TABLE commit_lock IN EXCLUSIVE MODE;", string.Empty, StringComparison.Ordinal);
        Assert.DoesNotContain("commit_lock", unlocked, StringComparison.Ordinal);
        return unlocked;
    }

    private static async Task<HttpResponseMessage> Write(HttpClient client, int writer)
    {
        await client.Create($"job-{writer}");
        for (int i = 1; ; i++)
        {
            HttpResponseMessage answer = await client.Patch(
                Sample.Job($"job-{writer}"), $$$$"""{"metadata":{"labels":{"count":"{{{{i}}}}"}}}""");
            Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
            if (i == PatchesEach)
                return answer;
            answer.Dispose();
        }
    }

    /// <summary>Commits batches on many connections at once.</summary>
    private static Task Load(TestDatabase database) => Task.WhenAll(Enumerable.Range(0, Connections).Select(writer => Task.Run(async () =>
    {
        await using NpgsqlConnection connection = await database.Source.OpenConnectionAsync();
        for (int batch = 0; batch < 25; batch++)
            await connection.Commit(
                InProcess.Decide([], Enumerable.Range(0, 16).Select(i => InProcess.Create($"job-{writer}-{batch}-{i}"))));
    })));

    private static async Task<object?> Run(NpgsqlConnection connection, string sql)
    {
        await using var command = new NpgsqlCommand(sql, connection);
        return await command.ExecuteScalarAsync();
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
        await using var command = new NpgsqlCommand(
            "SELECT seq_id FROM eventstore.mt_events WHERE seq_id > $1 ORDER BY seq_id", connection);
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
