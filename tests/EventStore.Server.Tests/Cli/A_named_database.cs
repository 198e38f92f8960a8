using System.Net;
using System.Net.Sockets;
using System.Runtime.Versioning;
using EventStore.Server.Tests.Fixtures;
using EventStore.Server.Tests.Store;
using Npgsql;

namespace EventStore.Server.Tests.Cli;

/// <summary>The verbs on a database that was named, as an operator runs them.</summary>
[Trait("Category", "Slow")]
[UnsupportedOSPlatform("windows")]
public sealed class A_named_database : IAsyncLifetime
{
    private readonly string folder = Directory.CreateTempSubdirectory("es-cli-").FullName;
    private TestDatabase database = null!;
    private string tokens = null!;

    public async Task InitializeAsync()
    {
        database = await TestDatabase.CreateEmpty();
        tokens = Path.Combine(folder, "tokens.csv");
        await File.WriteAllTextAsync(tokens, "a-token,admin,1,system:masters\n");
    }

    public async Task DisposeAsync()
    {
        Directory.Delete(folder, recursive: true);
        await database.DisposeAsync();
    }

    [Fact]
    public async Task Is_migrated_and_then_served()
    {
        await using (ProgramRun early = await Ended(Both(), "serve"))
        {
            Assert.Equal((1, string.Empty), (early.ExitCode, early.Output));
            Assert.Matches(
                @"\Aerror: the database lacks \d+ migrations, the first is V0001__\w+\.sql\nRun 'EventStore\.Server migrate' .*ConnectionStrings__PostgresOwner.*\n\z",
                early.Errors);
        }

        await using (ProgramRun first = await Ended(Both(), "migrate"))
            Assert.True(first.ExitCode == 0, first.Everything);
        await using (ProgramRun second = await Ended(Both(), "migrate"))
        {
            Assert.True(second.ExitCode == 0, second.Everything);
            Assert.StartsWith("the database is up to date (", second.Output, StringComparison.Ordinal);
        }

        // As in the image, whose base sets a port of its own.
        var settings = new Dictionary<string, string?>(Both()) { ["ASPNETCORE_HTTP_PORTS"] = "8080" };
        string data = Path.Combine(folder, "data");
        await using ProgramRun server = ProgramRun.Start(settings, "serve", "--urls", "http://127.0.0.1:0", "--token-auth-file", tokens, "--data", data);
        await server.Serving();
        await server.Says("kubectl      ");
        Assert.DoesNotContain("SECURITY", server.Errors, StringComparison.Ordinal);
        Assert.DoesNotContain("Overriding", server.Errors, StringComparison.Ordinal);
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute, File.GetUnixFileMode(data));
        server.Signal("TERM");
        Assert.True(await server.End() == 0, server.Everything);
    }

    /// <summary>The same address twice is free when it is looked at, and taken when it is listened on.</summary>
    [Fact]
    public async Task Is_left_in_two_lines_when_the_port_is_taken_after_it_was_looked_at()
    {
        await using (ProgramRun migrated = await Ended(Both(), "migrate"))
            Assert.True(migrated.ExitCode == 0, migrated.Everything);
        string url = $"http://127.0.0.1:{FreePort.Find()}";
        await using ProgramRun refused = await ProgramRun.Ended(
            Both(), "serve", "--urls", $"{url};{url}", "--token-auth-file", tokens);
        Assert.Equal((1, string.Empty), (refused.ExitCode, refused.Output));
        Assert.Matches(
            $@"\A(\S+ \S+ (info|warn): .+\n)*error: cannot listen: {url}, {url} is already in use\n.+--urls.+\n\z", refused.Errors);
    }

    [Fact]
    public async Task Gets_its_serving_role_made_when_the_owner_may_make_roles()
    {
        string role = database.ServingRoleName + "_new";
        var serving = new NpgsqlConnectionStringBuilder(database.Serving) { Username = role, Password = "it's; \"odd\"" };
        Dictionary<string, string?> settings = Both();
        settings["ConnectionStrings__Postgres"] = serving.ConnectionString;

        await using (ProgramRun refused = await Ended(settings, "migrate"))
        {
            Assert.Equal(1, refused.ExitCode);
            Assert.Matches(
                $@"\Aerror: the role '{role}' of ConnectionStrings__Postgres is missing, and .*may not make it.*\n.*CREATE ROLE {role} LOGIN.*\n\z",
                Errors(refused));
            Assert.DoesNotContain("odd", refused.Everything, StringComparison.Ordinal);
        }

        await AsSuperuser($"ALTER ROLE {new NpgsqlConnectionStringBuilder(database.Owner).Username} CREATEROLE");
        await using (ProgramRun made = await Ended(settings, "migrate"))
            Assert.True(made.ExitCode == 0, made.Everything);
        await using (ProgramRun server = Start(settings))
        {
            await server.Serving();
            Assert.DoesNotContain("SECURITY", server.Errors, StringComparison.Ordinal);
        }

        await using (NpgsqlDataSource source = NpgsqlDataSource.Create(serving.ConnectionString))
            Assert.Equal(1L, await source.CreateCommand("SELECT revision FROM eventstore.head").ExecuteScalarAsync());
        await AsSuperuser($"DROP OWNED BY {role}; DROP ROLE {role}");
    }

    /// <summary>Both settings may name the owner, in connection strings that are not the same text.</summary>
    [Fact]
    public async Task Leaves_the_owner_its_rights_when_it_serves_too()
    {
        Dictionary<string, string?> settings = Both();
        settings["ConnectionStrings__Postgres"] = database.Owner + ";Application Name=other";
        await using (ProgramRun migrated = await Ended(settings, "migrate"))
            Assert.True(migrated.ExitCode == 0, migrated.Everything);
        await using ProgramRun server = Start(settings);
        using HttpClient client = Client(await server.Serving());
        await client.Create("written-by-the-owner");
        Assert.Contains(
            "SECURITY: ConnectionStrings__Postgres has more rights than serving needs", server.Errors, StringComparison.Ordinal);
        Assert.Contains("DURABILITY: fsync is off", server.Errors, StringComparison.Ordinal);
        Assert.Contains("DURABILITY: full_page_writes is off", server.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Of_one_connection_string_is_migrated_and_served_with_a_loud_warning()
    {
        var settings = new Dictionary<string, string?> { ["ConnectionStrings__Postgres"] = database.Owner };
        await using (ProgramRun migrated = await Ended(settings, "migrate"))
            Assert.True(migrated.ExitCode == 0, migrated.Everything);
        await using ProgramRun server = Start(settings);
        using HttpClient client = Client(await server.Serving());
        await client.Create("written-by-the-owner");
        Assert.Contains(
            "SECURITY: ConnectionStrings__Postgres has more rights than serving needs", server.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Is_rebuilt_and_verified_by_exit_code()
    {
        await using (ProgramRun migrated = await Ended(Both(), "migrate"))
            Assert.True(migrated.ExitCode == 0, migrated.Everything);
        await RandomHistory.Write(database.Source, seed: 9, jobs: 40, events: 300);
        await using (ProgramRun clean = await Ended(Both(), "verify"))
        {
            Assert.Equal(0, clean.ExitCode);
            Assert.Matches(
                @"\A\d+ events verified: the chain is whole, and everything else is what the events give \([\d.]+ s\)\n\z", clean.Output);
        }

        await database.Execute("UPDATE eventstore.mt_doc_current_job SET revision = 1");
        string before = await database.Checksum();
        await using (ProgramRun tampered = await Ended(Both(), "verify"))
        {
            Assert.Equal(1, tampered.ExitCode);
            string[] lines = tampered.Output.TrimEnd().Split('\n');
            Assert.Equal(21, lines.Length);
            Assert.All(lines[..20], line => Assert.Matches(
                @"^revision \d+: [-a-z0-9]+/[-a-z0-9]+ \([-0-9a-f]{36}\): the current job is at revision 1, its events end at \d+$", line));
            Assert.Matches(@"^\d+ events verified: \d+ differences, the first 20 shown \([\d.]+ s\)$", lines[20]);
        }

        Assert.Equal(before, await database.Checksum());
        await using (ProgramRun rebuilt = await Ended(Both(), "rebuild"))
        {
            Assert.True(rebuilt.ExitCode == 0, rebuilt.Everything);
            Assert.Matches(@"\Arebuilt: \d+ rows were written, the others were right \([\d.]+ s\)\n\z", rebuilt.Output);
            long events = await database.Ask<long>("SELECT count(*) FROM eventstore.mt_events"); // each is read twice, and counted once
            Assert.Single(rebuilt.Errors.Split('\n'), line => line == $"rebuilding: {events} of {events} events (100 %)");
        }

        await using ProgramRun mended = await Ended(Both(), "verify");
        Assert.True(mended.ExitCode == 0, mended.Everything);
    }

    [Fact]
    public async Task Is_whole_without_its_snapshots_and_not_with_a_wrong_one()
    {
        await using (ProgramRun migrated = await Ended(Both(), "migrate"))
            Assert.True(migrated.ExitCode == 0, migrated.Everything);
        await RandomHistory.WriteLong(database.Source, events: 300);
        await database.Execute("DELETE FROM eventstore.job_snapshot");
        await using (ProgramRun without = await Ended(Both(), "verify"))
        {
            Assert.Equal(0, without.ExitCode);
            Assert.Matches(
                @"\A2 snapshots are missing, which is no damage: reading the past is slower; 'rebuild' makes them\n301 events verified: the chain is whole, .+\n\z",
                without.Output);
        }

        await using (ProgramRun rebuilt = await Ended(Both(), "rebuild"))
            Assert.StartsWith("rebuilt: 2 rows were written, the others were right", rebuilt.Output, StringComparison.Ordinal);
        long revision = await database.Ask<long>("SELECT min(revision) FROM eventstore.job_snapshot");
        await database.Execute($"UPDATE eventstore.job_snapshot SET text = text || ' ' WHERE revision = {revision}");
        await using ProgramRun wrong = await Ended(Both(), "verify");
        Assert.Equal(1, wrong.ExitCode);
        Assert.Matches(
            $@"\Arevision {revision}: kube-test/long \([-0-9a-f]{{36}}\): the snapshot of revision {revision} is not what the events give\n301 events verified: 1 difference \(",
            wrong.Output);
    }

    [Fact]
    public async Task Is_not_served_by_a_bad_token_file_nor_where_another_serves()
    {
        await using (ProgramRun migrated = await Ended(Both(), "migrate"))
            Assert.True(migrated.ExitCode == 0, migrated.Everything);
        string bad = Path.Combine(folder, "bad.csv");
        await File.WriteAllTextAsync(bad, "good,alice,1\nsecret-of-bob\n");
        await using (ProgramRun refused = await ProgramRun.Ended(Both(), "serve", "--urls", "http://127.0.0.1:0", "--token-auth-file", bad))
        {
            Assert.Equal(1, refused.ExitCode);
            Assert.Contains($"error: {bad}: line 2: ", refused.Errors, StringComparison.Ordinal);
            Assert.DoesNotContain("secret-of-bob", refused.Everything, StringComparison.Ordinal);
        }

        await using (ProgramRun refused = await ProgramRun.Ended(Both(), "serve", "--urls", "http://127.0.0.1:0", "--token-auth-file", bad + ".missing"))
            Assert.Contains($"error: {bad}.missing: cannot be read: ", refused.Errors, StringComparison.Ordinal);

        using var taken = new TcpListener(IPAddress.Loopback, 0);
        taken.Start();
        string url = $"http://127.0.0.1:{((IPEndPoint)taken.LocalEndpoint).Port}";
        foreach ((string urls, string said) in ((string, string)[])[(url, "in use"), ("nonsense", "nonsense"),
            ("http://localhost:0", "localhost"), ("http://192.0.2.1:8080", "cannot listen")])
        {
            await using ProgramRun refused = await ProgramRun.Ended(Both(), "serve", "--urls", urls, "--token-auth-file", tokens);
            Assert.True(refused.ExitCode == 1, refused.Everything);
            string[] lines = Errors(refused).TrimEnd().Split('\n');
            Assert.True(lines.Length == 2 && lines[0].StartsWith("error: cannot listen: ", StringComparison.Ordinal)
                && lines[1].Contains("--urls", StringComparison.Ordinal),
                string.Join(" | ", lines));
            Assert.Contains(said, refused.Errors, StringComparison.Ordinal);
        }
    }

    /// <summary>An encoding is chosen when a database is made: the way out is another database.</summary>
    [Theory]
    [InlineData("migrate")]
    [InlineData("serve")]
    public async Task Of_another_encoding_than_UTF8_is_refused_with_the_command_that_makes_the_right_one(string verb)
    {
        await using TestDatabase latin = await TestDatabase.CreateEmpty(options: "ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0");
        string name = new NpgsqlConnectionStringBuilder(latin.Owner).Database!;
        await using ProgramRun refused = await Ended(
            new() { ["ConnectionStrings__Postgres"] = latin.Serving, ["ConnectionStrings__PostgresOwner"] = latin.Owner }, verb);
        Assert.True(refused.ExitCode == 1, refused.Everything);
        string[] said = Errors(refused).TrimEnd().Split('\n');
        Assert.Equal(2, said.Length);
        Assert.Contains($"'{name}' has the encoding LATIN1; this server needs UTF8", said[0], StringComparison.Ordinal);
        string command = said[1][said[1].IndexOf("CREATE DATABASE", StringComparison.Ordinal)..];

        await AsSuperuser(command);
        try
        {
            var made = new NpgsqlConnectionStringBuilder(latin.Owner) { Database = name + "_utf8", Pooling = false };
            await using ProgramRun migrated = await Ended(
                new() { ["ConnectionStrings__PostgresOwner"] = made.ConnectionString }, "migrate");
            Assert.True(migrated.ExitCode == 0, migrated.Everything);
        }
        finally
        {
            await AsSuperuser($"DROP DATABASE {name}_utf8 WITH (FORCE)");
        }
    }

    private Dictionary<string, string?> Both() =>
        new() { ["ConnectionStrings__Postgres"] = database.Serving, ["ConnectionStrings__PostgresOwner"] = database.Owner };

    private static Task<ProgramRun> Ended(Dictionary<string, string?> settings, string verb) => verb == "serve"
        ? ProgramRun.Ended(settings, verb, "--urls", "http://127.0.0.1:0")
        : ProgramRun.Ended(settings, verb);

    private ProgramRun Start(Dictionary<string, string?> settings) =>
        ProgramRun.Start(settings, "serve", "--urls", "http://127.0.0.1:0", "--token-auth-file", tokens);

    private static HttpClient Client(Uri url)
    {
        var client = new HttpClient { BaseAddress = url };
        client.DefaultRequestHeaders.Authorization = new("Bearer", "a-token");
        return client;
    }

    /// <summary>What it said at the end, without the log before.</summary>
    private static string Errors(ProgramRun run) => run.Errors[Math.Max(0, run.Errors.IndexOf("error: ", StringComparison.Ordinal))..];

    private async Task AsSuperuser(string sql)
    {
        string here = new NpgsqlConnectionStringBuilder(database.Owner).Database!;
        var superuser = new NpgsqlConnectionStringBuilder(await PostgresServer.ConnectionString) { Database = here, Pooling = false };
        await using var connection = new NpgsqlConnection(superuser.ConnectionString);
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync();
    }
}
