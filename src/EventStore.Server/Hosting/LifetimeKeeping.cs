using EventStore.Domain.Lifetimes;
using EventStore.Domain.Manifests;
using EventStore.Server.Store.Feed;
using EventStore.Server.Store.Hosts;
using EventStore.Server.Store.Lane;
using EventStore.Server.Store.Lifetimes;
using EventStore.Server.Telemetry;

namespace EventStore.Server.Hosting;

/// <summary>Adds the controllers that end lifetimes, and their check of <c>/readyz</c>.</summary>
internal static class LifetimeKeeping
{
    public static void AddLifetimes(this IServiceCollection services, IReadOnlySet<LifetimeRule> rules)
    {
        services.AddSingleton(provider => new LifetimeController(
            provider.GetRequiredService<Primary>(),
            provider.GetRequiredService<JobFeed>(),
            provider.GetRequiredService<CommitLane>(),
            rules,
            provider.GetRequiredService<Profile>(),
            provider.GetRequiredService<TimeProvider>(),
            provider.GetRequiredService<ILogger<LifetimeController>>()));
        services.AddHostedService(provider => provider.GetRequiredService<LifetimeController>());
        services.AddNotice("lifetimes", provider => provider.GetRequiredService<LifetimeController>().Trouble);
    }
}
