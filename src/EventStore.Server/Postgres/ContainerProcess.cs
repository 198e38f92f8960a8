using System.Diagnostics;
using System.Net.Sockets;
using Npgsql;

namespace EventStore.Server.Postgres;

/// <summary>The command that runs the container, in the foreground and holding its standard input open.</summary>
internal sealed class ContainerProcess : IAsyncDisposable
{
    /// <summary>How long a container may take to stop: PostgreSQL's shutdown ends with a checkpoint.</summary>
    public static readonly TimeSpan StopTimeMax = TimeSpan.FromSeconds(60);

    // The image's own entry point makes the database on the first start and becomes PostgreSQL. Beside it somebody waits for the end of
    // standard input and asks for a fast shutdown, as `docker stop` does through TERM. An interrupt from the terminal, which reaches
    // everything started there, is left to the server: it stops its database last.
    private const string Supervise =
        """
        exec 3<&0
        docker-entrypoint.sh postgres </dev/null & database=$!
        { cat <&3 >/dev/null; kill -INT $database; } &
        trap 'kill -INT $database' TERM
        trap : INT
        while kill -0 $database 2>/dev/null; do wait $database; status=$?; done
        exit $status
        """;

    private readonly ContainerRecord record;
    private readonly Process process;
    private readonly ILogger log;

    /// <summary>Starts it.</summary>
    /// <param name="record">What to run.</param>
    /// <param name="label">The container's label.</param>
    /// <param name="file">Where all it prints goes.</param>
    /// <param name="log">Told while it keeps one waiting.</param>
    public ContainerProcess(ContainerRecord record, string label, string file, ILogger log)
    {
        (this.record, this.log) = (record, log);
        process = ContainerEngine.Start(
            [
                "run", "--interactive", "--rm", "--name", record.Name, "--label", label,
                "--volume", $"{record.Name}:/var/lib/postgresql/data", "--publish", "127.0.0.1::5432", "--shm-size", "256m",
                "--security-opt", "no-new-privileges:true", "--env", "POSTGRES_PASSWORD",
                "--env", "POSTGRES_INITDB_ARGS=--encoding=UTF8 --locale=C --data-checksums",
                "--entrypoint", "sh", record.Image, "-c", Supervise,
            ],
            [new("POSTGRES_PASSWORD", record.SuperuserPassword)]);
        Id = process.Id;
        Ended = Print(file);
    }

    /// <summary>The process number of the command.</summary>
    public int Id { get; }

    /// <summary>Completes with the exit code when the container has ended and all it printed is in the file.</summary>
    public Task<int> Ended { get; }

    /// <summary>
    /// Waits until the database takes connections and answers with its port. "Not there yet" and "still recovering" mean waiting; the
    /// engine's proxy takes a connection before anybody is behind it.
    /// </summary>
    /// <exception cref="NpgsqlException">It refuses, or has ended.</exception>
    public async Task<int> Ready(CancellationToken stop)
    {
        int port = await Port(stop);
        for (int attempt = 1; !process.HasExited; attempt++)
        {
            try
            {
                await using var connection = new NpgsqlConnection(record.Superuser(port));
                await connection.OpenAsync(stop);
                return port;
            }
            catch (NpgsqlException early) when (early.SqlState == PostgresErrorCodes.CannotConnectNow
                || early.InnerException is SocketException or TimeoutException or IOException)
            {
                if (attempt % 100 == 0)
                    log.StillWaiting(process.Id, early.Message);
            }

            await Task.Delay(100, stop);
        }

        throw HasEnded();
    }

    /// <summary>Stops the database cleanly and waits for it; a container that does not stop is removed.</summary>
    public async ValueTask DisposeAsync()
    {
        if (!process.HasExited)
            process.StandardInput.Close();
        using var limit = new CancellationTokenSource(StopTimeMax);
        try
        {
            await process.WaitForExitAsync(limit.Token);
        }
        catch (OperationCanceledException)
        {
            log.ContainerStopsSlowly(record.Name, StopTimeMax.TotalSeconds);
            await ContainerEngine.Run(CancellationToken.None, "rm", "--force", record.Name);
        }

        await Ended;
        process.Dispose();
    }

    private async Task<int> Port(CancellationToken stop)
    {
        for (; !process.HasExited; await Task.Delay(50, stop))
        {
            (int exitCode, string output) = await ContainerEngine.Run(stop, "port", record.Name, "5432/tcp");
            if (exitCode == 0 && output.Split('\n') is [string first, ..] && int.TryParse(first.Split(':')[^1], out int port))
                return port;
        }

        throw HasEnded();
    }

    private NpgsqlException HasEnded() => new($"it ended with exit code {process.ExitCode}");

    private async Task<int> Print(string file)
    {
        const FileShare readAndRotate = FileShare.ReadWrite | FileShare.Delete;
        await using (var output = new FileStream(file, FileMode.Append, FileAccess.Write, readAndRotate, bufferSize: 0))
        {
            Task printed = process.StandardOutput.BaseStream.CopyToAsync(output);
            await process.StandardError.BaseStream.CopyToAsync(output);
            await printed;
        }

        await process.WaitForExitAsync();
        return process.ExitCode;
    }
}
