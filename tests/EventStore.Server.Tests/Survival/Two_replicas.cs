using System.Collections.Concurrent;
using System.Net;
using EventStore.Server.Tests.Fixtures;
using Xunit.Abstractions;

namespace EventStore.Server.Tests.Survival;

/// <summary>
/// Two servers behind a proxy, one of which goes: of a stop in order clients see nothing, of a death what may be tried again, and soon
/// works.
/// </summary>
[Trait("Category", "Slow")]
public sealed class Two_replicas(ITestOutputHelper output)
{
    private const int Clients = 12;

    [Fact]
    public async Task Of_which_one_is_stopped_show_clients_nothing()
    {
        await using Traffic traffic = await Traffic.Start();
        Task stopping = traffic.Victim.Stop(); // SIGTERM
        await Eventually.Equal(false, () => IsReady(traffic.Victim));
        traffic.Proxy.SendTo(traffic.Survivor.Url); // as a proxy does that asks /readyz
        await traffic.EachIsServed(2); // a connection to the one that leaves ends with an answer, and the next is to the other
        Assert.False(stopping.IsCompleted);
        await traffic.Victim.Kill(); // whoever still was there would notice
        await traffic.EachIsServed(10);

        Assert.Empty(await traffic.End(output));
    }

    [Fact]
    public async Task Of_which_one_is_killed_show_clients_only_what_may_be_tried_again()
    {
        await using Traffic traffic = await Traffic.Start();
        await traffic.Victim.Kill(); // SIGKILL
        await traffic.EachIsServed(10);

        string[] errors = await traffic.End(output);
        Assert.All(errors, error => Assert.True(error is "again" or "connection", error));
        Assert.InRange(errors.Length, 1, Clients); // each connection broke once at most, and the next one went to the survivor
    }

    private static async Task<bool> IsReady(ServerProcess server)
    {
        using HttpResponseMessage answer = await server.Admin.GetAsync("/readyz");
        return answer.IsSuccessStatusCode;
    }

    /// <summary>Clients that read and write without a pause, each on a connection of its own.</summary>
    private sealed class Traffic(TestDatabase database, ServerProcess survivor, ServerProcess victim) : IAsyncDisposable
    {
        private readonly CancellationTokenSource stop = new();
        private readonly ConcurrentBag<string> errors = [];
        private readonly int[] served = new int[Clients];
        private Task[] working = [];

        public ServerProcess Survivor => survivor;

        public ServerProcess Victim => victim;

        public TcpProxy Proxy { get; } = new(survivor.Url, victim.Url);

        public static async Task<Traffic> Start()
        {
            TestDatabase database = await TestDatabase.Create();
            var traffic = new Traffic(database, await ServerProcess.Start(database.Serving), await ServerProcess.Start(
                database.Serving, "--Stop:Delay", "00:01:00"));
            for (int i = 0; i < Clients; i++)
                await traffic.Survivor.Admin.Create($"job-{i}");
            traffic.working = [.. Enumerable.Range(0, Clients).Select(i => Task.Run(() => traffic.Work(i)))];
            await traffic.EachIsServed(10);
            return traffic;
        }

        /// <summary>Waits until each client got so many more answers.</summary>
        public async Task EachIsServed(int more)
        {
            int[] before = [.. served];
            await Eventually.Holds(
                () => Enumerable.Range(0, Clients).All(i => Volatile.Read(ref served[i]) >= before[i] + more),
                $"{more} more answers for each client",
                () => $"{string.Join(", ", served)}; {string.Join(", ", errors.Distinct())}");
        }

        /// <summary>Ends it, and answers what went wrong.</summary>
        public async Task<string[]> End(ITestOutputHelper output)
        {
            await stop.CancelAsync();
            await Task.WhenAll(working);
            output.WriteLine($"{served.Sum()} requests served, {errors.Count} broken off");
            await database.AssertWhole();
            return [.. errors];
        }

        public async ValueTask DisposeAsync()
        {
            await stop.CancelAsync();
            await Task.WhenAll(working);
            await Proxy.DisposeAsync();
            await victim.DisposeAsync();
            await survivor.DisposeAsync();
            await database.DisposeAsync();
            stop.Dispose();
        }

        private async Task Work(int i)
        {
            using HttpClient client = Proxy.Client();
            for (int n = 0; !stop.IsCancellationRequested; n++)
            {
                try
                {
                    Reply reply = await Reply.Of(n % 3 == 0
                        ? client.GetAsync(i % 2 == 0 ? Sample.Job($"job-{i}") : Sample.Jobs())
                        : client.Patch(Sample.Job($"job-{i}"), $$$$"""{"metadata":{"labels":{"n":"{{{{n}}}}"}}}"""));
                    if (reply.Code == HttpStatusCode.OK)
                        Interlocked.Increment(ref served[i]);
                    else
                        errors.Add(
                            reply is { Code: HttpStatusCode.ServiceUnavailable or HttpStatusCode.TooManyRequests, RetryAfter: not null }
                                ? "again" : reply.Text);
                }
                catch (HttpRequestException)
                {
                    errors.Add("connection"); // broken under way: a client reads and tries again
                }
            }
        }
    }
}
