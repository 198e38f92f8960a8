using Npgsql;

namespace EventStore.Server.Postgres;

/// <summary>
/// The private PostgreSQL in a container, with its files in a volume of the engine's and its port on loopback only. The container
/// ends when its standard input does, so it never outlives this process, however that ends.
/// </summary>
internal sealed class ContainerPostgres : PrivatePostgres
{
    /// <summary>The image of a new database; one that is there keeps its own, for another major version cannot read its files.</summary>
    /// <remarks>The digest is that of docker-compose.yml, for all platforms.</remarks>
    public const string DefaultImage = "postgres:17.7@sha256:2006493727bd5277eece187319af1ef82b4cf82cf4fc1ed00da0775b646ac2a4";

    private const string Label = "pytorchjob-eventstore.folder";

    private readonly LockedFolder folder;
    private readonly ContainerRecord record;
    private readonly ContainerProcess process;
    private readonly ILogger log;
    private readonly int port;
    private bool stopping;

    private ContainerPostgres(LockedFolder folder, ContainerRecord record, ContainerProcess process, int port, ILogger log)
    {
        (this.folder, this.record, this.process, this.port, this.log) = (folder, record, process, port, log);
        Ended = Watch();
    }

    /// <inheritdoc/>
    public override string OwnerConnectionString => ContainerRecord.Connection(port, Owner, record.OwnerPassword).ConnectionString;

    /// <inheritdoc/>
    public override string ServingConnectionString => Tuned(ContainerRecord.Connection(port, Server, record.ServerPassword));

    /// <inheritdoc/>
    public override Task Ended { get; }

    /// <summary>The container's name.</summary>
    internal string Name => record.Name;

    /// <summary>Whether a data folder's database is in a container. One whose creation was interrupted is none.</summary>
    /// <exception cref="PostgresUnavailableException">The record of it cannot be read.</exception>
    public static bool HasDatabase(string dataFolder) => ContainerRecord.Read(dataFolder) is { Finished: true };

    /// <summary>Starts the folder's database in a container; one of <paramref name="image"/> is made where there is none.</summary>
    /// <exception cref="PostgresUnavailableException">It cannot be started; the message is for the operator.</exception>
    public static async Task<ContainerPostgres> Start(string dataFolder, string image, ILogger log, CancellationToken stop)
    {
        await RequireEngine(dataFolder, stop);
        LockedFolder folder = LockedFolder.Open(dataFolder);
        try
        {
            ContainerRecord record = await Prepare(folder, image, log, stop);
            return await Run(folder, record, log, stop);
        }
        catch
        {
            folder.Dispose();
            throw;
        }
    }

    /// <summary>Refuses a start without an engine.</summary>
    /// <exception cref="PostgresUnavailableException">None answers.</exception>
    internal static async Task RequireEngine(string dataFolder, CancellationToken stop)
    {
        if (await ContainerEngine.Answers(stop))
            return;
        throw new PostgresUnavailableException(
            $"The database of {dataFolder} runs in a container, and no container engine answers.",
            "Start the engine (`docker version` must name a server), or choose another folder with --data DIR.");
    }

    /// <inheritdoc/>
    public override async ValueTask DisposeAsync()
    {
        if (stopping)
            return;
        stopping = true;
        await process.DisposeAsync();
        await Ended;
        folder.Dispose();
    }

    // What an earlier server left is ended: one that was killed leaves a container for the moment it needs to stop.
    private static async Task<ContainerRecord> Prepare(LockedFolder folder, string image, ILogger log, CancellationToken stop)
    {
        ContainerRecord? kept = ContainerRecord.Read(folder.Path);
        if (kept is not null)
            await EndLeftover(folder, kept, log, stop);
        if (kept is { Finished: false })
            await ContainerEngine.Run(stop, "volume", "rm", "--force", kept.Name);
        else if (kept is not null)
            await RequireVolume(folder, kept, stop);
        ContainerRecord record = kept is { Finished: true } ? kept : ContainerRecord.New(image);
        if (!record.Finished)
            record.Write(folder.Path);

        if ((await ContainerEngine.Run(stop, "image", "inspect", record.Image)).ExitCode != 0)
        {
            log.Pulling(record.Image);
            await ContainerEngine.Demand($"The image {record.Image} could not be pulled.", stop, "pull", "--quiet", record.Image);
        }

        return record;
    }

