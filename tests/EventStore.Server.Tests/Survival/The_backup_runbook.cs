using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using EventStore.Server.Tests.Fixtures;
using Npgsql;

namespace EventStore.Server.Tests.Survival;

/// <summary>
/// Backup and restore as incidents.md has them, with the roles of operate.md: its own commands are run, with nothing changed but the name
/// of the database's machine and the way to the built server.
/// </summary>
[Trait("Category", "Slow")]
public sealed partial class The_backup_runbook
{
    private const string Heading = "## Backup and restore";

    [Fact]
    public async Task Restores_a_store_that_verifies_and_gives_no_revision_twice()
    {
        string[] roles = Blocks(Repository.Read("src/docs/operate.md"), "## Production", "sql")[..1];
        string document = Repository.Read("src/docs/incidents.md");
        string[] shell = Blocks(document, Heading, "sh")[..2];
        string[] sql = Blocks(document, Heading, "sql")[..1];
        string folder = Directory.CreateTempSubdirectory("es-runbook-").FullName;
        await using OwnCluster cluster = await OwnCluster.Start();
        var superuser = new NpgsqlConnectionStringBuilder(cluster.Superuser) { Pooling = false };
        string here = $"127.0.0.1;Port={superuser.Port}";
        await Execute(superuser.ConnectionString, roles[0]);
        string owner = $"Host={here};Database=eventstore;Username=eventstore_owner;Password=owner-secret;Pooling=false";
        string serving = $"Host={here};Database=eventstore;Username=eventstore_server;Password=server-secret";
        await Migrate(owner, serving);

        (string kept, string lost) = await WriteAround(() => Shell(folder, superuser.Port, shell[0]), serving);
        await Execute(superuser.ConnectionString, sql[0]);
        string said = await Shell(folder, superuser.Port, shell[0].Split('\n')[0] + "\n" + shell[1]);
        Assert.Contains("the database is up to date", said, StringComparison.Ordinal);
        Assert.Matches(@"\d+ events verified: the chain is whole", said);

        await IsServed(serving.Replace("Database=eventstore;", "Database=eventstore_restored;", StringComparison.Ordinal), kept, lost);
        await IsClosed(new NpgsqlConnectionStringBuilder(superuser.ConnectionString) { Database = "eventstore_restored" }.ConnectionString);
        Directory.Delete(folder, recursive: true);
    }

    private static async Task Migrate(string owner, string serving)
    {
        await using ProgramRun migrated = await ProgramRun.Ended(
            new Dictionary<string, string?> { ["ConnectionStrings__PostgresOwner"] = owner, ["ConnectionStrings__Postgres"] = serving },
            "migrate");
        Assert.True(migrated.ExitCode == 0, migrated.Everything);
    }

    /// <summary>Writes, takes the backup, and writes what it does not have.</summary>
    /// <returns>A job as the backup has it, and the last revision.</returns>
    private static async Task<(string Kept, string Lost)> WriteAround(Func<Task> backUp, string serving)
    {
        await using ServerProcess server = await ServerProcess.Start(serving);
        await server.Admin.Create("mnist");
        await server.Admin.Create("gone");
        await (await server.Admin.DeleteAsync(Sample.Job("gone"))).Manifest();
        JsonNode kept = await (await server.Admin.Patch(Sample.Job("mnist"), """{"metadata":{"labels":{"team":"ml"}}}""")).Manifest();
        await backUp();
        await server.Admin.Create("after-the-dump");
        return (kept.ToJsonString(), (await server.Admin.Create("after-the-dump-too")).Revision());
    }

    /// <summary>A server on the restored store has what was kept, and gives none of the lost revisions again.</summary>
    private static async Task IsServed(string restored, string kept, string lost)
    {
        await using ServerProcess server = await ServerProcess.Start(restored);
        Assert.Equal(kept, (await server.Admin.Get(Sample.Job("mnist"))).ToJsonString());
        Assert.DoesNotContain("SECURITY", server.Output, StringComparison.Ordinal);
        foreach (string query in (string[])["watch=true&resourceVersion=", "resourceVersion="])
        {
            Reply early = await Reply.Of(server.Admin.GetAsync($"{Sample.Jobs()}?{query}{lost}"));
            Assert.Equal((HttpStatusCode.Gone, "Expired"), (early.Code, (string?)early.Json["reason"]));
        }

        long next = long.Parse((await server.Admin.Create("next")).Revision(), CultureInfo.InvariantCulture);
        Assert.True(next > uint.MaxValue && next > long.Parse(lost, CultureInfo.InvariantCulture), $"the next revision is {next}");
        Assert.Equal(HttpStatusCode.NotFound, (await Reply.Of(server.Admin.GetAsync(Sample.Job("after-the-dump")))).Code);
    }

    /// <summary>A restore must not open to everybody what migrations closed.</summary>
    private static async Task IsClosed(string restored)
    {
        await using var look = new NpgsqlConnection(restored);
        await look.OpenAsync();
        await using var open = new NpgsqlCommand("""
            SELECT count(*) FROM pg_proc p, aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a
             WHERE p.pronamespace = 'eventstore'::regnamespace AND p.prosecdef AND a.grantee = 0
            """, look);
        Assert.Equal(0L, await open.ExecuteScalarAsync());
    }

    /// <summary>The blocks of code in that language behind a heading.</summary>
    private static string[] Blocks(string document, string heading, string language)
    {
        int at = document.IndexOf(heading, StringComparison.Ordinal);
        Assert.True(at >= 0, $"there is no heading '{heading}'");
        return [.. Block().Matches(document[at..]).Where(match => match.Groups[1].Value == language).Select(
            match => match.Groups[2].Value)];
    }

    private static async Task<string> Shell(string folder, int port, string commands)
    {
        string script = $$"""
            set -eu
            dotnet() { while [ "$1" != "--" ]; do shift; done; shift; command dotnet '{{typeof(Program).Assembly.Location}}' "$@"; }
            export PGPORT={{port}}
            {{commands.Replace("PGHOST=db", "PGHOST=127.0.0.1", StringComparison.Ordinal).Replace("Host=db", $"Host=127.0.0.1;Port={port}", StringComparison.Ordinal)}}
            """;
        using Process shell = Process.Start(new ProcessStartInfo("/bin/sh", ["-c", script])
        {
            WorkingDirectory = folder,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        string[] said = await Task.WhenAll(shell.StandardOutput.ReadToEndAsync(), shell.StandardError.ReadToEndAsync())
            .WaitAsync(TimeSpan.FromMinutes(2));
        await shell.WaitForExitAsync();
        Assert.True(shell.ExitCode == 0, string.Join('\n', said));
        return said[0];
    }

    private static async Task Execute(string connectionString, string sql)
    {
        await using var connection = new NpgsqlConnection(connectionString);
        await connection.OpenAsync();
        // CREATE DATABASE stands alone.
        foreach (string statement in sql.Split(';', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
        {
            await using var command = new NpgsqlCommand(statement, connection);
            await command.ExecuteNonQueryAsync();
        }
    }

    [GeneratedRegex(@"^```(\w+)\n(.*?)^```", RegexOptions.Multiline | RegexOptions.Singleline)]
    private static partial Regex Block();
}
