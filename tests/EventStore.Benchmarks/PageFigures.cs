using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;
using EventStore.Benchmarks.Load;
using EventStore.Benchmarks.Machine;
using EventStore.Benchmarks.Report;

namespace EventStore.Benchmarks;

/// <summary>
/// The page for people: how much a first load is, how long the server takes for the pages of a long history and of a large store, and what
/// people who look live cost those who patch. Times are a client's, one request at a time over one connection.
/// </summary>
internal sealed class PageFigures(
    MeasuredPostgres postgres, Options options, Figures figures, Func<LoadSpec, Task<Measured>> load, CancellationToken stop)
{
    private const int Loads = 300;
    private const int WarmUp = 50;
    private const int LongHistory = 100_000;
    private const int Rare = 200;
    private const int Viewers = 50;
    private const int RoundsMin = 3;
    private const int Changes = 100;
    private const int PatchConnections = 16;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    private readonly Random random = new(1);

    /// <summary>Measures and reports.</summary>
    public Task Measure(string scenario) => scenario switch
    {
        "page-job" => LongJob(),
        "page-store" => LargeStore(),
        _ => Live(),
    };

    private async Task LongJob()
    {
        const string database = "bench_page_job";
        await using ServerUnderTest server = await ServerUnderTest.Start(postgres, database, options.Server, stop);
        await BulkLoad.Fill(postgres, database, 1, LongHistory, $"patching a job {LongHistory} times", stop);
        long[] revisions = await Past.Revisions(postgres, database);
        using PageViewer viewer = await PageViewer.SignIn(server.Url, server.Token, stop);
        string job = $"/ui/namespaces/bench/jobs/{Requests.JobName(0)}";
        await FirstLoads(viewer, job, revisions);
        string Any() => Text(revisions[random.Next(1, revisions.Length)]);
        DateTime[] times = await Past.Times(postgres, database);
        // A stretch that nobody looked at before is counted whole.
        string Stretch()
        {
            (DateTime from, DateTime to) =
                (times[random.Next(times.Length / 5 * 2)], times[random.Next(times.Length / 5 * 3, times.Length)]);
            return $"{job}?from={Exact(from)}&to={Exact(to)}";
        }

        await Time(viewer, "page: job, any stretch", Stretch, "a stretch of it, mostly one that nobody looked at before");
        await Time(viewer, "page: job", () => job, $"a job of {revisions.Length} revisions: its timeline and the newest 50");
        await Time(viewer, "page: job, deep", () => $"{job}?behind={Any()}", "50 revisions somewhere in it");
        await Time(viewer, "page: object", () => $"{job}/revisions/{Any()}", "any revision, with blame");
        await Time(viewer, "page: compare", () => $"{job}/compare?from={Any()}&to={Any()}", "any two revisions");
        await Time(viewer, "page: go back", () => $"{job}/go-back?revision={Any()}", "what would change");
    }

    private async Task FirstLoads(PageViewer viewer, string job, long[] revisions)
    {
        (string first, string last) = (Text(revisions[0]), Text(revisions[^1]));
        string[] pages =
        [
            "/ui/sign-in", "/ui/jobs", "/ui/jobs?show=deleted", "/ui/activity", "/ui/server", job, $"{job}/revisions/{last}",
            $"{job}/compare?from={first}&to={last}", $"{job}/compare?from={first}&to={last}&view=unified",
            $"{job}/go-back?revision={first}",
        ];
        foreach (string page in pages)
        {
            long bytes = await viewer.Load(page, stop), files = 0;
            string[] addresses = await viewer.FilesOf(page, stop);
            foreach (string file in addresses)
                files += await viewer.Load(file, stop);
            bool isLocal = addresses.All(address => address.StartsWith('/') && !address.StartsWith("//", StringComparison.Ordinal));
            var measured = new Measured
            {
                Seconds = 1,
                Requests = 1,
                BodyBytes = bytes + files,
                Errors = bytes > 0 && isLocal ? [] : new() { ["no page, or files from elsewhere"] = 1 },
            };
            figures.Add("first load", 1, measured, string.Create(
                CultureInfo.InvariantCulture,
                $"{(bytes + files) / 1024.0:0.0} KB compressed, {bytes / 1024.0:0.0} of them the page, with {addresses.Length} files: {page.Split('?')[0]}"));
        }
    }

    private async Task LargeStore()
    {
        const string database = "bench_page_store";
        var counting = new Dictionary<string, string> { ["activity"] = "on" };
        await using ServerUnderTest server = await ServerUnderTest.Start(postgres, database, options.Server, stop, counting);
        // What is looked for lies behind a million others.
        await load(server.Load(LoadKind.CreateAll, postgres) with
        {
            Namespace = "rare",
            Jobs = Rare,
            Count = Rare,
            Token = server.OtherToken,
            Connections = 4,
        });
        await BulkLoad.Fill(postgres, database, options.WholeJobs, options.WholeEvents, $"loading {options.WholeEvents} events", stop);
        await Counted(server, database);
        using PageViewer viewer = await PageViewer.SignIn(server.Url, server.Token, stop);
        string of = $"of {options.WholeEvents} events";
        foreach (string query in (string[])
        [
            "", "namespace=rare", "user=bench", "user=other", "user=nobody", "verb=Patched", "verb=Created", "verb=Deleted",
            "path=metadata.labels.run", "path=metadata.labels", "path=spec.cleanPodPolicy", "job=JOB", "namespace=bench&job=JOB",
            "since=1h", "user=bench&verb=Patched&path=metadata.labels.run&namespace=bench&job=JOB", "user=other&verb=Patched",
            "user=other&path=metadata.labels.run", "before=BEFORE", "user=bench&verb=Created&before=BEFORE",
        ])
        {
            await Time(viewer, "page: activity", () => "/ui/activity?" + query
                .Replace("JOB", Requests.JobName(random.Next(options.WholeJobs)), StringComparison.Ordinal)
                .Replace("BEFORE", Text(random.NextInt64(1000, options.WholeEvents)), StringComparison.Ordinal),
                $"{of}, {(query.Length == 0 ? "no filter" : query)}");
        }

        await Time(viewer, "page: jobs", () => "/ui/jobs", $"of {options.WholeJobs} jobs and {options.WholeEvents} events");
    }

    /// <summary>Waits until the activity has counted all.</summary>
    private async Task Counted(ServerUnderTest server, string database)
    {
        using var client = new HttpClient { BaseAddress = server.Url };
        client.DefaultRequestHeaders.Authorization = new("Bearer", server.Token);
        long head = (long)(await postgres.Ask("SELECT max(revision) FROM eventstore.revision", database))!;
        while (true)
        {
            string answer = await client.GetStringAsync($"/apis/audit.eventstore.io/v1/activity?resourceVersion={head}", stop);
            if ((string?)JsonNode.Parse(answer)!["metadata"]!["resourceVersion"] is { } upTo
                && long.Parse(upTo, CultureInfo.InvariantCulture) >= head)
                return;
        }
    }

    private async Task Live()
    {
        const string database = "bench_page_live";
        await using ServerUnderTest server = await ServerUnderTest.Start(postgres, database, options.Server, stop);
        await load(
            server.Load(LoadKind.CreateAll, postgres) with { Jobs = options.Jobs, Count = options.Jobs, Connections = PatchConnections });
        LoadSpec patch = server.Load(LoadKind.Patch, postgres) with
        {
            Jobs = options.Jobs,
            Connections = PatchConnections,
            Seconds = options.Seconds,
            WarmUpSeconds = options.WarmUpSeconds,
        };
        await load(patch); // the server's code is still being compiled
        await OnScreen(server, "the activity", "/ui/activity?namespace=bench", () => Requests.JobName(random.Next(options.Jobs)));
        string one = Requests.JobName(random.Next(options.Jobs));
        await OnScreen(server, "a job", $"/ui/namespaces/bench/jobs/{one}", () => one);
        var alone = new List<(Measured Measured, double Mb)>();
        var looked = new List<(Measured Measured, double Mb)>();
        int loads = 0;
        for (int round = 0; round < Math.Max(RoundsMin, options.Rounds); round++)
        {
            alone.Add((await load(patch), server.MemoryMb));
            List<PageViewer> viewers = await Open(server);
            Measured measured = await load(patch);
            looked.Add((measured with { Errors = Wrong(viewers, measured.Errors) }, server.MemoryMb));
            loads += viewers.Sum(viewer => viewer.Loads);
            viewers.ForEach(viewer => viewer.Dispose());
        }

        (Measured before, double mbBefore) = Median(alone);
        (Measured after, double mbAfter) = Median(looked);
        double ratio = after.PerSecond / before.PerSecond;
        figures.Add("patch, nobody looks", PatchConnections, before, string.Create(
            CultureInfo.InvariantCulture, $"server's memory {mbBefore:0} MB"));
        figures.Add($"patch, {Viewers} look", PatchConnections, after, string.Create(
            CultureInfo.InvariantCulture,
            $"{ratio:0.00} of the rate; {loads} loads; server's memory {mbAfter:0} MB, {mbAfter - mbBefore:+0;-0;0}"), ratio);
    }

    /// <summary>From the answer to a patch to the answer to the load that shows it, while nothing else changes.</summary>
    private async Task OnScreen(ServerUnderTest server, string of, string path, Func<string> job)
    {
        using PageViewer viewer = await PageViewer.SignIn(server.Url, server.Token, stop);
        using var client = new HttpClient { BaseAddress = server.Url };
        client.DefaultRequestHeaders.Authorization = new("Bearer", server.Token);
        var seen = new ConcurrentDictionary<string, TaskCompletionSource<long>>();
        viewer.OnLoad = page =>
        {
            foreach ((string text, TaskCompletionSource<long> shown) in seen)
            {
                if (page.Contains(text, StringComparison.Ordinal))
                    shown.TrySetResult(Stopwatch.GetTimestamp());
            }
        };
        await viewer.Look(path, stop);
        var times = new Latencies();
        var errors = new Dictionary<string, long>();
        for (int i = 0; i < Changes; i++)
        {
            string value = $"seen-{i:000}-{Requests.NextLabel()}";
            var shown = seen[value] = new TaskCompletionSource<long>(TaskCreationOptions.RunContinuationsAsynchronously);
            using var body = new StringContent(
                $$$$"""{"metadata":{"labels":{"run":"{{{{value}}}}"}}}""", null, "application/merge-patch+json");
            string patched = $"/apis/kubeflow.org/v1/namespaces/bench/pytorchjobs/{job()}";
            using HttpResponseMessage answer = await client.PatchAsync(patched, body, stop);
            long answered = Stopwatch.GetTimestamp();
            if (answer.IsSuccessStatusCode && await Task.WhenAny(shown.Task, Task.Delay(Patience, stop)) == shown.Task)
                times.Record(await shown.Task - answered);
            else
                errors["a change that was never shown"] = errors.GetValueOrDefault("a change that was never shown") + 1;
            seen.Clear();
            await Task.Delay(random.Next(500), stop); // as changes come that people make
        }

        figures.Add(
            "page: on the screen", 1, times.Summary(1) with { Errors = errors },
            $"from the patch's answer to the page of {of} that shows it");
    }

    /// <summary>Half of them look at the jobs, the others at the activity: all at what is being patched.</summary>
    private async Task<List<PageViewer>> Open(ServerUnderTest server)
    {
        var viewers = new List<PageViewer>();
        for (int i = 0; i < Viewers; i++)
        {
            PageViewer viewer = await PageViewer.SignIn(server.Url, server.Token, stop);
            viewers.Add(viewer);
            await viewer.Look(i % 2 == 0 ? "/ui/jobs?namespace=bench" : "/ui/activity?namespace=bench", stop);
        }

        return viewers;
    }

    private static Dictionary<string, long> Wrong(List<PageViewer> viewers, Dictionary<string, long> errors)
    {
        foreach (string wrong in viewers.Select(viewer => viewer.Wrong ?? (viewer.Loads == 0 ? "a page that was never loaded again" : null))
            .OfType<string>())
            errors[wrong] = errors.GetValueOrDefault(wrong) + 1;
        return errors;
    }

    private static (Measured Measured, double Mb) Median(List<(Measured Measured, double Mb)> rounds) =>
        (rounds.OrderBy(round => round.Measured.PerSecond).ElementAt(rounds.Count / 2).Measured, rounds.Select(round => round.Mb).Order()
            .ElementAt(rounds.Count / 2));

    private async Task Time(PageViewer viewer, string name, Func<string> path, string note)
    {
        var times = new Latencies();
        var errors = new Dictionary<string, long>();
        (CpuTimes before, long begun) = (default, 0);
        for (int i = -WarmUp; i < Loads; i++)
        {
            if (i == 0)
                (before, begun) = (CpuTimes.Read(0, postgres.Pid), Stopwatch.GetTimestamp());
            long started = Stopwatch.GetTimestamp();
            long bytes = await viewer.Load(path(), stop);
            if (i >= 0)
                times.Record(Stopwatch.GetTimestamp() - started);
            if (bytes < 0)
                errors[$"{-bytes}"] = errors.GetValueOrDefault($"{-bytes}") + 1;
        }

        CpuTimes spent = CpuTimes.Read(0, postgres.Pid) - before;
        figures.Add(
            name, 1, times.Summary(Stopwatch.GetElapsedTime(begun).TotalSeconds) with { Errors = errors, PostgresCpuMs = spent.PostgresMs },
            note);
    }

    private static string Exact(DateTime time) =>
        time.ToUniversalTime().ToString("yyyy-MM-dd'T'HH:mm:ss.ffffff'Z'", CultureInfo.InvariantCulture);

    private static string Text(long number) => number.ToString(CultureInfo.InvariantCulture);
}
