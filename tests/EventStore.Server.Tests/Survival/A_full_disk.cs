using System.Globalization;
using System.Net;
using System.Security.Cryptography;
using EventStore.Server.Tests.Fixtures;

namespace EventStore.Server.Tests.Survival;

/// <summary>
/// PostgreSQL's disk is full: writes are refused with the reason, reads go on, and with space they work again by themselves.
/// </summary>
[Trait("Category", "Slow")]
public sealed class A_full_disk
{
    /// <summary>
    /// A disk, which takes the right to mount one; and a limit on the size of files, which anybody may set and PostgreSQL meets as it meets
    /// a quota.
    /// </summary>
    [SkippableTheory]
    [InlineData("disk", "53100: could not extend file")]
    [InlineData("limit", "XX000: could not extend file")]
    public async Task Is_503_with_the_reason_until_there_is_space_again(string kind, string reason)
    {
        await using LimitedSpace? space = await LimitedSpace.Of(kind);
        Skip.If(space is null, "this account may not mount a small disk");
        await using TestDatabase database = await TestDatabase.Create(space.Cluster.Superuser);
        await using ServerProcess server = await ServerProcess.Start(database.Serving);
        await server.Admin.Create("mnist");

        await space.Narrow();
        var stored = new List<string> { "mnist" };
        Reply refused = await UntilRefused(server, stored);

        Assert.True(refused.Code == HttpStatusCode.ServiceUnavailable && refused.RetryAfter == "1", refused.Text);
        Assert.Equal("the database has no space left on its disk; nothing was changed", (string?)refused.Json["message"]);
        await server.Says(reason);
        Assert.Equal(HttpStatusCode.ServiceUnavailable, (await Large(server, "another")).Code);
        Assert.Equal("mnist", (string?)(await server.Admin.Get(Sample.Job("mnist")))["metadata"]!["name"]);

        await space.Widen();
        await Eventually.Holds(
            () => Reply.Of(server.Admin.Patch(Sample.Job("mnist"), """{"metadata":{"labels":{"space":"again"}}}""")),
            again => again.Code == HttpStatusCode.OK);
        Assert.Equal(
            stored.Order(StringComparer.Ordinal),
            (await server.Admin.Get(Sample.Jobs()))["items"]!.AsArray().Select(job => (string)job!["metadata"]!["name"]!));
        await database.AssertWhole();
    }

    private static async Task<Reply> UntilRefused(ServerProcess server, List<string> stored)
    {
        for (int i = 0; ; i++)
        {
            Assert.True(i < 500, "there is no space and everything is stored");
            string name = string.Create(CultureInfo.InvariantCulture, $"large-{i}");
            Reply reply = await Large(server, name);
            if (reply.Code != HttpStatusCode.Created)
                return reply;
            stored.Add(name);
        }
    }

    private static async Task<Reply> Large(ServerProcess server, string name) => await Reply.Of(server.Admin.PostAsync(
        Sample.Jobs(), Sample.Body(
            Sample.Manifest(name, metadata: $$$$""","annotations":{"large":"{{{{RandomNumberGenerator.GetHexString(200_000)}}}}"}"""))));
}
