using EventStore.Domain.Jobs;
using EventStore.Domain.Json;
using EventStore.Server.Store.Lane;
using EventStore.Server.Tests.Fixtures;

namespace EventStore.Server.Tests.Store;

/// <summary>
/// A row of an index holds 2,704 bytes. Keys below the status are as long as somebody likes, and are stored all the same.
/// </summary>
public sealed class Long_keys : IAsyncLifetime
{
    private TestDatabase database = null!;

    public async Task InitializeAsync() => database = await TestDatabase.Create();

    public async Task DisposeAsync() => await database.DisposeAsync();

    [Fact]
    public async Task Are_stored_indexed_and_verified()
    {
        var random = new Random(18);
        await using CommitLane lane = InProcess.Lane(database.Source);
        Assert.IsType<Outcome.Done>(await lane.Execute(InProcess.Create("long")));
        (int events, int found) = (1, 0);
        foreach ((int from, int to) in ((int, int)[])[('a', 'z'), (0xc0, 0x17f), (0x4e00, 0x9fff), (0x1f300, 0x1f5ff)])
        {
            // What does not compress: an index row may hold a longer text that does.
            foreach (int length in (int[])[600, 680, 900, 980, 1400, 2000, 2040, 2050, 2800, 20_000])
            {
                string key = string.Concat(Enumerable.Range(0, length).Select(_ => char.ConvertFromUtf32(random.Next(from, to))));
                JsonObject patch = JsonObject.Of(("status", JsonObject.Of((key, new JsonText("x")))));
                Outcome outcome = await lane.Execute(
                    new PatchStatus(new JobKey(InProcess.Namespace, "long"), DateTimeOffset.UnixEpoch, InProcess.Origin, patch));
                Assert.True(outcome is Outcome.Done, $"{length} characters from {from:x}: {outcome}");
                events++;
                found += key.Length < 990 ? 1 : 0; // of a path of more than 1,000 characters no event tells
            }
        }

        Assert.Equal(events, await database.Ask<long>("SELECT count(*) FROM eventstore.mt_events"));
        Assert.Equal(
            found, await database.Ask<long>("SELECT count(DISTINCT revision) FROM eventstore.revision_path WHERE path LIKE 'status%'"));
        await database.AssertWhole();
    }
}
