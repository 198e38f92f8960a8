using System.Globalization;
using System.Threading.RateLimiting;
using EventStore.Server.Access;
using EventStore.Server.Kubernetes;
using Microsoft.AspNetCore.RateLimiting;

namespace EventStore.Server.Limits;

/// <summary>
/// Keeps one user's flood from becoming another's. Each user has a share of the commit lane and of the database's connections, and a rate;
/// what is beyond is refused with 429 before anything is done for it. What is within the share but has to wait, waits here and not in the
/// lane, where it would stand before others.
/// </summary>
internal static class FairShare
{
    private const string Unlimited = "";

    private enum Asks
    {
        Fixed, // what is the same for everybody and costs the database nothing: discovery, documents, health
        Read,
        Change,
        List,
        Watch,
    }

    /// <summary>Adds the limiters.</summary>
    public static void AddFairShare(this IServiceCollection services, RequestLimits limits) => services.AddRateLimiter(options =>
    {
        string UserOfThese(HttpContext http) => UserOf(http, limits);
        options.GlobalLimiter = PartitionedRateLimiter.CreateChained(
            Limiter(Asks.Watch, _ => "everybody", AtOnce(limits.Watches, 0)),
            Limiter(Asks.Watch, UserOfThese, AtOnce(limits.WatchesPerUser, 0)),
            Limiter(Asks.List, UserOfThese, AtOnce(limits.ListsAtOnce, limits.ListsWaiting)),
            Limiter(Asks.Read, UserOfThese, Rate(limits.ReadsPerSecond, limits.ReadsPerSecond, limits.ReadsWaiting)),
            Limiter(Asks.Read, UserOfThese, AtOnce(limits.ReadsAtOnce, limits.ReadsWaiting)),
            Limiter(Asks.Change, UserOfThese, Rate(limits.ChangesPerSecond, limits.ChangesBurst, limits.ChangesWaiting)),
            Limiter(Asks.Change, UserOfThese, AtOnce(limits.ChangesAtOnce, limits.ChangesWaiting)));
        options.OnRejected = (rejected, _) => new ValueTask(Refuse(rejected, limits));
    });

    /// <summary>Puts the limiters before what follows. Whoever is exempt from all of them does not even meet them.</summary>
    public static void UseFairShare(this IApplicationBuilder app, RequestLimits limits) =>
        app.UseWhen(http => AsksFor(http) switch
        {
            Asks.Fixed => false,
            Asks.Watch => true,
            _ => UserOf(http, limits) != Unlimited,
        }, limited => limited.UseRateLimiter());

    private static Asks AsksFor(HttpContext http)
    {
        if (!HttpMethods.IsGet(http.Request.Method) && !HttpMethods.IsHead(http.Request.Method))
            return Asks.Change;
        return AccessRequest.Of(http) switch
        {
            { IsResource: false } => Asks.Fixed,
            { Verb: "watch" } => Asks.Watch,
            { Verb: "list" } => Asks.List,
            _ => Asks.Read,
        };
    }

    private static string UserOf(HttpContext http, RequestLimits limits) =>
        http.User.Identity is { IsAuthenticated: true, Name: { } name } && (limits.Masters || !http.User.IsInRole(Caller.Masters)) ? name : Unlimited;

    private static PartitionedRateLimiter<HttpContext> Limiter(Asks asks, Func<HttpContext, string> whose, Func<string, RateLimitPartition<string>> limiter) =>
        PartitionedRateLimiter.Create<HttpContext, string>(http =>
            AsksFor(http) == asks && whose(http) is { Length: > 0 } key ? limiter(key) : RateLimitPartition.GetNoLimiter(Unlimited));

    private static Func<string, RateLimitPartition<string>> AtOnce(int most, int waiting) => key => RateLimitPartition.GetConcurrencyLimiter(
        key, _ => new ConcurrencyLimiterOptions { PermitLimit = most, QueueLimit = waiting });

    // In small steps: who asks for a little more than the rate is slowed down evenly, not stopped for the rest of each second.
    private static Func<string, RateLimitPartition<string>> Rate(int perSecond, int burst, int waiting)
    {
        int steps = perSecond % 10 == 0 ? 10 : 1;
        return key => RateLimitPartition.GetTokenBucketLimiter(key, _ => new TokenBucketRateLimiterOptions
        {
            TokenLimit = Math.Max(burst, perSecond / steps),
            TokensPerPeriod = perSecond / steps,
            ReplenishmentPeriod = TimeSpan.FromSeconds(1.0 / steps),
            QueueLimit = waiting, // a flood that waits costs less than one that is refused and comes back at once
        });
    }

    private static Task Refuse(OnRejectedContext rejected, RequestLimits limits)
    {
        HttpContext http = rejected.HttpContext;
        bool isRate = rejected.Lease.TryGetMetadata(MetadataName.RetryAfter, out TimeSpan wait);
        string user = $"user \"{Caller.Of(http.User).Name}\"";
        string why = AsksFor(http) switch
        {
            Asks.Watch => Text($"{user} has {limits.WatchesPerUser} watches open, or all users together {limits.Watches}"),
            Asks.List => Text($"{user} is being sent {limits.ListsAtOnce} lists and waits for {limits.ListsWaiting} more"),
            Asks.Read when isRate => Text($"{user} asks for more than {limits.ReadsPerSecond} reads a second"),
            Asks.Read => Text($"{user} has {limits.ReadsAtOnce} reads under way and {limits.ReadsWaiting} more waiting"),
            _ when isRate => Text($"{user} asks for more than {limits.ChangesPerSecond} changes a second"),
            _ => Text($"{user} has {limits.ChangesAtOnce} changes under way and {limits.ChangesWaiting} more waiting"),
        };
        return Status.TooManyRequests(Math.Max(1, (int)Math.Ceiling(wait.TotalSeconds)), why).ExecuteAsync(http);
    }

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
