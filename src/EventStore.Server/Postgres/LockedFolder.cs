using System.Globalization;
using System.Runtime.Versioning;

namespace EventStore.Server.Postgres;

/// <summary>
/// The data folder, held by this process alone. Of a database in a container it holds the locks and the log, and in place of the files
/// <c>container.json</c> says where they lie.
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
    public static LockedFolder Open(string path, PostgresAccount account) => Open(
        path, account.ProcessUser, full => Make(full, account), folder => folder.Prepare(account));

    /// <summary>The same where the database's files lie elsewhere: nobody but this account needs to reach the folder.</summary>
    /// <exception cref="PostgresUnavailableException">Another process holds it, or we may not write there.</exception>
    public static LockedFolder Open(string path) => Open(path, Environment.UserName, MakeOwn, folder => folder.PrepareOwn());

    /// <summary>Lets the next process have the folder.</summary>
    public void Dispose()
    {
        File.Delete(Holder);
        held.Dispose();
    }

    private static LockedFolder Open(string path, string user, Action<string> make, Action<LockedFolder> prepare)
    {
        path = System.IO.Path.GetFullPath(path);
        try
        {
            make(path);
            var folder = new LockedFolder(path, Lock(path));
            try
            {
                prepare(folder);
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
                $"The data folder {path} cannot be used by {user}: {denied.Message}",
                "Choose another with --data DIR, or make it yours.", denied);
        }
    }

    private static void MakeOwn(string path)
    {
        if (OperatingSystem.IsWindows())
            Directory.CreateDirectory(path);
        else if (!Directory.Exists(path))
            Directory.CreateDirectory(path, Private);
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
        UnixFileMode mode = File.GetUnixFileMode(path);
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
            string holder = File.Exists(HolderFile(path)) ? $" (process {File.ReadAllText(HolderFile(path))})" : "";
            throw new PostgresUnavailableException(
                $"Another server{holder} is using the data folder {path}.",
                "Stop it, choose another folder with --data DIR, or let both use one database with ConnectionStrings__Postgres.", taken);
        }
    }

    [UnsupportedOSPlatform("windows")]
    private void Prepare(PostgresAccount account)
    {
        PrepareOwn();
        Directory.CreateDirectory(Run, Private);
        File.SetUnixFileMode(Run, Private);
        account.Give(Run);
        account.RequireReach(Run);
        account.Give(Log);
    }

    private void PrepareOwn()
    {
        File.WriteAllText(Holder, Environment.ProcessId.ToString(CultureInfo.InvariantCulture));
        if (File.Exists(Log) && new FileInfo(Log).Length > LogBytesMax)
            File.Move(Log, Log + ".1", overwrite: true);
        var options = new FileStreamOptions { Mode = FileMode.OpenOrCreate, Access = FileAccess.Write, Share = FileShare.ReadWrite };
        if (!OperatingSystem.IsWindows())
            options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        using (new FileStream(Log, options))
        {
            // Only so that it exists: the database's account may not make files here.
        }
    }

    private static string HolderFile(string path) => System.IO.Path.Combine(path, "lock.pid");
}
