using System.Globalization;
using System.Text.RegularExpressions;
using EventStore.Server.Tests.Fixtures;

namespace EventStore.Server.Tests.Lifetimes;

/// <summary>Several servers share the work by a lease: whatever becomes of one, each job is ended once.</summary>
[Trait("Category", "Slow")]
public sealed class Lifetimes_of_several_servers : IAsyncLifetime
{
    private const int Jobs = 60;
    private static readonly string[] Options =
        ["--controllers", "ttl,deadline", "--Logging:LogLevel:EventStore.Server.Store.Lifetimes=Debug"];

    private TestDatabase database = null!;
    private ServerProcess a = null!;
    private ServerProcess b = null!;

    /// <summary>Two servers, of which the first holds the lease: it had it before the other was there.</summary>
    public async Task InitializeAsync()
    {
        database = await TestDatabase.Create();
        a = await ServerProcess.Start(database.Serving, Options);
        await Eventually.Equal(1, LeaseNumber);
        b = await ServerProcess.Start(database.Serving, Options);
    }

    public async Task DisposeAsync()
    {
        foreach (ServerProcess? server in (ServerProcess?[])[a, b])
        {
            if (server is not null)
                await server.DisposeAsync();
        }

        await database.DisposeAsync();
    }

    [Fact]
    public async Task Another_goes_on_where_one_that_was_killed_had_come_to()
    {
        await Given(number => number % 6);
        await Eventually.Holds(Deleted, deleted => deleted > 0);
        Assert.Contains("under lease 1", a.Output, StringComparison.Ordinal);
        await a.Kill();
        await Eventually.Equal(Jobs, Deleted);

        Assert.Equal(2, await LeaseNumber());
        Assert.Contains("under lease 2", b.Output, StringComparison.Ordinal);
        await EachOnce();
    }

    [Fact]
    public async Task One_that_stops_gives_the_lease_back_at_once()
    {
        await a.Stop();
        Assert.True(await database.Ask<bool>("SELECT number > 1 OR until <= clock_timestamp() FROM eventstore.lease"));
        await Given(_ => 0);
        await Eventually.Equal(Jobs, Deleted);
        await EachOnce();
    }

    /// <summary>The server sleeps while its batch waits for the commit lock: PostgreSQL would commit the batch all the same.</summary>
    [Fact]
    public async Task What_one_that_was_paused_had_sent_is_refused_once_another_has_taken_over()
    {
        await a.Admin.Create("first"); // before its first batch a server asks for the last rebuild, and that would wait for the lock
        await Given(_ => 8);
        Assert.Equal(0, await Deleted());
        await using (CommitLock held = await CommitLock.Hold(database))
        {
            await held.WaitForWaiting(1);
            Assert.Equal(1, await LeaseNumber());
            await a.Signal("STOP");
            await Eventually.Equal(2, LeaseNumber);
            await held.WaitForWaiting(2);
        }

        await Eventually.Equal(Jobs, Deleted);
        await a.Signal("CONT");
        await Eventually.Equal(Jobs, () => Ended(b));
        await Eventually.Holds(
            () => a.Admin.GetStringAsync("/metrics"), metrics => Regex.IsMatch(metrics, @"eventstore_lifetimes_due\{[^}]*\} 0"));
        Assert.Equal(0, await Ended(a));
        await EachOnce();
    }

    private static async Task<int> Ended(ServerProcess server) => Regex.Matches(
        await server.Admin.GetStringAsync("/metrics"), @"^eventstore_lifetimes_ended_total\{[^}]*\} (\d+)", RegexOptions.Multiline)
        .Sum(match => int.Parse(match.Groups[1].Value, CultureInfo.InvariantCulture));

    /// <summary>Finished jobs, due so many seconds from now.</summary>
    private async Task Given(Func<int, int> seconds)
    {
        string finished = DateTimeOffset.UtcNow.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture);
        await Task.WhenAll(Enumerable.Range(0, Jobs).Select(async number =>
        {
            string name = $"job-{number}";
            string spec = $""","ttlSecondsAfterFinished":{seconds(number)}""";
            await (await b.Admin.PostAsync(Sample.Jobs(), Sample.Body(Sample.Manifest(name, spec: spec)))).Manifest(201);
            string status = $$$"""{"status":{"completionTime":"{{{finished}}}","conditions":[{"type":"Succeeded","status":"True"}]}}""";
            await (await b.Admin.Patch(Sample.Job(name) + "/status", status)).Manifest();
        }));
    }

    private Task<long> Deleted() => database.Ask<long>("SELECT count(*) FROM eventstore.mt_events WHERE type = 'job_deleted'");

    private Task<long> LeaseNumber() => database.Ask<long>("SELECT number FROM eventstore.lease");

    private async Task EachOnce()
    {
        Assert.Equal((Jobs, Jobs), (
            await database.Ask<long>(
                "SELECT count(*) FROM eventstore.mt_events WHERE type = 'job_deleted' AND user_name LIKE 'system:serviceaccount:eventstore:%'"),
            await database.Ask<long>("SELECT count(DISTINCT stream_id) FROM eventstore.mt_events WHERE type = 'job_deleted'")));
        await database.AssertWhole();
    }
}
