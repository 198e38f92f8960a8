using EventStore.Server.Store.Hosts;
using EventStore.Server.Store.Lane;
using EventStore.Server.Telemetry;

namespace EventStore.Server.Hosting;

/// <summary>
/// Adds the connections to the primary and to its standbys, the watch that follows the primary from host to host, and the checks of
/// <c>/readyz</c>.
/// </summary>
internal static class PrimarySetup
{
    public static void AddPrimary(this IServiceCollection services, Database database, Settings settings)
    {
        bool hasSeveral = database.ServingConnectionStrings.Count > 1;
        bool hasStandbys = hasSeveral || database.ReplicaConnectionStrings.Count > 0;
        services.AddSingleton(_ => database.Primary()).AddSingleton(_ => database.LostReplies())
            .AddSingleton<StandbyWait>()
            .AddSingleton(provider => new Standbys(
                provider.GetRequiredService<Primary>(), settings.ReadsStandbys ? database.Reading() : []));
        // Marten knows only Npgsql's own data sources.
        services.AddSingleton(provider => hasSeveral ? database.Serving() : provider.GetRequiredService<Primary>().Term.Source);
        if (database.IsPrivate)
            return;
        services.AddSingleton(provider => new PrimaryWatch(
            new WatchedHosts(database.Hosts(), settings.RequiresSynchronous) { Candidates = database.ServingConnectionStrings.Count },
            [provider.GetRequiredService<LostReplies>().Source, provider.GetRequiredService<Primary>()],
            provider.GetRequiredService<Standbys>(), provider.GetRequiredService<ILogger<PrimaryWatch>>()));
        services.AddHostedService(provider => provider.GetRequiredService<PrimaryWatch>());
        if (hasStandbys)
            services.AddNotice("hosts", provider => provider.GetRequiredService<PrimaryWatch>().Trouble);
        if (settings.RequiresSynchronous)
            services.AddReadiness("replication", (provider, _) =>
                Task.FromResult(provider.GetRequiredService<PrimaryWatch>().ReplicationTrouble));
        else
            services.AddNotice("replication", provider => provider.GetRequiredService<PrimaryWatch>().ReplicationTrouble);
    }
}
