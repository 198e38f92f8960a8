using System.Diagnostics;
using System.Globalization;
using System.Net.Http.Headers;
using System.Runtime.Versioning;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json.Nodes;
using EventStore.Server.Tests.Fixtures;
using EventStore.Server.Tests.Postgres;

namespace EventStore.Server.Tests.Cli;

/// <summary>The one command of a newcomer: nothing configured, everything there.</summary>
[UnsupportedOSPlatform("windows")]
[Trait("Category", "Slow")]
public sealed class A_private_database : IDisposable
{
    private const UnixFileMode OnlyOurs = UnixFileMode.UserRead | UnixFileMode.UserWrite;
    private static readonly Dictionary<string, string?> NothingConfigured = [];
    private readonly string root = Directory.CreateTempSubdirectory("es-private-").FullName;

    // As /var/lib is: the account PostgreSQL runs as may pass through.
    public A_private_database() => File.SetUnixFileMode(root, (UnixFileMode)Convert.ToInt32("711", 8));

    private string Folder => Path.Combine(root, "data");

    private string Kubeconfig => Path.Combine(Folder, "kubeconfig");

    private string Tokens => Path.Combine(Folder, "tokens.csv");

    public void Dispose() => Directory.Delete(root, recursive: true);

    [Fact]
    public async Task Serves_at_once_is_used_as_printed_and_keeps_everything()
    {
        string token, certificate;
        int postgres;
        await using (ProgramRun server = Start())
        {
            Uri url = await server.Serving();
            await server.Says("curl         ");
            string[] lines = server.Output.TrimEnd().Split('\n');
            Assert.Equal(3, lines.Length);
            postgres = PostgresOf(Folder);
            Assert.DoesNotContain("SECURITY", server.Errors, StringComparison.Ordinal);
            Assert.DoesNotContain("DURABILITY", server.Errors, StringComparison.Ordinal);
            Assert.All([Kubeconfig, Tokens, Path.Combine(Folder, "tls.pem")], file => Assert.Equal(OnlyOurs, File.GetUnixFileMode(file)));

            (token, certificate) = (Token(), await File.ReadAllTextAsync(Path.Combine(Folder, "tls.pem")));
            using HttpClient http = Client(url);
            await http.Create("mnist");
            Assert.Contains(
                "mnist", Shell($"kubectl --kubeconfig {Kubeconfig} get --raw /apis/kubeflow.org/v1/pytorchjobs"), StringComparison.Ordinal);
            Assert.Contains("mnist", Shell(lines[1]["kubectl      ".Length..]), StringComparison.Ordinal);
            Assert.Contains(
                "mnist", Shell(lines[2]["curl         ".Length..].Replace("curl ", "curl -s ", StringComparison.Ordinal)),
                StringComparison.Ordinal);
            using HttpClient https = Trusting(new UriBuilder(url) { Scheme = "https" }.Uri);
            Assert.Equal("mnist", (string)(await https.Get(Sample.Job("mnist")))["metadata"]!["name"]!);

            await RefusesASecond(server);
            server.Signal("INT");
            Assert.True(await server.End() == 0, server.Everything);
            Assert.False(DataFolders.Runs(postgres), "PostgreSQL is still running");
        }

        await using ProgramRun again = Start();
        using HttpClient client = Client(await again.Serving());
        Assert.Equal(token, Token());
        Assert.Equal(certificate, await File.ReadAllTextAsync(Path.Combine(Folder, "tls.pem")));
        Assert.Equal("mnist", (string)(await client.Get(Sample.Job("mnist")))["metadata"]!["name"]!);
        postgres = PostgresOf(Folder);
        again.Signal("TERM");
        Assert.True(await again.End() == 0, again.Everything);
        Assert.False(DataFolders.Runs(postgres), "PostgreSQL is still running");

        await using ProgramRun verified = await ProgramRun.Ended(NothingConfigured, "verify", "--data", Folder);
        Assert.True(verified.ExitCode == 0, verified.Everything);
        await using ProgramRun rebuilt = await ProgramRun.Ended(NothingConfigured, "rebuild", "--data", Folder);
        Assert.True(rebuilt.ExitCode == 0, rebuilt.Everything);
    }

