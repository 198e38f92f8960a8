using System.Net;
using System.Text.Json.Nodes;
using EventStore.Server.Tests.Fixtures;

namespace EventStore.Server.Tests.Store;

/// <summary>Writers at the same job at the same time, on one server and on two.</summary>
[Trait("Category", "Slow")]
public sealed class Many_writers(TwoServers servers) : IClassFixture<TwoServers>
{
    private const int Writers = 32;

    [Theory]
    [InlineData("one-revision-one-server", 1)]
    [InlineData("one-revision-two-servers", 2)]
    public async Task Naming_the_same_resourceVersion_one_wins_and_the_others_are_told(string job, int processes)
    {
        string revision = (await servers.A.Admin.Create(job)).Revision();

        Reply[] replies = await Race.Of(Writers, [.. servers.Both.Take(processes)], (client, i) => client.Patch(
            Sample.Job(job), $$$$"""{"metadata":{"resourceVersion":"{{{{revision}}}}","labels":{"winner":"w{{{{i}}}}"}}}"""));

        Reply winner = Assert.Single(replies, reply => reply.Code == HttpStatusCode.OK);
        Assert.Equal(Writers - 1, replies.Count(reply => reply.Code == HttpStatusCode.Conflict));
        Assert.Equal(2, await servers.Database.Events(job));
        Assert.Equal(winner.Text, (await Reply.Of(servers.B.Admin.GetAsync(Sample.Job(job)))).Text);
    }

    [Theory]
    [InlineData("many-labels-one-server", 1)]
    [InlineData("many-labels-two-servers", 2)]
    public async Task Of_different_labels_without_a_resourceVersion_all_win(string job, int processes)
    {
        await servers.A.Admin.Create(job);

        Reply[] replies = await Race.Of(Writers, [.. servers.Both.Take(processes)], (client, i) => client.Patch(
            Sample.Job(job), $$$$"""{"metadata":{"labels":{"writer-{{{{i}}}}":"was-here"}}}"""));

        Assert.All(replies, reply => Assert.Equal(HttpStatusCode.OK, reply.Code));
        Assert.All(replies, (reply, i) => Assert.Equal("was-here", reply.Label($"writer-{i}")));
        JsonNode left = await servers.B.Admin.Get(Sample.Job(job));
        Assert.Equal(
            Writers, left["metadata"]!["labels"]!.AsObject().Count(label => label.Key.StartsWith("writer-", StringComparison.Ordinal)));
        Assert.Equal(1 + Writers, await servers.Database.Events(job));
        Assert.Equal(Writers, replies.Select(reply => reply.Json.Revision()).Distinct().Count());
    }

    [Fact]
    public async Task Creating_the_same_name_one_wins()
    {
        Reply[] replies = await Race.Of(Writers, servers.Both, (client, _) => client.PostAsync(
            Sample.Jobs(), Sample.Body(Sample.Manifest("one-name"))));

        Assert.Single(replies, reply => reply.Code == HttpStatusCode.Created);
        Assert.Equal(Writers - 1, replies.Count(reply => reply.Code == HttpStatusCode.Conflict));
        Assert.All(replies.Where(reply => reply.Code == HttpStatusCode.Conflict), reply => Assert.Equal(
            "AlreadyExists", (string?)reply.Json["reason"]));
        Assert.Equal(1, await servers.Database.Events("one-name"));
    }

    [Fact]
    public async Task Deleting_and_creating_a_name_over_and_over_never_leave_two_of_it()
    {
        Reply[] replies = await Race.Of(Writers, servers.Both, (client, i) => (i / 2 % 2) == 0
            ? client.PostAsync(Sample.Jobs(), Sample.Body(Sample.Manifest("come-and-go")))
            : client.DeleteAsync(Sample.Job("come-and-go")));

        Assert.All(replies, reply => Assert.Contains(
            reply.Code, (HttpStatusCode[])[HttpStatusCode.OK, HttpStatusCode.Created, HttpStatusCode.NotFound, HttpStatusCode.Conflict]));
        int created = replies.Count(reply => reply.Code == HttpStatusCode.Created), deleted = replies.Count(
            reply => reply.Code == HttpStatusCode.OK);
        Assert.InRange(created - deleted, 0, 1);
        Assert.Equal(
            created, await servers.Database.Ask<long>("SELECT count(*) FROM eventstore.mt_doc_current_job WHERE name = 'come-and-go'"));
        Assert.Equal(deleted, await servers.Database.Ask<long>(
            "SELECT count(*) FROM eventstore.mt_doc_current_job WHERE name = 'come-and-go' AND deleted"));
    }

    [Fact]
    public async Task With_dryRun_among_them_store_nothing_of_it()
    {
        await servers.A.Admin.Create("half-dry");

        Reply[] replies = await Race.Of(Writers, servers.Both, (client, i) => client.Patch(
            Sample.Job("half-dry") + (Dry(i) ? "?dryRun=All" : string.Empty),
            $$$$"""{"metadata":{"labels":{"writer-{{{{i}}}}":"was-here"}}}"""));

        Assert.All(replies, (reply, i) => Assert.Equal("was-here", reply.Label($"writer-{i}")));
        Assert.Equal(1 + (Writers / 2), await servers.Database.Events("half-dry"));
        JsonObject labels = (await servers.B.Admin.Get(Sample.Job("half-dry")))["metadata"]!["labels"]!.AsObject();
        Assert.All(Enumerable.Range(0, Writers), i => Assert.Equal(!Dry(i), labels.ContainsKey($"writer-{i}")));

        static bool Dry(int i) => i / 2 % 2 == 0;
    }
}
