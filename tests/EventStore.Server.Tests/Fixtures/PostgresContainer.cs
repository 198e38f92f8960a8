using System.Security.Cryptography;
using Testcontainers.PostgreSql;

namespace EventStore.Server.Tests.Fixtures;

/// <summary>
/// A PostgreSQL in a container, of the image TEST_POSTGRES_IMAGE or postgres:17. It is taken away when the test process ends; if
/// the process is killed, by Testcontainers' reaper.
/// </summary>
internal static class PostgresContainer
{
    // A first run pulls the image.
    private static readonly TimeSpan StartTimeMax = TimeSpan.FromMinutes(4);

    public static readonly PostgresServer.Source Source = new($"a container of {Image}", Start);

    private static string Image =>
        Environment.GetEnvironmentVariable("TEST_POSTGRES_IMAGE") is { Length: > 0 } image ? image : "postgres:17";

    private static async Task<string> Start()
    {
        var container = new PostgreSqlBuilder(Image)
            .WithDatabase("postgres")
            .WithUsername("postgres")
            .WithPassword(RandomNumberGenerator.GetHexString(24))
            .WithCommand("-c", $"max_connections={PostgresServer.ConnectionsMax}")
            // Testcontainers publishes on every address; a test database is nobody's business but this machine's.
            .WithCreateParameterModifier(request =>
            {
                foreach (var binding in request.HostConfig!.PortBindings!.Values.SelectMany(bindings => bindings))
                    binding.HostIP = "127.0.0.1";
            })
            .Build();

        AppDomain.CurrentDomain.ProcessExit += (_, _) => container.DisposeAsync().AsTask().GetAwaiter().GetResult();
        using var timeout = new CancellationTokenSource(StartTimeMax);
        await container.StartAsync(timeout.Token);
        return container.GetConnectionString();
    }
}
