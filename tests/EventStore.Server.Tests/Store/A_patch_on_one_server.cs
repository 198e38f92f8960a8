using System.Text.Json.Nodes;
using EventStore.Server.Tests.Fixtures;

namespace EventStore.Server.Tests.Store;

public sealed class A_patch_on_one_server(ServedDatabase served) : IClassFixture<ServedDatabase>
{
    [Fact]
    public async Task Stores_one_event_for_a_patch_and_answers_what_it_stored()
    {
        await served.Server.Admin.Create("mnist");

        using HttpResponseMessage answer = await served.Server.Admin.Patch(
            Sample.Job("mnist"), """{"metadata":{"labels":{"team":"ml"}}}""");
        JsonNode patched = await answer.Manifest();

        Assert.Equal("ml", (string)patched["metadata"]!["labels"]!["team"]!);
        Assert.Equal(patched.ToJsonString(), (await served.Server.Admin.Get(Sample.Job("mnist"))).ToJsonString());
        Assert.Equal(
            patched.Revision(),
            (await served.Database.Ask<long>("SELECT seq_id FROM eventstore.mt_events WHERE type = 'job_patched'")).ToString());
    }
}
