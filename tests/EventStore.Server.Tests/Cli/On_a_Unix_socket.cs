using System.Runtime.Versioning;
using EventStore.Server.Postgres;
using EventStore.Server.Tests.Fixtures;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;

namespace EventStore.Server.Tests.Cli;

/// <summary>A named database that is reached through a Unix socket, which takes no options of TCP.</summary>
[UnsupportedOSPlatform("windows")]
[Trait("Category", "Slow")]
public sealed class On_a_Unix_socket : IAsyncLifetime
{
    private readonly string root = Directory.CreateTempSubdirectory("es-socket-").FullName;
    private EmbeddedPostgres postgres = null!;

    public async Task InitializeAsync()
    {
        File.SetUnixFileMode(root, (UnixFileMode)Convert.ToInt32("711", 8)); // the account PostgreSQL runs as may pass through
        postgres = await EmbeddedPostgres.Start(Path.Combine(root, "data"), NullLogger.Instance, default);
    }

    public async Task DisposeAsync()
    {
        await postgres.DisposeAsync();
        Directory.Delete(root, recursive: true);
    }

    [Fact]
    public async Task A_named_database_is_migrated_and_served()
    {
        Assert.StartsWith("/", new NpgsqlConnectionStringBuilder(postgres.OwnerConnectionString).Host, StringComparison.Ordinal);
        string tokens = Path.Combine(root, "tokens.csv");
        await File.WriteAllTextAsync(tokens, "a-token,admin,1,system:masters\n");
        var settings = new Dictionary<string, string?>
        {
            ["ConnectionStrings__PostgresOwner"] = postgres.OwnerConnectionString,
            ["ConnectionStrings__Postgres"] = postgres.ServingConnectionString,
        };
        await using (ProgramRun migrated = await ProgramRun.Ended(settings, "migrate"))
            Assert.True(migrated.ExitCode == 0, migrated.Everything);
        await using ProgramRun server = ProgramRun.Start(settings, "--urls", "http://127.0.0.1:0", "--token-auth-file", tokens);
        using var client = new HttpClient { BaseAddress = await server.Serving() };
        client.DefaultRequestHeaders.Add("X-Auth-Token", "a-token");
        await client.Create("through-a-socket");
    }
}
