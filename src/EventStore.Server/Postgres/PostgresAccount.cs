using System.ComponentModel;
using System.Diagnostics;
using System.Runtime.Versioning;

namespace EventStore.Server.Postgres;

/// <summary>
/// Which operating-system account PostgreSQL runs as, and how a program is started as that account.
///
/// PostgreSQL refuses to run as root. A server started by root therefore drops to the account <c>postgres</c> with
/// <c>setpriv</c>; any other user runs it under its own account. Everything that writes into a folder the account owns is done as the
/// account too: root following a link that account planted would be a way to write anywhere.
///
/// Where <c>setpriv</c> knows <c>--pdeathsig</c>, the kernel interrupts the program when the thread that started it ends.
/// Every program here is started from a thread that then waits for it, so that this means "when our process is gone".
/// </summary>
internal sealed class PostgresAccount
{
    private const string Dropped = "postgres";

    private PostgresAccount(string processUser, bool drops, bool tied)
    {
        ProcessUser = processUser;
        Drops = drops;
        Tied = tied;
    }

    /// <summary>The account this process runs under: whom PostgreSQL sees at the other end of its socket.</summary>
    public string ProcessUser { get; }

    /// <summary>Whether this process is root and PostgreSQL runs as somebody else.</summary>
    public bool Drops { get; }

    /// <summary>Whether the kernel interrupts what we start when we die. If not, a pipe has to tell (PostgresProcess).</summary>
    public bool Tied { get; }

    /// <exception cref="PostgresUnavailableException">
    /// The account has no name, or this is root and there is no <c>setpriv</c> or no account to drop to.
    /// </exception>
    public static PostgresAccount Current()
    {
        (bool Setpriv, bool Tied) tools = Tools();
        string user = Environment.UserName;
        if (user.Length == 0)
            throw new PostgresUnavailableException(
                "The user id of this process has no name on this machine, and PostgreSQL refuses to run without one.",
                "Add it to /etc/passwd, or give a database with ConnectionStrings__Postgres.");

        if (!Environment.IsPrivilegedProcess)
            return new PostgresAccount(user, drops: false, tools.Tied);

        if (!tools.Setpriv)
            throw new PostgresUnavailableException(
                "PostgreSQL refuses to run as root, and the program setpriv, which would start it as another account, is missing.",
                "Install util-linux (Alpine: apk add setpriv), start this server as a normal user, "
                + "or give a database with ConnectionStrings__Postgres.");

        if (Run(new ProcessStartInfo("id", ["-u", Dropped])).ExitCode != 0)
            throw new PostgresUnavailableException(
                $"PostgreSQL refuses to run as root, and the account '{Dropped}' to run it as does not exist.",
                $"Make it (useradd --system {Dropped}), start this server as a normal user, "
                + "or give a database with ConnectionStrings__Postgres.");

        return new PostgresAccount(user, drops: true, tools.Tied);
    }

    /// <summary>The same account on a machine whose setpriv knows no parent death signal.</summary>
    public PostgresAccount WithoutParentDeathSignal() => new(ProcessUser, Drops, tied: false);

    /// <summary>
    /// How to start a program as the account. The settings a user may have for PostgreSQL (PGDATA, PGPORT, LC_…) are kept
    /// from it, and its folder is /, because ours may be one the account cannot enter.
    /// </summary>
    public ProcessStartInfo Command(string program, params IEnumerable<string> arguments)
    {
        List<string> words = [];
        if (Tied)
            words.Add("setsid"); // Ctrl+C in our terminal is for us; we stop the database in our own time
        if (Tied || Drops)
            words.Add("setpriv");
        if (Drops)
            words.AddRange([$"--reuid={Dropped}", $"--regid={Dropped}", "--init-groups"]);
        if (Tied)
            words.AddRange(["--pdeathsig", "INT"]);
        words.Add(program);
        words.AddRange(arguments);

        var command = new ProcessStartInfo(words[0], words.Skip(1)) { WorkingDirectory = "/" };
        foreach (string name in command.Environment.Keys.Where(Unwanted).ToList())
            command.Environment.Remove(name);
        command.Environment["LC_ALL"] = "C";
        return command;
    }

    /// <summary>Runs a program as the account to its end. The calling thread waits; see the top of this file for why.</summary>
    public (int ExitCode, string Output) Run(string program, params IEnumerable<string> arguments) => Run(Command(program, arguments));

    /// <summary>Makes the account the owner of a file or folder of ours. Nothing to do unless this process is root.</summary>
    public void Give(string path)
    {
        if (!Drops)
            return;

        (int exitCode, string output) = Run(new ProcessStartInfo("chown", ["-h", $"{Dropped}:", path]));
        if (exitCode != 0)
            throw new PostgresUnavailableException(
                $"{path} could not be given to the account '{Dropped}': {output.Trim()}",
                "Use a data folder on a file system that knows owners (--data DIR).");
    }

    /// <summary>Makes sure that the account can work in a folder of its own, however deep it lies.</summary>
    /// <exception cref="PostgresUnavailableException">A folder above is closed to it; the message names that folder.</exception>
    [UnsupportedOSPlatform("windows")]
    public void RequireReach(string folder)
    {
        if (!Drops || Run("test", "-w", folder, "-a", "-x", folder).ExitCode == 0)
            return;

        string? closed = Path.GetDirectoryName(folder);
        for (string? above = closed; above is not null; above = Path.GetDirectoryName(above))
        {
            if (!File.GetUnixFileMode(above).HasFlag(UnixFileMode.OtherExecute))
                closed = above;
        }

        throw new PostgresUnavailableException(
            $"PostgreSQL runs as the account '{Dropped}' here, and that account cannot reach {folder}: {closed} is closed to it.",
            $"Choose another data folder with --data DIR (the default is {PrivatePostgres.DefaultDataFolder()}), or chmod o+x {closed}.");
    }

    /// <summary>
    /// Writes a folder's entries to disk; what is in its files has been by then. Linux can do that to one folder, elsewhere
    /// it is everything.
    /// </summary>
    public static (int ExitCode, string Output) Sync(string folder) =>
        Run(new ProcessStartInfo("sync", OperatingSystem.IsLinux() ? [folder] : []));

    private static bool Unwanted(string name) =>
        name.StartsWith("PG", StringComparison.Ordinal) || name.StartsWith("LC_", StringComparison.Ordinal) || name == "LANG";

    private static (bool Setpriv, bool Tied) Tools()
    {
        try
        {
            // BusyBox has a setpriv that can do neither.
            string help = Run(new ProcessStartInfo("setpriv", ["--help"])).Output;
            bool setsid = Run(new ProcessStartInfo("setsid", ["true"])).ExitCode == 0;
            return (help.Contains("--reuid", StringComparison.Ordinal), setsid && help.Contains("--pdeathsig", StringComparison.Ordinal));
        }
        catch (Win32Exception)
        {
            return (false, false);
        }
    }

    private static (int ExitCode, string Output) Run(ProcessStartInfo command)
    {
        command.RedirectStandardOutput = true;
        command.RedirectStandardError = true;
        using Process process = Process.Start(command)!;
        string errors = "";
        var reader = new Thread(() => errors = process.StandardError.ReadToEnd());
        reader.Start();
        string output = process.StandardOutput.ReadToEnd();
        reader.Join();
        process.WaitForExit();
        return (process.ExitCode, output + errors);
    }
}
