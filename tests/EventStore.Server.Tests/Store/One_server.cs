using System.Text.Json.Nodes;
using EventStore.Server.Tests.Fixtures;

namespace EventStore.Server.Tests.Store;

public sealed class One_server : IAsyncLifetime
{
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
    public async Task Stores_one_event_for_a_patch_and_answers_what_it_stored()
    {
        await server.Admin.Create("mnist");

        using HttpResponseMessage answer = await server.Admin.Patch(Sample.Job("mnist"), """{"metadata":{"labels":{"team":"ml"}}}""");
        JsonNode patched = await answer.Manifest();

        Assert.Equal("ml", (string)patched["metadata"]!["labels"]!["team"]!);
        Assert.Equal(patched.ToJsonString(), (await server.Admin.Get(Sample.Job("mnist"))).ToJsonString());
        Assert.Equal(patched.Revision(), (await database.Ask<long>("SELECT seq_id FROM eventstore.mt_events WHERE type = 'job_patched'")).ToString());
    }
}
