using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Net.Http.Headers;
using System.Text;
using EventStore.Benchmarks.Load;
using EventStore.Benchmarks.Machine;
using EventStore.Benchmarks.Report;

namespace EventStore.Benchmarks;

/// <summary>
/// Many writers and watchers of jobs near the limit of size, and what another user feels of them: each writer patches a label of a job of
/// its own, as often as it is answered; each watcher reads every frame; another user patches one small job ten times a second.
/// </summary>
internal sealed class LargeJobs(MeasuredPostgres postgres, Options options, CancellationToken stop) : IDisposable
{
    private const int Writers = 64;
    private const int Watchers = 20;
    private const int JobBytes = 2_900_000;
    private const string Database = "bench_large";
    private const string Jobs = "/apis/kubeflow.org/v1/namespaces/large/pytorchjobs";
    private const string Other = "/apis/kubeflow.org/v1/namespaces/other/pytorchjobs";
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(100);

    private readonly ConcurrentDictionary<string, long> errors = [];
    private readonly CountingStream frames = new();
    private long patches;
    private double highestMb;

    /// <inheritdoc/>
    public void Dispose() => frames.Dispose();

    /// <summary>Measures and reports.</summary>
    public async Task Measure(Figures figures)
    {
        await using ServerUnderTest server = await ServerUnderTest.Start(postgres, Database, options.Server, stop);
        using HttpClient writer = Client(server, server.Token);
        using HttpClient other = Client(server, server.OtherToken);
        await Create(other, Other, Requests.Manifest("small"));
        string filler = new('x', JobBytes / 2); // of each of the two replicas' command
        for (int job = 0; job < Writers; job++)
            await Create(writer, Jobs, Requests.Manifest(Requests.JobName(job)).Replace("/var/mnist.py", filler, StringComparison.Ordinal));
        using var end = CancellationTokenSource.CreateLinkedTokenSource(stop);
        var latencies = new Latencies();
        CpuTimes before = CpuTimes.Read(server.Pid, postgres.Pid);
        long started = Stopwatch.GetTimestamp();
        var work = new List<Task> { Sample(server, end.Token), Feel(other, latencies, end.Token) };
        work.AddRange(Enumerable.Range(0, Watchers).Select(_ => Watch(writer, end.Token)));
        work.AddRange(Enumerable.Range(0, Writers).Select(job => Write(writer, job, end.Token)));
        await Task.Delay(TimeSpan.FromSeconds(options.Seconds), stop);
        double seconds = Stopwatch.GetElapsedTime(started).TotalSeconds;
        CpuTimes spent = CpuTimes.Read(server.Pid, postgres.Pid) - before;
        await end.CancelAsync();
        await Task.WhenAll(work);
        Measured felt = latencies.Summary(seconds) with
        {
            ServerCpuMs = spent.ServerMs,
            PostgresCpuMs = spent.PostgresMs,
            ClientCpuMs = spent.OwnMs,
            Errors = errors.ToDictionary(),
        };
        figures.Add("large jobs: another's small patch", 1, felt, string.Create(CultureInfo.InvariantCulture,
            $"beside {Writers} writers ({patches} patches of {JobBytes / 1e6:0.0} MB jobs) and {Watchers} watchers ({frames.Length / 1e6:0} MB of frames); server's highest resident memory {highestMb:0} MB"));
    }

    private static HttpClient Client(ServerUnderTest server, string token)
    {
        var client = new HttpClient { BaseAddress = server.Url, Timeout = Timeout.InfiniteTimeSpan };
        client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", token);
        return client;
    }

    private async Task Create(HttpClient client, string path, string manifest)
    {
        using var body = new StringContent(manifest, Encoding.UTF8, "application/json");
        using HttpResponseMessage answer = await client.PostAsync(path, body, stop);
        if (!answer.IsSuccessStatusCode)
            throw new BenchmarkException($"creating a job of {manifest.Length} bytes: {await answer.Content.ReadAsStringAsync(stop)}");
    }

    private async Task Write(HttpClient client, int job, CancellationToken end)
    {
        while (!end.IsCancellationRequested)
        {
            if (await Patch(client, $"{Jobs}/{Requests.JobName(job)}", "writer", end))
                Interlocked.Increment(ref patches);
        }
    }

    private async Task Feel(HttpClient client, Latencies latencies, CancellationToken end)
    {
        while (!end.IsCancellationRequested)
        {
            long sent = Stopwatch.GetTimestamp();
            if (await Patch(client, $"{Other}/small", "other", end))
                latencies.Record(Stopwatch.GetTimestamp() - sent);
            await Task.Delay(Pause, CancellationToken.None);
        }
    }

    private async Task<bool> Patch(HttpClient client, string path, string who, CancellationToken end)
    {
        try
        {
            using var body = new StringContent(
                $$$$"""{"metadata":{"labels":{"run":"{{{{Requests.NextLabel()}}}}"}}}""", Encoding.UTF8, "application/merge-patch+json");
            using HttpResponseMessage answer = await client.PatchAsync(path, body, end);
            if (answer.IsSuccessStatusCode)
                return true;
            errors.AddOrUpdate($"{who}: HTTP {(int)answer.StatusCode}", 1, (_, count) => count + 1);
            if (answer.Headers.RetryAfter?.Delta is { } wait)
                await Task.Delay(wait, end);
        }
        catch (OperationCanceledException) when (end.IsCancellationRequested)
        {
        }
        catch (HttpRequestException e)
        {
            errors.AddOrUpdate($"{who}: {e.Message}", 1, (_, count) => count + 1);
        }

        return false;
    }

    private async Task Watch(HttpClient client, CancellationToken end)
    {
        while (!end.IsCancellationRequested)
        {
            try
            {
                using HttpResponseMessage answer = await client.GetAsync(
                    $"{Jobs}?watch=true", HttpCompletionOption.ResponseHeadersRead, end);
                await answer.Content.CopyToAsync(frames, end);
            }
            catch (OperationCanceledException) when (end.IsCancellationRequested)
            {
            }
            catch (HttpRequestException)
            {
                // Cut off for being slow: it begins anew, as an informer does.
            }
        }
    }

    private async Task Sample(ServerUnderTest server, CancellationToken end)
    {
        while (!end.IsCancellationRequested)
        {
            highestMb = Math.Max(highestMb, server.MemoryMb);
            await Task.Delay(Pause, CancellationToken.None);
        }
    }
}
