using Xunit.Sdk;

namespace EventStore.Server.Tests.Fixtures;

public sealed class EventuallyTests
{
    private static readonly TimeSpan Soon = TimeSpan.FromMilliseconds(50);

    [Fact]
    public async Task What_comes_later_is_waited_for()
    {
        int count = 0;
        Assert.Equal(3, await Eventually.Holds(() => Task.FromResult(++count), value => value == 3));
        await Eventually.Equal(5, () => Task.FromResult(++count));
        await Eventually.Holds(() => ++count == 7);
    }

    [Fact]
    public async Task What_does_not_come_fails_with_what_was_awaited_and_what_was_seen_last()
    {
        int count = 0;
        Assert.StartsWith("waited 0.05 s in vain for: value => value < 0\nseen last: ", await Failure(
            () => Eventually.Holds(() => Task.FromResult(++count), value => value < 0, within: Soon)), StringComparison.Ordinal);
        Assert.Equal("waited 0.05 s in vain for: rain\nseen last: the sky", await Failure(
            () => Eventually.Holds(() => false, "rain", () => "the sky", Soon)));
        Assert.Equal("waited 0.05 s in vain for: what is read is 2\nseen last: 1", await Failure(
            () => Eventually.Equal(2, () => Task.FromResult(1), "what is read", Soon)));
    }

    [Fact]
    public async Task What_comes_after_an_upper_bound_fails_though_it_comes()
    {
        Assert.Equal("waited 0.05 s in vain for: tomorrow", await Failure(() => Eventually.Holds(Later, "tomorrow", within: Soon)));
        await Eventually.Holds(Later, "tomorrow");

        static async Task<bool> Later()
        {
            await Task.Delay(2 * Soon);
            return true;
        }
    }

    private static async Task<string> Failure(Func<Task> waiting) => (await Assert.ThrowsAnyAsync<XunitException>(waiting)).Message;
}
