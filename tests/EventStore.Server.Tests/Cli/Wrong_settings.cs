using System.Net;
using System.Net.Sockets;
using System.Runtime.Versioning;
using EventStore.Server.Hosting;
using EventStore.Server.Postgres;
using EventStore.Server.Store.Format;
using EventStore.Server.Tests.Fixtures;

namespace EventStore.Server.Tests.Cli;

/// <summary>Every setting is looked at before anything is made: what is refused leaves no folder, no database and no stack trace.</summary>
[UnsupportedOSPlatform("windows")]
[Trait("Category", "Slow")]
public sealed class Wrong_settings : IDisposable
{
    private static readonly Dictionary<string, string?> NothingConfigured = [];
    private readonly string root = Directory.CreateTempSubdirectory("es-wrong-").FullName;

    private string Folder => Path.Combine(root, "data");

    public void Dispose() => Directory.Delete(root, recursive: true);

    [Theory]
    [InlineData("--token-auth-file", "ROOT/none.csv", "ROOT/none.csv: cannot be read: there is no such file or folder")]
    [InlineData("--authorization-rbac-dir", "ROOT/none", "ROOT/none: cannot be read: there is no such file or folder")]
    [InlineData("--authorization-rbac-dir", "ROOT/none/", "ROOT/none: cannot be read: there is no such file or folder")]
    [InlineData("--client-ca-file", "ROOT/none.pem", "ROOT/none.pem: cannot be read: there is no such file or folder")]
    [InlineData("--oidc-issuer-url", "https://issuer.example.com", "--oidc-issuer-url and --oidc-client-id must be given together, and with any other --oidc option")]
    [InlineData("--urls", "http://127.0.0.1:65536", "cannot listen: the port of 'http://127.0.0.1:65536' is not one from 0 to 65535")]
    [InlineData("--urls", "http://127.0.0.1:99999999999999", "cannot listen: the port of 'http://127.0.0.1:99999999999999' is not one from 0 to 65535")]
    [InlineData("--urls", "127.0.0.1:8080", "cannot listen: '127.0.0.1:8080' is no address")]
    [InlineData("--Kestrel:Endpoints:Main:Url", "https://0.0.0.0:70000", "cannot listen: the port of 'https://0.0.0.0:70000' is not one from 0 to 65535")]
    [InlineData("--Kestrel:Certificates:Default:Path", "ROOT/none.pem", "Kestrel:Certificates:Default: there is no file ROOT/none.pem")]
    [InlineData("--Kestrel:Endpoints:Main:Protocols", "Http1", "cannot listen: '' is no address")]
    [InlineData("--authentication-kubeconfig", "ROOT/none", "ROOT/none: kubeconfig file not found at ROOT/none")]
    [InlineData("--Logging:LogLevel:Default", "loud", "Logging:LogLevel:Default is 'loud', which is no log level")]
    [InlineData("--Logging:Console:LogLevel:Default", "7", "Logging:Console:LogLevel:Default is '7', which is no log level")]
    [InlineData("--standby-reads", "on", "--standby-reads is on, and the database has no host that could be a standby")]
    [InlineData("--standby-reads", "yes", "--standby-reads is 'yes'")]
    [InlineData("--ConnectionStrings:PostgresReplicas", "Host=db", "ConnectionStrings__PostgresReplicas is there, and ConnectionStrings__Postgres is not")]
    [InlineData("--Lane:QueueLength", "0", "Lane:QueueLength is 0, which is out of range")]
    public async Task Are_refused_in_two_lines_before_anything_is_made(string option, string value, string said)
    {
        (value, said) = (value.Replace("ROOT", root, StringComparison.Ordinal), said.Replace("ROOT", root, StringComparison.Ordinal));
        string[] urls = option is "--urls" ? [] : ["--urls", "http://127.0.0.1:0"];
        await using ProgramRun refused = await ProgramRun.Ended(NothingConfigured, ["serve", "--data", Folder, .. urls, option, value]);
        Assert.Equal((1, string.Empty), (refused.ExitCode, refused.Output));
        Assert.Matches(@"\Aerror: [^\n]+\n[^\n]+\n\z", refused.Errors);
        Assert.Equal($"error: {said}", refused.Errors.Split('\n')[0]);
        Assert.False(Directory.Exists(Folder), "it made the data folder");
    }

