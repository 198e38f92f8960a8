using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json.Nodes;
using EventStore.Benchmarks.Load;
using EventStore.Benchmarks.Machine;
using EventStore.Benchmarks.Report;

namespace EventStore.Benchmarks;

/// <summary>
/// What one does with a history: who set each value of a job of 100,000 revisions, bringing a deleted job back, and taking 10,000 jobs back
/// at once, while somebody else patches a job. One request at a time over one connection.
/// </summary>
internal sealed class Undo(
    MeasuredPostgres postgres, Options options, Figures figures, Func<ServerUnderTest, int, Task> fill, CancellationToken stop)
{
    private const int Revisions = 100_000;
    private const int Many = 10_000;
    private const int PatchesOfEach = 5;
    private const int Times = 500;
    private const int WarmUp = 100;
    private const int ManyRounds = 5;
    private const string Jobs = "/apis/kubeflow.org/v1/namespaces/bench/pytorchjobs";
    private static readonly string Job = $"{Jobs}/{Requests.JobName(0)}";
    private static readonly TimeSpan PatchPause = TimeSpan.FromMilliseconds(10);

    private readonly Random random = new(1);

    private delegate (string Method, string Path, string Body) Request(int number);

    /// <summary>Measures and reports.</summary>
    public async Task Measure()
    {
        await OneJob();
        await ManyJobs();
    }

    private async Task OneJob()
    {
        const string database = "bench_undo";
        await using ServerUnderTest server = await ServerUnderTest.Start(postgres, database, options.Server, stop);
        await fill(server, Revisions - 1);
        await postgres.Ask("VACUUM ANALYZE", database);
        long[] revisions = await Past.Revisions(postgres, database);
        using var connection = new HttpConnection(new IPEndPoint(IPAddress.Loopback, server.Url.Port));
        string Any() => revisions[random.Next(1, revisions.Length)].ToString(CultureInfo.InvariantCulture);
        Task Time(string name, int code, string note, Request request, Request? before = null) =>
            Timed(server, connection, name, code, note, request, before);

        await Time("blame", 200, $"a job of {revisions.Length} revisions, as it is now", _ => ("GET", $"{Job}/blame", ""));
        await Time(
            "blame, past", 200, "the same job at any of them",
            _ => ("GET", $"{Job}/blame?resourceVersion={Any()}&resourceVersionMatch=Exact", ""));
        await Time("rollback", 200, "the same job to any of them", _ => ("POST", $"{Job}/rollback", $$"""{"revision":{{Any()}}}"""));
        await Time(
            "restore, beside", 201, "a copy of it as it stood at any of them",
            number => ("POST", $"{Job}/restore", $$"""{"name":"copy-{{number}}","revision":{{Any()}}}"""));
        await Time("restore", 201, "a job that was deleted just before", _ => ("POST", $"{Job}/restore", "{}"), _ => ("DELETE", Job, ""));
    }

    private async Task Timed(
        ServerUnderTest server, HttpConnection connection, string name, int code, string note, Request request, Request? before)
    {
        var times = new Latencies();
        var errors = new Dictionary<string, long>();
        (CpuTimes spent, long begun) = (default, 0);
        for (int i = 0; i < WarmUp + Times; i++)
        {
            stop.ThrowIfCancellationRequested();
            if (i == WarmUp)
                (spent, begun) = (CpuTimes.Read(server.Pid, postgres.Pid), Stopwatch.GetTimestamp());
            if (before is not null)
                await connection.Exchange(Written(server, before(i)));
            byte[] written = Written(server, request(i));
            long started = Stopwatch.GetTimestamp();
            await connection.Exchange(written);
            if (i >= WarmUp)
                times.Record(Stopwatch.GetTimestamp() - started);
            if (connection.Status != code)
                errors[$"HTTP {connection.Status}"] = errors.GetValueOrDefault($"HTTP {connection.Status}") + 1;
        }

        double seconds = Stopwatch.GetElapsedTime(begun).TotalSeconds;
        spent = CpuTimes.Read(server.Pid, postgres.Pid) - spent;
        figures.Add(
            name, 1, times.Summary(seconds) with { Errors = errors, ServerCpuMs = spent.ServerMs, PostgresCpuMs = spent.PostgresMs }, note);
    }

    private static byte[] Written(ServerUnderTest server, (string Method, string Path, string Body) request) => Encoding.ASCII.GetBytes(
        $"{request.Method} {request.Path} HTTP/1.1\r\nHost: {server.Url.Authority}\r\nAuthorization: Bearer {server.Token}\r\nAccept: application/json\r\n"
        + $"Content-Type: application/json\r\nContent-Length: {request.Body.Length}\r\n\r\n{request.Body}");

    /// <summary>To and fro between two moments, so that every round changes every job.</summary>
    private async Task ManyJobs()
    {
        const string database = "bench_undo_many";
        await using ServerUnderTest server = await ServerUnderTest.Start(postgres, database, options.Server, stop);
        await BulkLoad.Fill(postgres, database, Many, Many * (1 + PatchesOfEach), $"patching {Many} jobs {PatchesOfEach} times", stop);
        long[] moments = (long[])(await postgres.Ask(
            "SELECT ARRAY[min(seq_id), max(seq_id) FILTER (WHERE type = 'job_created'), max(seq_id)] FROM eventstore.mt_events",
            database))!;
        (long first, long created, long patched) = (moments[0], moments[1], moments[2]);
        using HttpClient client = Client(server, server.Token);
        using var patching = new CancellationTokenSource();
        using HttpClient other = Client(server, server.OtherToken);
        (await other.PostAsync("/apis/kubeflow.org/v1/namespaces/beside/pytorchjobs", Body(Requests.Manifest("felt")), stop))
            .EnsureSuccessStatusCode();
        var wrong = new Dictionary<string, long>();
        long started = Stopwatch.GetTimestamp();
        Task<Latencies> beside = Patch(other, wrong, patching.Token);
        await Rounds(client, server, "rollback of many", "RolledBack", [created, patched], "", Many);
        await Rounds(client, server, "rollback, dry run", "RolledBack", [created], "?dryRun=All", Many);
        await Rounds(client, server, "rollback, deletes", null, [first, patched], "", Many - 1);
        await patching.CancelAsync();
        Latencies felt = await beside;
        figures.Add("patch beside", 1, felt.Summary(Stopwatch.GetElapsedTime(started).TotalSeconds) with { Errors = wrong }, string.Create(
            CultureInfo.InvariantCulture,
            $"another user's patches meanwhile; the longest, {felt.MaxMs / 1000:0.0} s, waited for a whole batch to be committed"));
    }

    private async Task Rounds(
        HttpClient client, ServerUnderTest server, string name, string? action, long[] moments, string query, int expected)
    {
        var times = new Latencies();
        var errors = new Dictionary<string, long>();
        CpuTimes before = CpuTimes.Read(server.Pid, postgres.Pid);
        double seconds = 0;
        for (int round = 0; round < ManyRounds * moments.Length; round++)
        {
            string asked =
                $$"""{"revision":{{moments[round % moments.Length]}},"created":"{{(action is null ? "delete" : "keep")}}","deleted":"{{(action is null ? "restore" : "keep")}}"}""";
            long started = Stopwatch.GetTimestamp();
            using HttpResponseMessage answer = await client.PostAsync(Jobs + "/rollback" + query, Body(asked), stop);
            string text = await answer.Content.ReadAsStringAsync(stop);
            times.Record(Stopwatch.GetTimestamp() - started);
            seconds += Stopwatch.GetElapsedTime(started).TotalSeconds;
            if (!answer.IsSuccessStatusCode)
                errors[$"HTTP {(int)answer.StatusCode}"] = errors.GetValueOrDefault($"HTTP {(int)answer.StatusCode}") + 1;
            else if (JsonNode.Parse(text)!["items"]!.AsArray()
                .Count(item => action is null || (string)item!["action"]! == action) is var changed && changed < expected)
                errors["jobs that were not changed"] = expected - changed;
        }

        CpuTimes spent = CpuTimes.Read(server.Pid, postgres.Pid) - before;
        figures.Add(
            name, 1, times.Summary(seconds) with { Errors = errors, ServerCpuMs = spent.ServerMs, PostgresCpuMs = spent.PostgresMs },
            string.Create(
                CultureInfo.InvariantCulture, $"{expected} jobs in a request; server's highest memory {server.PeakMemoryMb:0} MB"));
    }

    private static async Task<Latencies> Patch(HttpClient client, Dictionary<string, long> errors, CancellationToken ended)
    {
        var times = new Latencies();
        while (!ended.IsCancellationRequested)
        {
            using var patch = new StringContent(
                $$$$"""{"metadata":{"labels":{"run":"{{{{Requests.NextLabel()}}}}"}}}""", null, "application/merge-patch+json");
            long started = Stopwatch.GetTimestamp();
            using HttpResponseMessage answer = await client.PatchAsync(
                "/apis/kubeflow.org/v1/namespaces/beside/pytorchjobs/felt", patch, CancellationToken.None);
            if (!answer.IsSuccessStatusCode)
                errors[$"HTTP {(int)answer.StatusCode}"] = errors.GetValueOrDefault($"HTTP {(int)answer.StatusCode}") + 1;
            times.Record(Stopwatch.GetTimestamp() - started);
            await Task.Delay(PatchPause, CancellationToken.None);
        }

        return times;
    }

    private static HttpClient Client(ServerUnderTest server, string token)
    {
        var client = new HttpClient { BaseAddress = server.Url, Timeout = Timeout.InfiniteTimeSpan };
        client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", token);
        return client;
    }

    private static StringContent Body(string json) => new(json, Encoding.UTF8, "application/json");
}
