using System.Net;
using System.Text.Json;
using EventStore.Server.Tests.Fixtures;
using k8s;
using k8s.Autorest;
using k8s.Models;

namespace EventStore.Server.Tests.Clients;

/// <summary>The official C# client library (KubernetesClient), unmodified, takes the server for an API server.</summary>
[Trait("Category", "Slow")]
public sealed class Official_csharp_client : IAsyncLifetime
{
    private const string Namespace = "kube-test";
    private TestDatabase database = null!;
    private ServerProcess server = null!;

    public async Task InitializeAsync()
    {
        database = await TestDatabase.Create();
        server = await ServerProcess.Start(database.Serving);
    }

    public async Task DisposeAsync()
    {
        await server.DisposeAsync();
        await database.DisposeAsync();
    }

    [Fact]
    public async Task Creates_reads_lists_patches_replaces_and_deletes_typed_objects()
    {
        using GenericClient jobs = Jobs();
        PyTorchJob created = await jobs.CreateNamespacedAsync(Sample("mnist"), Namespace);
        Assert.Equal(1, created.Metadata.Generation);

        var patch = new V1Patch("""{"spec":{"cleanPodPolicy":"All"}}""", V1Patch.PatchType.MergePatch);
        PyTorchJob patched = await jobs.PatchNamespacedAsync<PyTorchJob>(patch, Namespace, "mnist");
        Assert.Equal(("All", 2L), (patched.Spec.CleanPodPolicy, patched.Metadata.Generation));

        patched.Spec.TtlSecondsAfterFinished = 3000;
        PyTorchJob replaced = await jobs.ReplaceNamespacedAsync(patched, Namespace, "mnist");
        Assert.Equal(3000, replaced.Spec.TtlSecondsAfterFinished);
        Assert.Equal(2, replaced.Spec.Others["pytorchReplicaSpecs"].GetProperty("Master").GetProperty("template").GetProperty("spec")
            .GetProperty("containers")[0].GetProperty("resources").GetProperty("limits").GetProperty("cpu").GetInt32());

        PyTorchJobList list = await jobs.ListNamespacedAsync<PyTorchJobList>(Namespace);
        Assert.Equal(replaced.Metadata.ResourceVersion, Assert.Single(list.Items).Metadata.ResourceVersion);

        await jobs.DeleteNamespacedAsync<V1Status>(Namespace, "mnist");
        HttpOperationException gone = await Assert.ThrowsAsync<HttpOperationException>(
            () => jobs.ReadNamespacedAsync<PyTorchJob>(Namespace, "mnist"));
        Assert.Equal(HttpStatusCode.NotFound, gone.Response.StatusCode);
    }

    [Fact]
    public async Task Is_told_of_a_conflict_and_gets_through_after_reading_again()
    {
        using GenericClient jobs = Jobs();
        PyTorchJob first = await jobs.CreateNamespacedAsync(Sample("contended"), Namespace);
        PyTorchJob second = await jobs.ReadNamespacedAsync<PyTorchJob>(Namespace, "contended");
        first.Spec.CleanPodPolicy = "None";
        await jobs.ReplaceNamespacedAsync(first, Namespace, "contended");

        second.Spec.TtlSecondsAfterFinished = 5;
        HttpOperationException refused = await Assert.ThrowsAsync<HttpOperationException>(
            () => jobs.ReplaceNamespacedAsync(second, Namespace, "contended"));
        Assert.Equal(HttpStatusCode.Conflict, refused.Response.StatusCode);
        Assert.Equal("Conflict", KubernetesJson.Deserialize<V1Status>(refused.Response.Content).Reason);

        PyTorchJob again = await jobs.ReadNamespacedAsync<PyTorchJob>(Namespace, "contended");
        again.Spec.TtlSecondsAfterFinished = 5;
        PyTorchJob stored = await jobs.ReplaceNamespacedAsync(again, Namespace, "contended");
        Assert.Equal(("None", 5), (stored.Spec.CleanPodPolicy, stored.Spec.TtlSecondsAfterFinished));
    }

    [Fact]
    public async Task Works_with_objects_nobody_declared()
    {
        using var client = new k8s.Kubernetes(Configuration(server.Url));
        object body = JsonSerializer.Deserialize<JsonElement>(Fixtures.Sample.Manifest("untyped"));
        await client.CustomObjects.CreateNamespacedCustomObjectAsync(body, "kubeflow.org", "v1", Namespace, "pytorchjobs");
        var list = (JsonElement)await client.CustomObjects.ListNamespacedCustomObjectAsync(
            "kubeflow.org", "v1", Namespace, "pytorchjobs", labelSelector: "app=test");
        Assert.Equal("untyped", list.GetProperty("items")[0].GetProperty("metadata").GetProperty("name").GetString());

        var patch = new V1Patch("""{"metadata":{"labels":{"team":"ml"}}}""", V1Patch.PatchType.MergePatch);
        var patched = (JsonElement)await client.CustomObjects.PatchNamespacedCustomObjectAsync(
            patch, "kubeflow.org", "v1", Namespace, "pytorchjobs", "untyped");
        Assert.Equal("ml", patched.GetProperty("metadata").GetProperty("labels").GetProperty("team").GetString());
        object changed = JsonSerializer.Deserialize<JsonElement>(
            patched.GetRawText().Replace("\"ml\"", "\"ai\"", StringComparison.Ordinal));
        var replaced = (JsonElement)await client.CustomObjects.ReplaceNamespacedCustomObjectAsync(
            changed, "kubeflow.org", "v1", Namespace, "pytorchjobs", "untyped");
        Assert.Equal("ai", replaced.GetProperty("metadata").GetProperty("labels").GetProperty("team").GetString());
        HttpOperationException refused = await Assert.ThrowsAsync<HttpOperationException>(
            () => client.CustomObjects.ReplaceNamespacedCustomObjectAsync(
                changed, "kubeflow.org", "v1", Namespace, "pytorchjobs", "untyped"));
        Assert.Equal(HttpStatusCode.Conflict, refused.Response.StatusCode);
    }

