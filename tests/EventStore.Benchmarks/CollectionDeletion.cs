using System.Diagnostics;
using System.Globalization;
using System.Net.Http.Headers;
using EventStore.Benchmarks.Load;
using EventStore.Benchmarks.Machine;
using EventStore.Benchmarks.Report;

namespace EventStore.Benchmarks;

/// <summary>One DELETE of a whole collection: how many jobs a second, and the memory it takes.</summary>
internal sealed class CollectionDeletion(
    MeasuredPostgres postgres, Options options, Func<LoadSpec, Task<Measured>> load, CancellationToken stop)
{
    private const int Jobs = 50_000;
    private const int JobsBefore = 10_000; // of another namespace: the server's code is still being compiled
    private const string Database = "bench_collection";

    /// <summary>Measures and reports.</summary>
    public async Task Measure(Figures figures)
    {
        await using ServerUnderTest server = await ServerUnderTest.Start(postgres, Database, options.Server, stop);
        await BulkLoad.Fill(postgres, Database, Jobs, 0, $"creating {Jobs} jobs", stop);
        using var client = new HttpClient { BaseAddress = server.Url, Timeout = Timeout.InfiniteTimeSpan };
        client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", server.Token);
        LoadSpec creations = server.Load(LoadKind.CreateAll, postgres);
        await load(creations with { Namespace = "before", Jobs = JobsBefore, Count = JobsBefore, Connections = 16 });
        using (HttpResponseMessage first = await client.DeleteAsync("/apis/kubeflow.org/v1/namespaces/before/pytorchjobs", stop))
            first.EnsureSuccessStatusCode();
        CpuTimes before = CpuTimes.Read(server.Pid, postgres.Pid);
        long started = Stopwatch.GetTimestamp();
        using var request = new HttpRequestMessage(HttpMethod.Delete, "/apis/kubeflow.org/v1/namespaces/bench/pytorchjobs");
        using HttpResponseMessage answer = await client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, stop);
        var counted = new CountingStream();
        await answer.Content.CopyToAsync(counted, stop);
        double seconds = Stopwatch.GetElapsedTime(started).TotalSeconds;
        CpuTimes spent = CpuTimes.Read(server.Pid, postgres.Pid) - before;
        long left = (long)(await postgres.Ask("SELECT count(*) FROM eventstore.mt_doc_current_job WHERE NOT deleted", Database))!;
        var errors = new Dictionary<string, long>();
        if (!answer.IsSuccessStatusCode)
            errors[$"HTTP {(int)answer.StatusCode}"] = 1;
        if (left > 0)
            errors["jobs left"] = left;
        figures.Add("deletecollection", 1, new Measured
        {
            Seconds = seconds,
            Requests = Jobs - left,
            ServerCpuMs = spent.ServerMs,
            PostgresCpuMs = spent.PostgresMs,
            ClientCpuMs = spent.OwnMs,
            BodyBytes = counted.Length,
            Errors = errors,
        }, string.Create(
            CultureInfo.InvariantCulture,
            $"{Jobs} jobs in one request of {seconds:0.0} s; server's highest memory {server.PeakMemoryMb:0} MB"));
    }
}
