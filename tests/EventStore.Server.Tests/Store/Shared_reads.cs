using EventStore.Server.Store.Reads;

namespace EventStore.Server.Tests.Store;

/// <summary>Reads of one thing at once are shared, and none is answered with what was read before it arrived.</summary>
public sealed class Shared_reads
{
    private readonly List<TaskCompletionSource<int>> begun = [];
    private readonly SharedRead<int> reads;

    public Shared_reads() => reads = new SharedRead<int>(() =>
    {
        var one = new TaskCompletionSource<int>();
        begun.Add(one);
        return one.Task;
    });

    [Fact]
    public async Task Who_arrives_while_one_is_under_way_shares_the_next()
    {
        Task<int> first = Read();
        Task<int>[] later = [Read(), Read(), Read()];
        Assert.Single(begun);

        begun[0].SetResult(1);
        Assert.Equal(1, await first);
        await Begun(2);
        Assert.All(later, each => Assert.False(each.IsCompleted));
        Task<int> last = Read();

        begun[1].SetResult(2);
        int[] shared = await Task.WhenAll(later);
        Assert.Equal([2, 2, 2], shared);
        await Begun(3);
        begun[2].SetResult(3);
        Assert.Equal(3, await last);
        Assert.Equal(3, begun.Count);
    }

    [Fact]
    public async Task One_that_fails_fails_for_those_who_share_it_alone()
    {
        Task<int> first = Read();
        Task<int> second = Read();
        begun[0].SetException(new InvalidOperationException());
        await Assert.ThrowsAsync<InvalidOperationException>(() => first);
        await Begun(2);
        begun[1].SetResult(2);
        Assert.Equal(2, await second);
    }

    [Fact]
    public async Task Who_leaves_keeps_nobody_waiting()
    {
        using var leaving = new CancellationTokenSource();
        Task<int> left = reads.Read(leaving.Token);
        Task<int> next = Read();
        await leaving.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => left);

        begun[0].SetResult(1);
        await Begun(2);
        begun[1].SetResult(2);
        Assert.Equal(2, await next);
    }

    private Task<int> Read() => reads.Read(CancellationToken.None);

    private async Task Begun(int count)
    {
        for (int i = 0; i < 1000 && begun.Count < count; i++)
            await Task.Delay(10);
        Assert.Equal(count, begun.Count);
    }
}
