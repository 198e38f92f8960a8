using System.Net;
using EventStore.Server.Tests.Fixtures;
using Npgsql;

namespace EventStore.Server.Tests.Survival;

/// <summary>Clients that stop reading their lists hold all of a server's connections: others are told so and not kept waiting.</summary>
[Trait("Category", "Slow")]
public sealed class An_exhausted_pool
{
    [Fact]
    public async Task Is_503_with_the_reason_and_writes_go_on()
    {
        await using TestDatabase database = await TestDatabase.Create();
        var few = new NpgsqlConnectionStringBuilder(database.Serving) { MaxPoolSize = 8, Timeout = 2 };
        await using ServerProcess server = await ServerProcess.Start(few.ConnectionString);
        for (int i = 0; i < 40; i++) // a list larger than all buffers on its way
        {
            using HttpResponseMessage created = await server.Admin.PostAsync(Sample.Jobs("large"), Sample.Body(Sample.Manifest(
                $"job-{i}", metadata: $$$$""","annotations":{"large":"{{{{new string('x', 200_000)}}}}"}""")));
            await created.Manifest(201);
        }

        await server.Admin.Create("mnist"); // the lane has a connection of its own from here on
        List<StalledClient> stalled = [];
        try
        {
            Reply refused = await Eventually.Holds(BesideOneMore, reply => reply.Code != HttpStatusCode.OK, "a read that is refused");
            Assert.Equal((HttpStatusCode.ServiceUnavailable, "1"), (refused.Code, refused.RetryAfter));
            Assert.Equal(
                "all of this server's connections to the database are in use; nothing was changed", (string?)refused.Json["message"]);
            await (await server.Admin.Patch(Sample.Job("mnist"), """{"metadata":{"labels":{"a":"b"}}}""")).Manifest();
        }
        finally
        {
            foreach (StalledClient client in stalled)
                client.Dispose();
        }

        // The clients have left.
        await Eventually.Equal(HttpStatusCode.OK, async () => (await Reply.Of(server.Admin.GetAsync(Sample.Job("mnist")))).Code);

        async Task<Reply> BesideOneMore()
        {
            if (stalled.Count < 20)
                stalled.Add(await StalledClient.Get(server.Url, Sample.Jobs("large")));
            return await Reply.Of(server.Admin.GetAsync(Sample.Job("mnist"))).WaitAsync(TimeSpan.FromSeconds(30));
        }
    }
}