    // The engine makes a volume that is not there, and the image an empty database in it.
    private static async Task RequireVolume(LockedFolder folder, ContainerRecord kept, CancellationToken stop)
    {
        if ((await ContainerEngine.Run(stop, "volume", "inspect", kept.Name)).ExitCode == 0)
            return;
        throw new PostgresUnavailableException(
            $"The engine has no volume {kept.Name}, which holds the database of {folder.Path}.",
            "If another engine has it, choose that one (`docker context ls`). If it was removed, restore it from a backup, or move "
            + $"{ContainerRecord.FileIn(folder.Path)} away to start with an empty store.");
    }

    private static async Task EndLeftover(LockedFolder folder, ContainerRecord kept, ILogger log, CancellationToken stop)
    {
        (int exitCode, string owner) = await ContainerEngine.Run(
            stop, "inspect", kept.Name, "--format", $"{{{{index .Config.Labels \"{Label}\"}}}}");
        if (exitCode != 0)
            return;
        if (owner != folder.Path)
        {
            throw new PostgresUnavailableException(
                $"The container {kept.Name} serves the data folder {owner}, of which {folder.Path} seems to be a copy.",
                "Stop that server, or choose another folder with --data DIR: a copy of the folder does not copy the database.");
        }

        log.EndingContainer(kept.Name, folder.Path);
        await ContainerEngine.Run(stop, "stop", "--time", $"{ContainerProcess.StopTimeMax.TotalSeconds}", kept.Name);
        await ContainerEngine.Run(stop, "rm", "--force", kept.Name);
        // The engine may be removing it by itself already, and the name is free only when that is done.
        while ((await ContainerEngine.Run(stop, "inspect", kept.Name)).ExitCode == 0)
            await Task.Delay(100, stop);
    }

    private static async Task<ContainerPostgres> Run(LockedFolder folder, ContainerRecord record, ILogger log, CancellationToken stop)
    {
        long logStart = new FileInfo(folder.Log).Length;
        if (!record.Finished)
            log.MakingContainer(record.Image, record.Name);
        var process = new ContainerProcess(record, $"{Label}={folder.Path}", folder.Log, log);
        try
        {
            int port = await process.Ready(stop);
            if (!record.Finished)
                record = await Make(record, port, folder.Path, stop);
            log.RunningInContainer(record.Image, record.Name, port);
            return new ContainerPostgres(folder, record, process, port, log);
        }
        catch (Exception failed)
        {
            await process.DisposeAsync();
            if (failed is NpgsqlException)
            {
                throw new PostgresUnavailableException(
                    $"The PostgreSQL in the container {record.Name} does not start: {failed.Message}\n"
                    + PostgresLog.Tail(folder.Log, logStart),
                    $"All it said is in {folder.Log}.", failed);
            }

            throw;
        }
    }

    // A record that is finished is the last thing written: what was interrupted before is thrown away by the next start.
    private static async Task<ContainerRecord> Make(ContainerRecord record, int port, string folder, CancellationToken stop)
    {
        await using var connection = new NpgsqlConnection(record.Superuser(port));
        await connection.OpenAsync(stop);
        string[] statements =
        [
            $"CREATE ROLE {Owner} LOGIN PASSWORD '{record.OwnerPassword}'",
            $"CREATE ROLE {Server} LOGIN PASSWORD '{record.ServerPassword}'",
            $"CREATE DATABASE {Database} OWNER {Owner} TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C'",
            $"REVOKE ALL ON DATABASE {Database} FROM PUBLIC",
            $"GRANT CONNECT ON DATABASE {Database} TO {Server}",
        ];
        foreach (string statement in statements)
        {
            await using var command = new NpgsqlCommand(statement, connection);
            await command.ExecuteNonQueryAsync(stop);
        }

        ContainerRecord finished = record with { Finished = true };
        finished.Write(folder);
        return finished;
    }

    private async Task Watch()
    {
        int exitCode = await process.Ended;
        if (!stopping)
            log.EndedUnasked(process.Id, exitCode, folder.Log);
    }
}