    [Theory]
    [InlineData("--urls")]
    [InlineData("--Kestrel:Endpoints:Main:Url")]
    public async Task A_port_that_is_taken_is_said_in_two_lines_before_anything_is_made(string option)
    {
        using var taken = new TcpListener(IPAddress.Loopback, 0);
        taken.Start();
        string url = $"http://127.0.0.1:{((IPEndPoint)taken.LocalEndpoint).Port}";
        await using ProgramRun refused = await ProgramRun.Ended(NothingConfigured, "serve", "--data", Folder, option, url);
        Assert.Equal((1, string.Empty), (refused.ExitCode, refused.Output));
        Assert.Matches($@"\Aerror: cannot listen: {url} is already in use\n.+--urls.+\n\z", refused.Errors);
        Assert.False(Directory.Exists(Folder), "it made the data folder");
    }

    [Theory]
    [InlineData("no.pem", null, "Kestrel:Certificates:Default: ROOT/no.pem cannot be used: ")] // neither PEM nor PKCS #12
    [InlineData("tls.pem", null, "Kestrel:Certificates:Default: ROOT/tls.pem cannot be used: ")] // the key is not named
    [InlineData("tls.pem", "other.pem", "Kestrel:Certificates:Default: ROOT/tls.pem cannot be used: ")] // another one's key
    [InlineData(null, null, "cannot listen: https://127.0.0.1:0 has no certificate")]
    public async Task A_certificate_that_cannot_be_used_is_said_in_two_lines_before_anything_is_made(string? file, string? key, string said)
    {
        await File.WriteAllTextAsync(Path.Combine(root, "no.pem"), "nonsense");
        foreach (string name in (string[])["tls.pem", "other.pem"])
        {
            (string certificate, string itsKey) = OwnCertificate.MakePem(["localhost"]);
            await File.WriteAllTextAsync(Path.Combine(root, name), $"{certificate}\n{itsKey}\n");
        }

        string[] options =
        [
            .. file is null ? (string[])[] : [$"--Kestrel:Certificates:Default:Path={Path.Combine(root, file)}"],
            .. key is null ? (string[])[] : [$"--Kestrel:Certificates:Default:KeyPath={Path.Combine(root, key)}"],
        ];
        var settings = new Dictionary<string, string?> { ["HOME"] = root }; // nobody's development certificate
        await using ProgramRun refused = await ProgramRun.Ended(settings, ["serve", "--data", Folder, "--urls", "https://127.0.0.1:0", .. options]);
        Assert.Equal((1, string.Empty), (refused.ExitCode, refused.Output));
        Assert.Matches(@"\Aerror: [^\n]+\n[^\n]+\n\z", refused.Errors);
        Assert.StartsWith($"error: {said.Replace("ROOT", root, StringComparison.Ordinal)}", refused.Errors, StringComparison.Ordinal);
        Assert.False(Directory.Exists(Folder), "it made the data folder");
    }

    [Theory]
    [InlineData("verify")]
    [InlineData("rebuild")]
    [InlineData("export")]
    public async Task A_folder_without_a_database_is_said_and_stays_as_it_is(string verb)
    {
        await using ProgramRun refused = await ProgramRun.Ended(NothingConfigured, verb, "--data", Folder);
        Assert.Equal((1, string.Empty), (refused.ExitCode, refused.Output));
        Assert.Matches($@"\Aerror: there is no database in {Folder}\n.+--data.+ConnectionStrings__Postgres.+\n\z", refused.Errors);
        Assert.False(Directory.Exists(Folder), "it made the data folder");
    }

