using System.Diagnostics;
using System.Globalization;
using EventStore.Server.Tests.Fixtures;
using Npgsql;

namespace EventStore.Server.Tests.Survival;

/// <summary>A PostgreSQL whose space for data can be taken away and given back, with no harm to the machine's own disk.</summary>
internal abstract class LimitedSpace : IAsyncDisposable
{
    private const int Megabytes = 160;

    /// <summary>The PostgreSQL.</summary>
    public abstract OwnCluster Cluster { get; }

    /// <summary>One of a kind: <c>disk</c> or <c>limit</c>; null where this account may not make it.</summary>
    public static async Task<LimitedSpace?> Of(string kind)
    {
        if (kind == "limit")
            return new FileLimit(await OwnCluster.Start());
        string folder = Directory.CreateTempSubdirectory("es-disk-").FullName;
        if (!await Runs("mount", "-t", "tmpfs", "-o", $"size={Megabytes}m,mode=0777", "tmpfs", folder))
        {
            Directory.Delete(folder);
            return null;
        }

        string log = Directory.CreateTempSubdirectory("es-wal-").FullName;
        await Runs("chmod", "0777", log);
        // The write-ahead log has room: without that PostgreSQL stops altogether, which is a database that is away.
        return new SmallDisk(
            await OwnCluster.Start(false, ("CLUSTER_PARENT", folder), ("CLUSTER_WAL", Path.Combine(log, "wal"))), folder, log);
    }

    /// <summary>Leaves little room, or none.</summary>
    public abstract Task Narrow();

    /// <summary>Leaves enough again.</summary>
    public abstract Task Widen();

    /// <inheritdoc/>
    public virtual ValueTask DisposeAsync() => Cluster.DisposeAsync();

    private static async Task<bool> Runs(params string[] command)
    {
        using Process process =
            Process.Start(new ProcessStartInfo(command[0], command[1..]) { RedirectStandardError = true, RedirectStandardOutput = true })!;
        await Task.WhenAll(process.StandardError.ReadToEndAsync(), process.StandardOutput.ReadToEndAsync());
        await process.WaitForExitAsync();
        return process.ExitCode == 0;
    }

    /// <summary>A small disk, filled.</summary>
    private sealed class SmallDisk(OwnCluster cluster, string folder, string log) : LimitedSpace
    {
        private readonly string ballast = Path.Combine(folder, "ballast");

        public override OwnCluster Cluster => cluster;

        public override Task Narrow() => Runs("dd", "if=/dev/zero", $"of={ballast}", "bs=64k"); // until nothing more fits

        public override Task Widen()
        {
            File.Delete(ballast);
            return Task.CompletedTask;
        }

        public override async ValueTask DisposeAsync()
        {
            await base.DisposeAsync();
            await Runs("umount", "-l", folder);
            Directory.Delete(folder);
            Directory.Delete(log, recursive: true);
        }
    }

    /// <summary>
    /// No file may grow beyond the size of one of the write-ahead log, so that it still can be written. The kernel's signal for it
    /// PostgreSQL ignores; what is left is an error, "File too large".
    /// </summary>
    private sealed class FileLimit(OwnCluster cluster) : LimitedSpace
    {
        private const int LogSegmentBytes = 16 << 20;

        public override OwnCluster Cluster => cluster;

        public override Task Narrow() => Limit(LogSegmentBytes.ToString(CultureInfo.InvariantCulture));

        public override Task Widen() => Limit("unlimited");

        private async Task Limit(string size)
        {
            await using NpgsqlDataSource superuser = NpgsqlDataSource.Create(cluster.Superuser);
            await using NpgsqlCommand asking = superuser.CreateCommand("SELECT split_part(pg_read_file('postmaster.pid'), E'\\n', 1)");
            string postmaster = (string)(await asking.ExecuteScalarAsync())!;
            // Those it starts from now on have its limit; those there are have limits of their own.
            await Limit(postmaster, size);
            string[] children = (await File.ReadAllTextAsync($"/proc/{postmaster}/task/{postmaster}/children"))
                .Split(' ', StringSplitOptions.RemoveEmptyEntries);
            foreach (string child in children)
                await Limit(child, size);
        }

        // Only the soft limit, which the process's own account may raise again; root may need a right it has not everywhere. A process may
        // be gone by now.
        private static async Task Limit(string process, string size)
        {
            string[] account = Environment.UserName == "root" ? ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups"] : [];
            Assert.True(
                await Runs([.. account, "prlimit", "--pid", process, $"--fsize={size}:"]) || !Directory.Exists($"/proc/{process}"),
                "prlimit may not limit PostgreSQL");
        }
    }
}
