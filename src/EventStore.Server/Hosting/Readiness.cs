using System.Diagnostics;
using EventStore.Server.Postgres;
using EventStore.Server.Store.Feed;
using EventStore.Server.Store.Hosts;
using EventStore.Server.Store.Lane;
using EventStore.Server.Store.Reads;
using EventStore.Server.Telemetry;

namespace EventStore.Server.Hosting;

/// <summary>The checks of <c>/readyz</c>, by name: what must work before the server is sent requests.</summary>
internal static class Readiness
{
    private static readonly TimeSpan SchemaHolds = TimeSpan.FromMinutes(1);

    public static void AddReadiness(this IServiceCollection services, Database database)
    {
        services.AddReadiness("database", async (provider, stop) =>
        {
            await provider.GetRequiredService<JobReads>().Head(stop);
            return null;
        });
        services.AddReadiness("feed", (provider, _) =>
            Task.FromResult(provider.GetRequiredService<Notifications>().Trouble ?? provider.GetRequiredService<JobFeed>().Trouble));
        services.AddReadiness("lane", (provider, _) => Task.FromResult(provider.GetRequiredService<CommitLane>().Trouble));
        services.AddReadiness("migrations", Migrated(database));
        services.AddReadiness("shutdown", (provider, _) =>
            Task.FromResult(provider.GetRequiredService<GracefulStop>().HasBegun ? "the server is shutting down" : null));
    }

    // Cached, because it needs a connection of its own. A schema that is up to date stays so unless somebody restores a backup.
    private static Func<IServiceProvider, CancellationToken, Task<string?>> Migrated(Database database)
    {
        long found = 0;
        return async (provider, _) =>
        {
            if (found != 0 && Stopwatch.GetElapsedTime(found) < SchemaHolds)
                return null;
            int host = provider.GetRequiredService<Primary>().Term.Host;
            IReadOnlyList<string> pending = await Migrations.Pending(database.ServingConnectionStrings[host]);
            found = pending.Count == 0 ? Stopwatch.GetTimestamp() : 0;
            return pending.Count == 0 ? null : $"{pending.Count} migrations are not applied, the first is {pending[0]}";
        };
    }
}
