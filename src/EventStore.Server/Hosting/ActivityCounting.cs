using EventStore.Server.Store.Activities;
using EventStore.Server.Telemetry;

namespace EventStore.Server.Hosting;

/// <summary>Adds the services that count and read the activity: Marten's store, its daemon, the check of <c>/readyz</c>.</summary>
internal static class ActivityCounting
{
    public static void AddActivity(this IServiceCollection services)
    {
        services.AddSingleton(provider => ActivityStore.Open(provider.GetRequiredService<Npgsql.NpgsqlDataSource>()));
        services.AddSingleton<ActivityReads>();
        services.AddSingleton<ActivityDaemon>();
        services.AddHostedService(provider => provider.GetRequiredService<ActivityDaemon>());
        services.AddNotice("activity", provider => provider.GetRequiredService<ActivityDaemon>().Trouble);
    }
}
