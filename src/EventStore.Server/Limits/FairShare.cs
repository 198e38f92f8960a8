using System.Globalization;
using System.Threading.RateLimiting;
using EventStore.Server.Access;
using EventStore.Server.Kubernetes;
using Microsoft.AspNetCore.RateLimiting;

namespace EventStore.Server.Limits;

/// <summary>
/// Rate limits (token buckets) and concurrency limits for each user, so that one user's flood does not slow another down. A request beyond
/// them is refused with 429 before anything is done for it. A request within them that must wait does so here and not in the commit lane's
/// queue, where it would delay others.
/// </summary>
internal static class FairShare
{
    private const string Unlimited = "";

    public static void AddFairShare(this IServiceCollection services, RequestLimits limits) => services.AddRateLimiter(options =>
    {
        string UserOfThese(HttpContext http) => UserOf(http, limits);
        options.GlobalLimiter = PartitionedRateLimiter.CreateChained(
            Limiter(RequestClass.Watch, _ => "everybody", AtOnce(limits.Watches, 0)),
            Limiter(RequestClass.Watch, UserOfThese, AtOnce(limits.WatchesPerUser, 0)),
            Limiter(RequestClass.List, UserOfThese, AtOnce(limits.ListsAtOnce, limits.ListsWaiting)),
            Limiter(RequestClass.Read, UserOfThese, Rate(limits.ReadsPerSecond, limits.ReadsPerSecond, limits.ReadsWaiting)),
            Limiter(RequestClass.Read, UserOfThese, AtOnce(limits.ReadsAtOnce, limits.ReadsWaiting)),
            Limiter(RequestClass.Change, UserOfThese, Rate(limits.ChangesPerSecond, limits.ChangesBurst, limits.ChangesWaiting)),
            Limiter(RequestClass.Change, UserOfThese, AtOnce(limits.ChangesAtOnce, limits.ChangesWaiting)));
        options.OnRejected = (rejected, _) => new ValueTask(Refuse(rejected, limits));
    });

    /// <summary>Adds the limiters to the pipeline; a request that none of them covers skips them.</summary>
    public static void UseFairShare(this IApplicationBuilder app, RequestLimits limits) =>
        app.UseWhen(http => RequestInfo.Of(http).Class switch
        {
            RequestClass.Static => false,
            RequestClass.Watch => true,
            _ => UserOf(http, limits) != Unlimited,
        }, limited => limited.UseRateLimiter());

    private static string UserOf(HttpContext http, RequestLimits limits)
    {
        Caller user = RequestInfo.Of(http).User;
        return user.IsKnown && (limits.Masters || !user.IsMaster) ? user.Name : Unlimited;
    }

    private static PartitionedRateLimiter<HttpContext> Limiter(
        RequestClass asks, Func<HttpContext, string> whose, Func<string, RateLimitPartition<string>> limiter) =>
        PartitionedRateLimiter.Create<HttpContext, string>(http =>
            RequestInfo.Of(http).Class == asks && whose(http) is { Length: > 0 } key
                ? limiter(key)
                : RateLimitPartition.GetNoLimiter(Unlimited));

    private static Func<string, RateLimitPartition<string>> AtOnce(int most, int waiting) =>
        key => RateLimitPartition.GetConcurrencyLimiter(
            key, _ => new ConcurrencyLimiterOptions { PermitLimit = most, QueueLimit = waiting });

    // Refilled in small steps: a user a little above the rate is slowed down evenly, not stopped for the rest of each second.
    private static Func<string, RateLimitPartition<string>> Rate(int perSecond, int burst, int waiting)
    {
        int steps = perSecond % 10 == 0 ? 10 : 1;
        return key => RateLimitPartition.GetTokenBucketLimiter(key, _ => new TokenBucketRateLimiterOptions
        {
            TokenLimit = Math.Max(burst, perSecond / steps),
            TokensPerPeriod = perSecond / steps,
            ReplenishmentPeriod = TimeSpan.FromSeconds(1.0 / steps),
            QueueLimit = waiting, // a request that waits costs less than one that is refused and retried at once
        });
    }

    private static Task Refuse(OnRejectedContext rejected, RequestLimits limits)
    {
        HttpContext http = rejected.HttpContext;
        bool isRate = rejected.Lease.TryGetMetadata(MetadataName.RetryAfter, out TimeSpan wait);
        string user = $"user \"{RequestInfo.Of(http).User.Name}\"";
        string why = RequestInfo.Of(http).Class switch
        {
            RequestClass.Watch => Text($"{user} has {limits.WatchesPerUser} watches open, or all users together {limits.Watches}"),
            RequestClass.List => Text($"{user} is being sent {limits.ListsAtOnce} lists and waits for {limits.ListsWaiting} more"),
            RequestClass.Read when isRate => Text($"{user} asks for more than {limits.ReadsPerSecond} reads a second"),
            RequestClass.Read => Text($"{user} has {limits.ReadsAtOnce} reads under way and {limits.ReadsWaiting} more waiting"),
            _ when isRate => Text($"{user} asks for more than {limits.ChangesPerSecond} changes a second"),
            _ => Text($"{user} has {limits.ChangesAtOnce} changes under way and {limits.ChangesWaiting} more waiting"),
        };
        return Status.TooManyRequests(why, Math.Max(RetryAfter.Seconds, (int)Math.Ceiling(wait.TotalSeconds))).ExecuteAsync(http);
    }

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
