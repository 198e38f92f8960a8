using System.Diagnostics;
using System.Net.Http.Headers;
using System.Text;
using System.Threading.Channels;

namespace EventStore.Server.Tests.Fixtures;

/// <summary>
/// The built server as an operating-system process of its own, serving a test's database: what is killed here dies as it would in
/// production.
/// </summary>
public sealed class ServerProcess : IAsyncDisposable
{
    /// <summary>A member of system:masters.</summary>
    public const string AdminToken = "admin-token-of-the-tests";

    /// <summary>A user without rights.</summary>
    public const string AliceToken = "alice-token-of-the-tests";

    /// <summary>Another member of system:masters, named bob.</summary>
    public const string BobToken = "bob-token-of-the-tests";

    /// <summary>For a machine with many times more work than processors. A server that fails ends by itself long before.</summary>
    private static readonly TimeSpan StartPatience = TimeSpan.FromMinutes(5);

    private readonly Process process;
    private readonly string tokens; // the server follows the file
    private readonly StringBuilder output = new();
    private readonly Channel<string> lines = Channel.CreateUnbounded<string>();

    private ServerProcess(Process process, string tokens) => (this.process, this.tokens) = (process, tokens);

    /// <summary>Where it serves.</summary>
    public Uri Url { get; private set; } = null!;

    /// <summary>The file of the tokens, which the server follows.</summary>
    public string TokenFile => tokens;

    /// <summary>The process's number.</summary>
    public int Id => process.Id;

    /// <summary>A client that logs in as the admin.</summary>
    public HttpClient Admin { get; private set; } = null!;

    /// <summary>Everything it wrote so far, to both streams.</summary>
    public string Output
    {
        get
        {
            lock (output)
                return output.ToString();
        }
    }

    /// <summary>Starts a server as the serving role and waits until it is ready.</summary>
    /// <param name="connectionString">The database.</param>
    /// <param name="options">More options, as on the command line.</param>
    public static Task<ServerProcess> Start(string connectionString, params string[] options) => Start(connectionString, [], options);

    /// <summary>The same with more in the process's environment.</summary>
    public static async Task<ServerProcess> Start(
        string connectionString, IReadOnlyList<(string Name, string Value)> environment, params string[] options)
    {
        string tokens = Path.Combine(Path.GetTempPath(), $"tokens-{Guid.NewGuid():N}.csv");
        await File.WriteAllTextAsync(
            tokens,
            $"{AdminToken},admin,admin-uid,\"system:masters\"\n{AliceToken},alice,alice-uid\n{BobToken},bob,bob-uid,system:masters\n");
        string[] urls = options.Contains("--urls") ? [] : ["--urls", "http://127.0.0.1:0"];
        var start = new ProcessStartInfo(
            "dotnet", [typeof(Program).Assembly.Location, "serve", .. urls, "--token-auth-file", tokens, .. options])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment["ConnectionStrings__Postgres"] = connectionString;
        foreach ((string name, string value) in environment)
            start.Environment[name] = value;
        var server = new ServerProcess(ChildProcess.Start(start), tokens);
        try
        {
            server.Follow();
            server.Url = await server.WaitForUrl();
            server.Admin = server.Client(AdminToken);
            return server;
        }
        catch
        {
            await server.DisposeAsync(); // one that does not serve must not go on in the background
            throw;
        }
    }

    /// <summary>A client that sends this token.</summary>
    public HttpClient Client(string token)
    {
        var client = new HttpClient(new SocketsHttpHandler { MaxConnectionsPerServer = 256 })
        {
            BaseAddress = Url,
            Timeout = TimeSpan.FromSeconds(60),
        };
        client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", token);
        return client;
    }

    /// <summary>Waits until it has written a text: its log is written by a thread of its own.</summary>
    public Task Says(string text) =>
        Eventually.Holds(() => Output.Contains(text, StringComparison.Ordinal), $"the server writes '{text}'", () => Output);

    /// <summary>SIGKILL: the process ends between two instructions.</summary>
    public async Task Kill()
    {
        process.Kill();
        await process.WaitForExitAsync();
    }

    /// <summary>SIGTERM: the process is asked to end, and does.</summary>
    public async Task Stop()
    {
        using (Process kill = Process.Start("kill", ["-TERM", $"{process.Id}"])) // it may have ended by itself
            await kill.WaitForExitAsync();
        await process.WaitForExitAsync();
    }

    /// <summary>Sends it a signal, such as STOP or CONT.</summary>
    public async Task Signal(string name)
    {
        using Process kill = Process.Start("kill", [$"-{name}", $"{process.Id}"]);
        await kill.WaitForExitAsync();
        Assert.Equal(0, kill.ExitCode);
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        Admin?.Dispose();
        if (!process.HasExited)
            await Kill();
        process.Dispose();
        File.Delete(tokens);
    }

    private void Follow()
    {
        process.OutputDataReceived += (_, line) => Keep(line.Data);
        process.ErrorDataReceived += (_, line) => Keep(line.Data);
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
    }

    private void Keep(string? line)
    {
        if (line is null)
            return;
        lock (output)
            output.AppendLine(line);
        lines.Writer.TryWrite(line);
    }

    private async Task<Uri> WaitForUrl()
    {
        Task ended = process.WaitForExitAsync(), late = Task.Delay(StartPatience);
        while (true)
        {
            Task<string> next = lines.Reader.ReadAsync().AsTask();
            Task first = await Task.WhenAny(next, ended, late);
            if (first == ended)
                throw new InvalidOperationException($"the server ended with exit code {process.ExitCode} before it served:\n{Output}");
            if (first == late)
                throw new InvalidOperationException($"the server does not serve after {StartPatience.TotalSeconds} s:\n{Output}");
            string line = await next;
            if (line.StartsWith("Serving on", StringComparison.Ordinal))
                return new Uri(line["Serving on".Length..].Trim());
        }
    }
}
