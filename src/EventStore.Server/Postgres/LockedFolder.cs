using System.Globalization;
using System.Runtime.Versioning;

namespace EventStore.Server.Postgres;

/// <summary>
/// The data folder, held by this process alone:
/// <code>
/// DATA/           ours (root: 0711, so that the account below can pass through and read nothing; else 0700)
///   lock          locked while we run; the kernel lets go of it however we end
///   lock.pid      who holds it, for the message a second server prints
///   pgdata/       the database, the account's
///   run/          its socket, the account's, 0700: whoever cannot enter cannot connect
///   postgres.log  what it says, the account's
/// </code>
/// </summary>
internal sealed class LockedFolder : IDisposable
{
    private const long LogBytesMax = 16 * 1024 * 1024;
    private const UnixFileMode Private = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;
    private const UnixFileMode Passable = Private | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute;

    private readonly FileStream held;

    private LockedFolder(string path, FileStream held)
    {
        Path = path;
        this.held = held;
    }

    public string Path { get; }
    public string Cluster => System.IO.Path.Combine(Path, "pgdata");
    public string Run => System.IO.Path.Combine(Path, "run");
    public string Log => System.IO.Path.Combine(Path, "postgres.log");
    private string Holder => HolderFile(Path);

    /// <summary>Makes the folder if it is not there, locks it, and makes what the account needs in it.</summary>
    /// <exception cref="PostgresUnavailableException">
    /// Another process holds it, we may not write there, or the account cannot reach it.
    /// </exception>
    [UnsupportedOSPlatform("windows")]
    public static LockedFolder Open(string path, PostgresAccount account)
    {
        path = System.IO.Path.GetFullPath(path);
        try
        {
            Make(path, account);
            var folder = new LockedFolder(path, Lock(path));
            try
            {
                folder.Prepare(account);
                return folder;
            }
            catch
            {
                folder.Dispose();
                throw;
            }
        }
        catch (Exception denied) when (denied is UnauthorizedAccessException or IOException)
        {
            throw new PostgresUnavailableException(
                $"The data folder {path} cannot be used by {account.ProcessUser}: {denied.Message}",
                "Choose another with --data DIR, or make it yours.", denied);
        }
    }

    /// <summary>Lets the next process have the folder.</summary>
    public void Dispose()
    {
        File.Delete(Holder);
        held.Dispose();
    }

    [UnsupportedOSPlatform("windows")]
    private static void Make(string path, PostgresAccount account)
    {
        if (!Directory.Exists(path))
        {
            Directory.CreateDirectory(path, account.Drops ? Passable : Private);
            if (account.Drops)
                File.SetUnixFileMode(path, Passable); // whatever the umask made of it
            return;
        }

        if (!account.Drops)
            return;

        // Somebody's existing folder: only opened for passing through, and not trusted if anybody can plant things in it.
        var mode = File.GetUnixFileMode(path);
        if (mode.HasFlag(UnixFileMode.OtherWrite))
            throw new PostgresUnavailableException(
                $"Everybody may write in the data folder {path}.", "Choose a folder of its own with --data DIR, or chmod o-w it.");
        File.SetUnixFileMode(path, mode | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute);
    }

    private static FileStream Lock(string path)
    {
        try
        {
            return new FileStream(System.IO.Path.Combine(path, "lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException taken) when (taken.HResult is 11 or 35) // EWOULDBLOCK, of Linux and of macOS
        {
            var holder = File.Exists(HolderFile(path)) ? $" (process {File.ReadAllText(HolderFile(path))})" : "";
            throw new PostgresUnavailableException(
                $"Another server{holder} is using the data folder {path}.",
                "Stop it, choose another folder with --data DIR, or let both use one database with ConnectionStrings__Postgres.", taken);
        }
    }

    [UnsupportedOSPlatform("windows")]
    private void Prepare(PostgresAccount account)
    {
        File.WriteAllText(Holder, Environment.ProcessId.ToString(CultureInfo.InvariantCulture));

        Directory.CreateDirectory(Run, Private);
        File.SetUnixFileMode(Run, Private);
        account.Give(Run);
        account.RequireReach(Run);

        if (File.Exists(Log) && new FileInfo(Log).Length > LogBytesMax)
            File.Move(Log, Log + ".1", overwrite: true);
        using (new FileStream(Log, new FileStreamOptions
        {
            Mode = FileMode.OpenOrCreate,
            Access = FileAccess.Write,
            Share = FileShare.ReadWrite,
            UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite,
        }))
        {
            // Only so that it exists: the account may not make files here.
        }

        account.Give(Log);
    }

    private static string HolderFile(string path) => System.IO.Path.Combine(path, "lock.pid");
}
