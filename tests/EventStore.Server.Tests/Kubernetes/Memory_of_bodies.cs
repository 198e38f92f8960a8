using EventStore.Server.Kubernetes;
using EventStore.Server.Kubernetes.Requests;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.DependencyInjection;

namespace EventStore.Server.Tests.Kubernetes;

public sealed class Memory_of_bodies
{
    [Fact]
    public async Task What_finds_no_room_waits_until_a_request_before_it_ends()
    {
        using var budget = new BodyBudget(1 << 20, 1 << 20) { Wait = TimeSpan.FromMinutes(5) };
        (Ending first, Ending second, Ending third) = (new(), new(), new());
        Assert.Null(await budget.TakeForReading(first.Http, 600_000));
        ValueTask<Status?> waiting = budget.TakeForReading(second.Http, 600_000);
        Assert.False(waiting.IsCompleted);
        ValueTask<Status?> behind = budget.TakeForReading(third.Http, 100_000);
        Assert.False(behind.IsCompleted); // in order, else a large body would never have its turn
        await first.End();
        Assert.Null(await waiting);
        Assert.Null(await behind);
    }

    [Fact]
    public async Task Who_waits_too_long_is_answered_429_with_Retry_After()
    {
        using var budget = new BodyBudget(1 << 20, 1 << 20) { Wait = TimeSpan.FromMilliseconds(1) };
        Assert.Null(await budget.TakeForValues(new Ending().Http, 400_000, 0));
        Status? refusal = await budget.TakeForValues(new Ending().Http, 400_000, 0);
        Assert.Equal((429, 1), (refusal!.Code, refusal.Details!.RetryAfterSeconds));
    }

    [Fact]
    public async Task A_body_larger_than_all_the_room_has_it_alone()
    {
        using var budget = new BodyBudget(1 << 20, 1 << 20);
        var alone = new Ending();
        Assert.Null(await budget.TakeForReading(alone.Http, 1 << 30));
        await alone.End();
        Assert.Null(await budget.TakeForReading(new Ending().Http, 1 << 30));
    }

    [Fact]
    public async Task A_value_weighs_more_than_the_byte_it_is_written_with()
    {
        using var budget = new BodyBudget(1 << 30, 10 << 20) { Wait = TimeSpan.FromMilliseconds(1) };
        // 100,000 values, 8 MB.
        byte[] ones = [(byte)'[', .. Enumerable.Range(0, 199_999).Select(i => (byte)(i % 2 == 0 ? '1' : ',')), (byte)']'];
        Assert.Null(await Read(budget, ones));
        Assert.Equal(429, (await Read(budget, ones))?.Code);
    }

    private static async Task<Status?> Read(BodyBudget budget, byte[] body)
    {
        var ending = new Ending();
        ending.Http.RequestServices = new ServiceCollection().AddSingleton(budget).BuildServiceProvider();
        ending.Http.Request.Body = new MemoryStream(body);
        return (await RequestBody.Read(ending.Http.Request, body.Length)).Refusal;
    }

    /// <summary>A request whose end can be made.</summary>
    private sealed class Ending : HttpResponseFeature
    {
        private readonly Stack<(Func<object, Task> Run, object State)> atEnd = new();

        public Ending()
        {
            Http = new DefaultHttpContext();
            Http.Features.Set<IHttpResponseFeature>(this);
        }

        public DefaultHttpContext Http { get; }

        public override void OnCompleted(Func<object, Task> callback, object state) => atEnd.Push((callback, state));

        public async Task End()
        {
            while (atEnd.TryPop(out var each))
                await each.Run(each.State);
        }
    }
}
