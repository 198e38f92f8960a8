using System.Net;
using EventStore.Server.Tests.Fixtures;

namespace EventStore.Server.Tests.Page;

/// <summary>Where a reason is required to go back, it is required of who goes back by the page too.</summary>
[Trait("Category", "Slow")]
public sealed class Reasons_for_going_back : IAsyncLifetime
{
    private TestDatabase database = null!;
    private ServerProcess server = null!;

    public async Task InitializeAsync()
    {
        database = await TestDatabase.Create();
        server = await ServerProcess.Start(database.Serving, "--require-reason", "rollback");
    }

    public async Task DisposeAsync()
    {
        await server.DisposeAsync();
        await database.DisposeAsync();
    }

    [Fact]
    public async Task Are_required_as_the_API_requires_them_and_kept_with_the_change()
    {
        string first = (await server.Admin.Create("kept")).Revision();
        string second = (await (await server.Admin.Patch(Sample.Job("kept"), """{"spec":{"cleanPodPolicy":"All"}}""")).Manifest())
            .Revision();
        using HttpClient person = await PageClient.SignedIn(server.Url, ServerProcess.AdminToken);
        const string page = "/ui/namespaces/kube-test/jobs/kept/go-back";
        (string, string)[] fields = [("revision", first), ("resourceVersion", second)];

        foreach ((string, string)[] without in ((string, string)[][])[fields, [.. fields, ("reason", "")]])
        {
            using HttpResponseMessage refused = await person.Post($"{page}?revision={first}", page, without);
            Assert.Equal(HttpStatusCode.BadRequest, refused.StatusCode);
            Assert.Contains("a reason is required to rollback", await refused.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        }

        Assert.Equal(second, (await server.Admin.Get(Sample.Job("kept"))).Revision());
        using HttpResponseMessage done = await person.Post($"{page}?revision={first}", page, [.. fields, ("reason", "it was Tuesday")]);
        Assert.Equal(HttpStatusCode.OK, done.StatusCode);
        Assert.Equal(1, await database.Ask<long>(
            "SELECT count(*) FROM eventstore.revision WHERE reason = 'it was Tuesday' AND type = 'job_rolled_back'"));
    }
}
