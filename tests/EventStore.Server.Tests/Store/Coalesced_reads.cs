using EventStore.Domain.Jobs;
using EventStore.Server.Store.Format;
using EventStore.Server.Store.Lane;
using EventStore.Server.Store.Reads;
using EventStore.Server.Tests.Fixtures;
using Npgsql;

namespace EventStore.Server.Tests.Store;

/// <summary>Many GETs at once share queries, and nobody can tell.</summary>
public sealed class Coalesced_reads : IAsyncLifetime
{
    private const int Jobs = 20;
    private const int Gets = 300;
    private TestDatabase database = null!;
    private CommitLane lane = null!;
    private JobReads reads = null!;

    public async Task InitializeAsync()
    {
        database = await TestDatabase.Create();
        lane = InProcess.Lane(database.Source);
        reads = new JobReads(database.Source);
        Outcome[] created = await Task.WhenAll(Enumerable.Range(0, Jobs).Select(i => lane.Execute(InProcess.Create($"job-{i}"))));
        Assert.All(created, outcome => Assert.IsType<Outcome.Done>(outcome));
    }

    public async Task DisposeAsync()
    {
        await lane.DisposeAsync();
        await database.DisposeAsync();
    }

    [Fact]
    public async Task Each_is_answered_with_its_own_job_or_with_none()
    {
        StoredJob?[] found = await Task.WhenAll(Enumerable.Range(0, Gets).Select(i => Get($"job-{i % (2 * Jobs)}")));

        Assert.All(
            found.Index(), get => Assert.Equal(get.Index % (2 * Jobs) < Jobs ? $"job-{get.Index % (2 * Jobs)}" : null, get.Item?.Key.Name));
        Assert.All(found.OfType<StoredJob>(), job => Assert.Contains(
            $"\"name\":\"{job.Key.Name}\"", System.Text.Encoding.UTF8.GetString(job.Utf8.Span), StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_write_that_was_answered_is_seen_by_every_get_that_begins_then()
    {
        using var enough = new CancellationTokenSource();
        Task[] crowd = [.. Enumerable.Range(0, 16).Select(_ => Task.Run(async () =>
        {
            while (!enough.IsCancellationRequested)
                await Get("job-0");
        }))];
        for (int i = 0; i < 50; i++)
        {
            var done = Assert.IsType<Outcome.Done>(await lane.Execute(InProcess.Label("job-0", "round", $"{i}")));
            Assert.Equal(done.Job.Revision, (await Get("job-0"))!.Revision);
        }

        await enough.CancelAsync();
        await Task.WhenAll(crowd);
    }

    [Fact]
    public async Task A_row_that_cannot_be_read_fails_alone()
    {
        await using (NpgsqlCommand damage = database.OwnerSource.CreateCommand(
            "UPDATE eventstore.mt_doc_current_job SET data = data - 'text' WHERE name = 'job-7'"))
            Assert.Equal(1, await damage.ExecuteNonQueryAsync());

        Task<StoredJob?>[] gets = [.. Enumerable.Range(0, Gets).Select(i => Get($"job-{i % Jobs}"))];

        for (int i = 0; i < Gets; i++)
        {
            if (i % Jobs == 7)
                await Assert.ThrowsAsync<InvalidCastException>(() => gets[i]);
            else
                Assert.Equal($"job-{i % Jobs}", (await gets[i])!.Key.Name);
        }
    }

    [Fact]
    public async Task Who_leaves_keeps_nobody_waiting()
    {
        using var leaving = new CancellationTokenSource();
        Task<StoredJob?> left = reads.Get(new JobKey(InProcess.Namespace, "job-1"), leaving.Token);
        await leaving.CancelAsync();

        Assert.NotNull(await Get("job-1"));
        if (!left.IsCompletedSuccessfully) // it may have been answered before
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => left);
    }

    private Task<StoredJob?> Get(string name) => reads.Get(new JobKey(InProcess.Namespace, name), CancellationToken.None);
}
