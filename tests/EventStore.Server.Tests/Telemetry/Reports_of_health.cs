using System.Net;
using EventStore.Server.Telemetry;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.Logging;

namespace EventStore.Server.Tests.Telemetry;

/// <summary>Anybody may ask whether the server is ready, as often as they like: the checks run once for all who ask meanwhile.</summary>
public sealed class Reports_of_health
{
    [Fact]
    public async Task Are_shared_by_those_who_ask_at_once()
    {
        int runs = 0;
        using var waiting = new SemaphoreSlim(0);
        var checkedNow = new TaskCompletionSource<string?>(TaskCreationOptions.RunContinuationsAsynchronously);
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        builder.Services.AddReadiness("held", (_, _) =>
        {
            Interlocked.Increment(ref runs);
            return checkedNow.Task;
        });
        await using WebApplication app = builder.Build();
        app.Use((http, next) =>
        {
            Task answered = next(http);
            waiting.Release(); // it has asked
            return answered;
        });
        app.UseRouting();
        app.MapHealth();
        await app.StartAsync();
        using var client = new HttpClient { BaseAddress = new Uri(app.Urls.Single()) };

        Task<HttpResponseMessage>[] asked = [.. Enumerable.Range(0, 20).Select(_ => client.GetAsync("/readyz"))];
        for (int i = 0; i < asked.Length; i++)
            await waiting.WaitAsync();
        checkedNow.SetResult(null);
        foreach (HttpResponseMessage answer in await Task.WhenAll(asked))
        {
            using (answer)
                Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        }

        Assert.Equal(1, runs);
    }
}
