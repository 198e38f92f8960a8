using System.Collections.Concurrent;
using System.Net;
using EventStore.Server.Tests.Fixtures;

namespace EventStore.Server.Tests.Survival;

/// <summary>Two servers behind a proxy, one of which is killed: what clients see of it may be tried again, and soon works.</summary>
public sealed class Two_replicas
{
    private const int Clients = 12;

    [Fact]
    public async Task Of_which_one_is_killed_show_clients_only_what_may_be_tried_again()
    {
        await using TestDatabase database = await TestDatabase.Create();
        await using ServerProcess survivor = await ServerProcess.Start(database.Serving);
        await using ServerProcess victim = await ServerProcess.Start(database.Serving);
        await using var proxy = new TcpProxy(survivor.Url, victim.Url);
        using HttpClient client = proxy.Client();
        for (int i = 0; i < Clients; i++)
            await client.Create($"job-{i}");

        using var stop = new CancellationTokenSource();
        var errors = new ConcurrentBag<string>();
        int served = 0;
        Task[] working = [.. Enumerable.Range(0, Clients).Select(i => Task.Run(async () =>
        {
            for (int n = 0; !stop.IsCancellationRequested; n++)
            {
                try
                {
                    Reply reply = await Reply.Of(n % 3 == 0
                        ? client.GetAsync(i % 2 == 0 ? Sample.Job($"job-{i}") : Sample.Jobs())
                        : client.Patch(Sample.Job($"job-{i}"), $$$$"""{"metadata":{"labels":{"n":"{{{{n}}}}"}}}"""));
                    if (reply.Code == HttpStatusCode.OK)
                        Interlocked.Increment(ref served);
                    else
                        errors.Add(reply is { Code: HttpStatusCode.ServiceUnavailable or HttpStatusCode.TooManyRequests, RetryAfter: not null } ? "again" : reply.Text);
                }
                catch (HttpRequestException)
                {
                    errors.Add("connection"); // broken under way: a client reads and tries again
                }
            }
        }))];

        await Reached(() => served, 200);
        await victim.Kill();
        await Reached(() => errors.Count, 1); // the death was seen
        int before = served;
        await Reached(() => served, before + 200);
        await stop.CancelAsync();
        await Task.WhenAll(working);

        Assert.All(errors, error => Assert.True(error is "again" or "connection", error));
        Assert.InRange(errors.Count, 1, 2 * Clients); // each connection broke once, and the next one went to the survivor
        await database.AssertWhole();
    }

    private static async Task Reached(Func<int> count, int enough)
    {
        for (int i = 0; count() < enough; i++)
        {
            Assert.True(i < 1200, $"only {count()} of {enough}");
            await Task.Delay(50);
        }
    }
}
