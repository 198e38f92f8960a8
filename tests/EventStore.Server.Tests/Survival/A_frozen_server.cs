using System.Net;
using EventStore.Server.Tests.Fixtures;

namespace EventStore.Server.Tests.Survival;

/// <summary>
/// A server that is stopped in the middle of whatever it does (SIGSTOP: a paused machine, a debugger) keeps no other from writing.
/// </summary>
[Trait("Category", "Slow")]
public sealed class A_frozen_server(TwoServers servers) : IClassFixture<TwoServers>
{
    private const int Freezes = 5;
    private const int Writers = 8;
    private static readonly TimeSpan WritersWaitAtMost = TimeSpan.FromSeconds(10);

    [Fact]
    public async Task Holds_no_lock_that_others_wait_for()
    {
        for (int i = 0; i < Writers; i++)
            await servers.A.Admin.Create($"job-{i}", "frozen");
        for (int freeze = 0; freeze < Freezes; freeze++)
        {
            using var stop = new CancellationTokenSource();
            Task[] busy = [.. Enumerable.Range(0, Writers).Select(i => KeepBusy(i, stop.Token))];
            Reply before = await Patch(servers.B, 0, $"before-{freeze}");
            Assert.Equal(HttpStatusCode.OK, before.Code);
            await servers.A.Signal("STOP");
            try
            {
                for (int i = 0; i < Writers; i++)
                    Assert.Equal(HttpStatusCode.OK, (await Patch(servers.B, i, $"frozen-{freeze}").WaitAsync(WritersWaitAtMost)).Code);
            }
            finally
            {
                await servers.A.Signal("CONT");
                await stop.CancelAsync();
            }

            await Task.WhenAll(busy);
        }

        await servers.Database.AssertWhole();
    }

    private async Task KeepBusy(int job, CancellationToken stop)
    {
        for (int i = 0; !stop.IsCancellationRequested; i++)
        {
            await Patch(servers.A, job, $"busy-{i}");
            using HttpResponseMessage past = await servers.A.Admin.GetAsync(
                $"{Sample.Jobs("frozen")}?asOf={DateTimeOffset.UtcNow.AddSeconds(-1):yyyy-MM-ddTHH:mm:ssZ}", CancellationToken.None);
        }
    }

    private static Task<Reply> Patch(ServerProcess server, int job, string value) =>
        Reply.Of(server.Admin.Patch(Sample.Job($"job-{job}", "frozen"), $$$$"""{"metadata":{"labels":{"a":"{{{{value}}}}"}}}"""));
}