    [Theory]
    [InlineData("postgres://a:secret@b/c", "it is not of the form Key=Value;Key=Value")]
    [InlineData("postgres://a:secret@b/c?ssl=true", "key 1 of 1 is not one that Npgsql knows")]
    [InlineData("Host=db;Password=my;secret=7", "key 3 of 3 is not one that Npgsql knows")]
    [InlineData("Host=db;Password=secret;Port=secret", "port cannot have that value")]
    [InlineData("Password=secret;Database=x", "it names no host")]
    [InlineData("Host=db;Password=secret;SSL Mode=secret", "ssl mode cannot have that value")]
    [InlineData("Host=db;Password=secret;Target Session Attributes=secret", "target session attributes cannot have that value")]
    public async Task A_connection_string_is_refused_without_being_repeated(string connectionString, string problem)
    {
        var settings = new Dictionary<string, string?> { ["ConnectionStrings__PostgresOwner"] = connectionString };
        await using ProgramRun refused = await ProgramRun.Ended(settings, "migrate");
        Assert.Equal((1, string.Empty), (refused.ExitCode, refused.Output));
        Assert.StartsWith(
            $"error: ConnectionStrings__PostgresOwner is no connection string: {problem}\n", refused.Errors, StringComparison.Ordinal);
        Assert.DoesNotContain("secret", refused.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Replicas_that_would_not_be_read_are_refused()
    {
        var settings = new Dictionary<string, string?>
        {
            ["ConnectionStrings__Postgres"] = "Host=192.0.2.1;Username=a;Password=b",
            ["ConnectionStrings__PostgresReplicas"] =
                "Host=192.0.2.2,192.0.2.3;Username=a;Password=b;Target Session Attributes=prefer-standby",
        };
        await using ProgramRun right = await ProgramRun.Ended(settings, "serve", "--check", "--data", Folder, "--urls", "http://127.0.0.1:0");
        Assert.True(right.ExitCode == 0, right.Everything);
        await using ProgramRun refused = await ProgramRun.Ended(
            settings, "serve", "--check", "--data", Folder, "--urls", "http://127.0.0.1:0", "--standby-reads", "off");
        Assert.Equal(1, refused.ExitCode);
        Assert.StartsWith(
            "error: --standby-reads is off, and ConnectionStrings__PostgresReplicas names what would be read\n", refused.Errors,
            StringComparison.Ordinal);
    }

    [Fact]
    public async Task Check_says_that_settings_are_right_and_makes_nothing()
    {
        await using ProgramRun right = await ProgramRun.Ended(NothingConfigured, "serve", "--check", "--data", Folder, "--urls", "http://127.0.0.1:0");
        Assert.True(right.ExitCode == 0, right.Everything);
        Assert.Matches(
            $@"\AThe settings are right; nothing was started, and a private PostgreSQL \d+ would run on {Folder}\.\n\z", right.Output);
        Assert.False(Directory.Exists(Folder), "it made the data folder");

        await using ProgramRun wrong = await ProgramRun.Ended(
            NothingConfigured, "--check", "--data", Folder, "--client-ca-file", Path.Combine(root, "none"));
        Assert.Equal(1, wrong.ExitCode);
    }

    [Fact]
    public async Task A_check_of_a_named_database_asks_nobody()
    {
        var settings = new Dictionary<string, string?> { ["ConnectionStrings__Postgres"] = "Host=192.0.2.1;Username=a;Password=b" };
        await using ProgramRun right = await ProgramRun.Ended(settings, "serve", "--check", "--data", Folder, "--urls", "http://127.0.0.1:0");
        Assert.True(right.ExitCode == 0, right.Everything);
        Assert.Contains("the database was not asked", right.Output, StringComparison.Ordinal);
        Assert.False(Directory.Exists(Folder), "it made the data folder");
    }

    /// <summary>With one host there is nothing to choose from, and Npgsql would refuse the key.</summary>
    [Theory]
    [InlineData("Host=192.0.2.1;Username=a;Password=b;Target Session Attributes=primary")]
    [InlineData("Host=192.0.2.1;Username=a;Password=b;Target Session Attributes=any")]
    public async Task A_choice_among_one_host_is_none(string connectionString)
    {
        var settings = new Dictionary<string, string?> { ["ConnectionStrings__Postgres"] = connectionString };
        await using ProgramRun right = await ProgramRun.Ended(settings, "serve", "--check", "--data", Folder, "--urls", "http://127.0.0.1:0");
        Assert.True(right.ExitCode == 0, right.Everything);
    }

    /// <summary>A stand-in for the engine's program: it answers, or there is no engine behind it.</summary>
    [Theory]
    [InlineData(0, @"\AThe settings are right; nothing was started, and a private PostgreSQL in a container of postgres:17 would run on FOLDER\.\n\z")]
    [InlineData(1, @"error: The database of FOLDER runs in a container, and no container engine answers\.\n.+docker version.+\n\z")]
    public async Task A_check_says_what_a_container_would_run(int exitCode, string said)
    {
        string docker = Path.Combine(root, "docker");
        await File.WriteAllTextAsync(docker, $"#!/bin/sh\necho 27.0\nexit {exitCode}\n");
        File.SetUnixFileMode(docker, UnixFileMode.UserRead | UnixFileMode.UserExecute);
        var settings = new Dictionary<string, string?> { ["PATH"] = $"{root}:{Environment.GetEnvironmentVariable("PATH")}" };
        await using ProgramRun check = await ProgramRun.Ended(
            settings, "serve", "--check", "--data", Folder, "--urls", "http://127.0.0.1:0", "--postgres-image", "postgres:17");
        Assert.Equal(exitCode, check.ExitCode);
        Assert.Matches(said.Replace("FOLDER", Folder, StringComparison.Ordinal), check.Output + check.Errors);
        Assert.False(Directory.Exists(Folder), "it made the data folder");
    }

    /// <summary>A first start without its image leaves a record and no database: programs installed since then are used.</summary>
    [Fact]
    public async Task A_database_whose_making_was_broken_off_is_none()
    {
        Directory.CreateDirectory(Folder);
        ContainerRecord.New("postgres:17").Write(Folder);
        await using ProgramRun verified = await ProgramRun.Ended(NothingConfigured, "verify", "--data", Folder);
        Assert.StartsWith($"error: there is no database in {Folder}\n", verified.Errors, StringComparison.Ordinal);
        await using ProgramRun check = await ProgramRun.Ended(
            NothingConfigured, "serve", "--check", "--data", Folder, "--urls", "http://127.0.0.1:0");
        Assert.Matches($@"a private PostgreSQL \d+ would run on {Folder}\.", check.Output);
    }

    [Fact]
    public void A_time_out_is_said_once()
    {
        var unknown = new SocketException((int)SocketError.HostNotFound);
        Assert.Equal(unknown.Message, DatabaseAway.Reason(new InvalidOperationException(unknown.Message, unknown)));
        string said = DatabaseTrouble.Explain(
            new TimeoutException("The operation has timed out.", new TimeoutException("The operation has timed out.")))!.Message;
        Assert.StartsWith("the database cannot be used: The operation has timed out.\n", said, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Data_of_a_version_before_10_are_named_by_their_version()
    {
        Directory.CreateDirectory(Path.Combine(Folder, "pgdata"));
        await File.WriteAllTextAsync(Path.Combine(Folder, "pgdata", "PG_VERSION"), "9.6\n");
        File.SetUnixFileMode(root, (UnixFileMode)Convert.ToInt32("711", 8));
        await using ProgramRun refused = await ProgramRun.Ended(NothingConfigured, "serve", "--data", Folder, "--urls", "http://127.0.0.1:0");
        Assert.Equal(1, refused.ExitCode);
        Assert.Contains("were made by PostgreSQL 9.6, and this server needs 15 or newer.", refused.Errors, StringComparison.Ordinal);
    }
}