    [Fact]
    public async Task Watches_typed_objects()
    {
        using GenericClient jobs = Jobs();
        await jobs.CreateNamespacedAsync(Sample("typed"), Namespace);
        using var patience = new CancellationTokenSource(Eventually.Deadline);
        var seen = new List<(WatchEventType, string?)>();
        await foreach ((WatchEventType type, PyTorchJob job) in jobs.WatchNamespacedAsync<PyTorchJob>(Namespace, cancel: patience.Token))
        {
            seen.Add((type, job.Spec.CleanPodPolicy));
            if (type == WatchEventType.Added)
                await jobs.PatchNamespacedAsync<PyTorchJob>(
                    new V1Patch("""{"spec":{"cleanPodPolicy":"All"}}""", V1Patch.PatchType.MergePatch), Namespace, "typed");
            else if (type == WatchEventType.Modified)
                await jobs.DeleteNamespacedAsync<V1Status>(Namespace, "typed");
            else
                break;
        }

        Assert.Equal([(WatchEventType.Added, null), (WatchEventType.Modified, "All"), (WatchEventType.Deleted, "All")], seen);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Watches_across_a_restart_of_the_server_without_losing_or_doubling_a_change(bool withWatcher)
    {
        const int changes = 20;
        using (GenericClient jobs = Jobs())
            await jobs.CreateNamespacedAsync(Sample("watched"), Namespace);
        var seen = new List<long>();
        using var stop = new CancellationTokenSource(Eventually.Deadline);
        Task watching = withWatcher ? FollowWithWatcher(seen, changes + 1, stop.Token) : Follow(seen, changes + 1, stop.Token);

        for (int i = 1; i <= changes; i++)
        {
            if (i == changes / 2)
            {
                Uri url = server.Url;
                await server.DisposeAsync(); // kills it
                server = await ServerProcess.Start(database.Serving, "--urls", url.ToString());
            }

            using HttpResponseMessage answer = await server.Admin.Patch(
                Fixtures.Sample.Job("watched"), $"{{\"metadata\":{{\"labels\":{{\"n\":\"{i}\"}}}}}}");
            await answer.Manifest();
        }

        await watching;
        long[] written = await database.Ask<long[]>("SELECT array_agg(seq_id ORDER BY seq_id) FROM eventstore.mt_events");
        Assert.Equal(written, seen);
    }

    /// <summary>
    /// What every informer does: watch from the last revision seen, and when the connection ends, watch again from there.
    /// </summary>
    private async Task Follow(List<long> seen, int count, CancellationToken stop)
    {
        using var client = new k8s.Kubernetes(Configuration(server.Url));
        string revision = "1"; // the empty store: every change there ever was
        while (seen.Count < count)
        {
            try
            {
                await foreach ((WatchEventType type, object frame) in client.CustomObjects.WatchListNamespacedCustomObjectAsync(
                    "kubeflow.org", "v1", Namespace, "pytorchjobs", resourceVersion: revision, cancellationToken: stop))
                {
                    PyTorchJob job = ((JsonElement)frame).Deserialize<PyTorchJob>()!;
                    Assert.Contains(type, new[] { WatchEventType.Added, WatchEventType.Modified });
                    revision = job.Metadata.ResourceVersion;
                    seen.Add(long.Parse(revision));
                    if (seen.Count == count)
                        return;
                }
            }
            catch (Exception e) when (e is HttpRequestException or IOException or HttpOperationException && !stop.IsCancellationRequested)
            {
                await Task.Delay(50, stop); // the server is away for a moment
            }
        }
    }

    /// <summary>The same with the client's older <c>Watcher</c>, which calls back.</summary>
    private async Task FollowWithWatcher(List<long> seen, int count, CancellationToken stop)
    {
        using var client = new k8s.Kubernetes(Configuration(server.Url));
        string revision = "1";
        while (seen.Count < count)
        {
            var over = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            using Watcher<object> watcher = client.CustomObjects.WatchListNamespacedCustomObject(
                "kubeflow.org", "v1", Namespace, "pytorchjobs", resourceVersion: revision, onClosed: () => over.TrySetResult(),
                onEvent: (_, frame) =>
                {
                    revision = ((JsonElement)frame).Deserialize<PyTorchJob>()!.Metadata.ResourceVersion;
                    seen.Add(long.Parse(revision));
                    if (seen.Count == count)
                        over.TrySetResult();
                });
            await over.Task.WaitAsync(stop);
            await Task.Delay(50, stop);
        }
    }

    private static PyTorchJob Sample(string name) => KubernetesJson.Deserialize<PyTorchJob>(Fixtures.Sample.Manifest(name));

    private static KubernetesClientConfiguration Configuration(Uri url) =>
        new() { Host = url.ToString(), AccessToken = ServerProcess.AdminToken };

    private GenericClient Jobs() => new(new k8s.Kubernetes(Configuration(server.Url)), "kubeflow.org", "v1", "pytorchjobs", true);
}
