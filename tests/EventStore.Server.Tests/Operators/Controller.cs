using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Threading.Channels;
using EventStore.Server.Tests.Fixtures;
using k8s;
using k8s.Autorest;

namespace EventStore.Server.Tests.Operators;

/// <summary>
/// An operator as a program of its own, written with the official C# client as operators are: an informer (list, then watch from there, and
/// again when the watch ends) keeps what it saw, a queue holds what is to be looked at, and workers bring each job a step further by a PUT
/// of its status with the revision they saw. <c>dotnet EventStore.Server.Tests.dll controller URL NAMESPACE COUNT</c> ends when so many
/// jobs have succeeded.
/// </summary>
internal sealed class Controller(IKubernetes client, string @namespace, int count) : IDisposable
{
    private const int Workers = 8;
    private static readonly string[] Steps = ["Created", "Running", "Succeeded"];
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(100);

    private readonly ConcurrentDictionary<string, JsonElement> cache = new();
    private readonly ConcurrentDictionary<string, bool> finished = new();
    private readonly Channel<string> queue = Channel.CreateUnbounded<string>();
    private readonly CancellationTokenSource done = new();
    private int lists, watches, conflicts, failures;

    /// <summary>Starts the program.</summary>
    public static Process Start(Uri url, string @namespace, int count) => ChildProcess.Start(
        new ProcessStartInfo(Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") ?? "dotnet",
            [typeof(Controller).Assembly.Location, "controller", url.ToString(), @namespace, $"{count}"])
        {
            RedirectStandardOutput = true,
        });

    /// <summary>The program.</summary>
    public static async Task<int> Run(string url, string @namespace, int count)
    {
        using var client = new k8s.Kubernetes(new KubernetesClientConfiguration { Host = url, AccessToken = ServerProcess.AdminToken });
        using var controller = new Controller(client, @namespace, count);
        await Task.WhenAll([controller.Inform(), .. Enumerable.Range(0, Workers).Select(_ => controller.Work())]);
        Console.WriteLine(
            $"{controller.finished.Count} succeeded; {controller.lists} lists, {controller.watches} watches, {controller.conflicts} conflicts, "
            + $"{controller.failures} failures");
        return controller.finished.Count == count ? 0 : 1;
    }

    /// <inheritdoc/>
    public void Dispose() => done.Dispose();

    private async Task Inform()
    {
        string? revision = null;
        while (!done.IsCancellationRequested)
        {
            try
            {
                revision ??= await List();
                watches++;
                await foreach ((WatchEventType type, object frame) in client.CustomObjects.WatchListNamespacedCustomObjectAsync(
                    "kubeflow.org", "v1", @namespace, "pytorchjobs", allowWatchBookmarks: true, resourceVersion: revision,
                    cancellationToken: done.Token))
                {
                    var job = (JsonElement)frame;
                    if (type == WatchEventType.Error)
                    {
                        revision = null; // too old: list again
                        break;
                    }

                    revision = job.GetProperty("metadata").GetProperty("resourceVersion").GetString();
                    if (type is WatchEventType.Added or WatchEventType.Modified)
                        Seen(job);
                }
            }
            catch (Exception e) when (!done.IsCancellationRequested && e is HttpRequestException or IOException or HttpOperationException)
            {
                Interlocked.Increment(ref failures);
                await Task.Delay(Pause);
            }
            catch (Exception) when (done.IsCancellationRequested)
            {
            }
        }
    }

    private async Task<string> List()
    {
        lists++;
        var list = (JsonElement)await client.CustomObjects.ListNamespacedCustomObjectAsync(
            "kubeflow.org", "v1", @namespace, "pytorchjobs", resourceVersion: "0", cancellationToken: done.Token);
        foreach (JsonElement job in list.GetProperty("items").EnumerateArray())
            Seen(job);
        return list.GetProperty("metadata").GetProperty("resourceVersion").GetString()!;
    }

    private void Seen(JsonElement job)
    {
        string name = job.GetProperty("metadata").GetProperty("name").GetString()!;
        cache[name] = job;
        queue.Writer.TryWrite(name);
    }

    private async Task Work()
    {
        try
        {
            await foreach (string name in queue.Reader.ReadAllAsync(done.Token))
            {
                if (await Reconcile(name))
                    continue;
                await Task.Delay(Pause);
                queue.Writer.TryWrite(name);
            }
        }
        catch (OperationCanceledException)
        {
        }
    }

    /// <summary>
    /// One step; false to be called again. A job that is further than the cache says is a conflict, and the watch tells of it.
    /// </summary>
    private async Task<bool> Reconcile(string name)
    {
        JsonNode job = JsonNode.Parse(cache[name].GetRawText())!;
        JsonArray conditions = job["status"]?["conditions"]?.DeepClone().AsArray() ?? [];
        if (conditions.Count == Steps.Length)
        {
            finished[name] = true;
            if (finished.Count == count)
                await done.CancelAsync();
            return true;
        }

        foreach (JsonNode? before in conditions)
            before!["status"] = "False";
        conditions.Add(
            new JsonObject { ["type"] = Steps[conditions.Count], ["status"] = "True", ["lastUpdateTime"] = "2026-01-02T03:04:05Z" });
        job["status"] = new JsonObject { ["conditions"] = conditions };
        try
        {
            await client.CustomObjects.ReplaceNamespacedCustomObjectStatusAsync(
                JsonSerializer.Deserialize<JsonElement>(job.ToJsonString()), "kubeflow.org", "v1", @namespace, "pytorchjobs", name,
                cancellationToken: done.Token);
            return true;
        }
        catch (HttpOperationException e) when (e.Response.StatusCode == HttpStatusCode.Conflict)
        {
            Interlocked.Increment(ref conflicts);
            return true;
        }
        catch (Exception e) when (!done.IsCancellationRequested && e is HttpRequestException or IOException or HttpOperationException)
        {
            Interlocked.Increment(ref failures);
            return false;
        }
    }
}