    [Fact]
    public async Task Has_every_answered_write_after_the_server_was_killed()
    {
        var answered = new List<string>();
        await using (ProgramRun server = Start())
        {
            using HttpClient client = Client(await server.Serving());
            int postgres = PostgresOf(Folder);
            Task writing = Task.Run(async () =>
            {
                for (int i = 0; ; i++)
                {
                    JsonNode created = await client.Create($"job-{i}");
                    lock (answered)
                        answered.Add((string)created["metadata"]!["uid"]!);
                }
            });
            await Eventually.Holds(() => Count() > 50, "fifty writes");
            server.Signal("KILL");
            await Assert.ThrowsAnyAsync<HttpRequestException>(() => writing);
            await server.End();
            await Eventually.Holds(() => !DataFolders.Runs(postgres), "PostgreSQL's end");
        }

        await using ProgramRun again = Start();
        using HttpClient reader = Client(await again.Serving());
        JsonNode list = await reader.Get(Sample.Jobs());
        HashSet<string> stored = [.. list["items"]!.AsArray().Select(job => (string)job!["metadata"]!["uid"]!)];
        Assert.NotEmpty(stored);
        Assert.Empty(answered.Except(stored));
        Assert.InRange(stored.Count - answered.Count, 0, 1); // the last one may be there and not have been answered

        int Count()
        {
            lock (answered)
                return answered.Count;
        }
    }

    [Fact]
    public async Task Stops_when_asked_while_it_starts_and_when_its_PostgreSQL_is_stopped()
    {
        await using (ProgramRun early = Start())
        {
            // PostgreSQL makes the file, and then writes all its lines at once.
            await Eventually.Holds(
                () => new FileInfo(DataFolders.PidFile(Folder)) is { Exists: true, Length: > 0 }, "PostgreSQL's start");
            int postgres = PostgresOf(Folder);
            early.Signal("TERM");
            Assert.True(await early.End() == 0, early.Everything);
            Assert.False(DataFolders.Runs(postgres), "PostgreSQL is still running");
        }

        await using ProgramRun server = Start();
        await server.Serving();
        Process.Start("kill", ["-INT", $"{PostgresOf(Folder)}"]).WaitForExit();
        Assert.True(await server.End() == 1, server.Everything);
        Assert.Contains("The private PostgreSQL ended by itself; stopping", server.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Is_refused_in_words_where_there_are_no_programs()
    {
        string empty = Directory.CreateDirectory(Path.Combine(root, "empty")).FullName;
        await using ProgramRun run = await ProgramRun.Ended(
            new Dictionary<string, string?> { ["PG_BIN"] = empty }, "serve", "--data", Folder);
        Assert.Equal((1, string.Empty), (run.ExitCode, run.Output));
        Assert.StartsWith(
            $"error: PG_BIN is {empty}, and nothing else is looked at. No PostgreSQL 15 or newer programs were found", run.Errors,
            StringComparison.Ordinal);
        Assert.Contains("unset it to have them looked for", run.Errors, StringComparison.Ordinal);
        Assert.False(Directory.Exists(Folder));
    }

    private async Task RefusesASecond(ProgramRun first)
    {
        foreach (string verb in (string[])["serve", "rebuild"])
        {
            await using ProgramRun second = await ProgramRun.Ended(NothingConfigured, verb, "--data", Folder);
            Assert.Equal((1, string.Empty), (second.ExitCode, second.Output));
            Assert.StartsWith(
                $"error: Another server (process {first.Id}) is using the data folder {Folder}.\n", second.Errors,
                StringComparison.Ordinal);
        }
    }

    private ProgramRun Start() => ProgramRun.Start(NothingConfigured, "--data", Folder, "--urls", "http://127.0.0.1:0");

    private string Token() => File.ReadAllText(Tokens).Split(',')[0];

    private HttpClient Client(Uri url) =>
        new() { BaseAddress = url, DefaultRequestHeaders = { Authorization = new AuthenticationHeaderValue("Bearer", Token()) } };

    private HttpClient Trusting(Uri url)
    {
        string encoded = File.ReadLines(Kubeconfig).Single(line => line.Contains("certificate-authority-data:", StringComparison.Ordinal))
            .Split(": ")[1];
        X509Certificate2 authority = X509CertificateLoader.LoadCertificate(Convert.FromBase64String(encoded));
        var handler = new SocketsHttpHandler
        {
            SslOptions =
            {
                CertificateChainPolicy = new X509ChainPolicy
                {
                    TrustMode = X509ChainTrustMode.CustomRootTrust,
                    CustomTrustStore = { authority },
                    RevocationMode = X509RevocationMode.NoCheck,
                },
            },
        };
        return new HttpClient(handler)
        {
            BaseAddress = url,
            DefaultRequestHeaders = { Authorization = new AuthenticationHeaderValue("Bearer", Token()) },
        };
    }

    private static int PostgresOf(string folder) =>
        int.Parse(File.ReadLines(DataFolders.PidFile(folder)).First(), CultureInfo.InvariantCulture);

    // As pasted into a shell, with a home of its own for kubectl's cache.
    private string Shell(string line)
    {
        var start = new ProcessStartInfo("sh", ["-c", line]) { RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment["HOME"] = root;
        using Process shell = Process.Start(start)!;
        Task<string> errors = shell.StandardError.ReadToEndAsync();
        string output = shell.StandardOutput.ReadToEnd();
        shell.WaitForExit();
        Assert.True(shell.ExitCode == 0, $"{line}: {output}\n{errors.Result}");
        return output;
    }
}
