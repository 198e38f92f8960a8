using System.Text.Json.Nodes;
using EventStore.Server.Tests.Fixtures;

namespace EventStore.Server.Tests.Access;

/// <summary>A rollback of many by who may restore some jobs and not all of a namespace: a cluster is asked for each.</summary>
[Trait("Category", "Slow")]
public sealed class Rights_of_a_rollback : IAsyncLifetime
{
    private const int Jobs = 160; // asking for all of them takes longer than a turn is waited for

    private readonly string folder = Directory.CreateTempSubdirectory("es-rollback-").FullName;
    private readonly TaskCompletionSource asked = new(), answering = new();
    private TestDatabase database = null!;
    private FakeCluster cluster = null!;
    private ServerProcess server = null!;

    public async Task InitializeAsync()
    {
        database = await TestDatabase.Create();
        cluster = await FakeCluster.Start();
        await File.WriteAllTextAsync(Path.Combine(folder, "cluster"), cluster.Kubeconfig);
        cluster.Namespaces["ml"] = cluster.Namespaces["other"] = "Active";
        server = await ServerProcess.Start(
            database.Serving, "--data", folder, "--authorization-mode", "Webhook", "--authorization-kubeconfig",
            Path.Combine(folder, "cluster"));
    }

    public async Task DisposeAsync()
    {
        answering.TrySetResult();
        await server.DisposeAsync();
        await cluster.DisposeAsync();
        await database.DisposeAsync();
        Directory.Delete(folder, recursive: true);
    }

    /// <summary>A turn is waited for for half a minute, and an answer of the cluster for some seconds.</summary>
    [Fact]
    public async Task Are_asked_for_before_its_turn()
    {
        long then = await GoneSince("ml", Enumerable.Range(0, Jobs).Select(i => $"job-{i}"));
        await server.Admin.Create("kept", "other");
        cluster.Allows = spec => spec["resourceAttributes"]! is var what
            && ((string?)what["subresource"] != "restore" || (string?)what["name"] is not (null or "job-1"));
        cluster.Awaits = async spec =>
        {
            if (spec["resourceAttributes"] is { } what && (string?)what["subresource"] == "restore" && what["name"] is not null)
            {
                asked.TrySetResult();
                await answering.Task;
            }
        };
        using HttpClient alice = server.Client(ServerProcess.AliceToken);
        Task<HttpResponseMessage> waiting = alice.PostAsync(
            $"{Sample.Jobs("ml")}/rollback?dryRun=All", Sample.Body($$"""{"revision":{{then}},"deleted":"restore"}"""));
        await asked.Task.WaitAsync(Eventually.Deadline);
        Assert.Equal(1, (int)(await RollBack(await server.Admin.PostAsync(
            Sample.Jobs("other") + "/rollback", Sample.Body("""{"revision":1}"""))))["kept"]!);

        answering.SetResult();
        Assert.Contains("job-1", (await RollBack(await waiting))["refused"]!.AsArray().Select(item => (string)item!["name"]!));
    }

    /// <summary>Makes jobs and deletes them; returns the revision between.</summary>
    private async Task<long> GoneSince(string @namespace, IEnumerable<string> names)
    {
        string[] all = [.. names];
        foreach (string name in all)
            await server.Admin.Create(name, @namespace);
        long then = await database.Ask<long>("SELECT revision FROM eventstore.head");
        foreach (string name in all)
            await (await server.Admin.DeleteAsync(Sample.Job(name, @namespace))).Manifest();
        return then;
    }

    private static async Task<JsonNode> RollBack(HttpResponseMessage answer)
    {
        using (answer)
            return await answer.Manifest();
    }
}
