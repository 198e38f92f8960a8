using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;

namespace EventStore.Server.Postgres;

/// <summary>
/// The running database process. It must not outlive this process, and it should never have to recover.
///
/// On Linux with a recent <c>setpriv</c> the kernel signals it when we die (<see cref="PostgresAccount.Tied"/>). That signal is
/// bound to the thread that started the process, so a dedicated thread starts it and waits for it. Elsewhere a small shell reads
/// from a pipe we hold; the pipe closes when we die, and the shell interrupts the database.
///
/// It is ended with SIGINT (disconnect everybody, write everything, stop), after 20 s with SIGQUIT (stop at once and recover
/// at the next start), and never with SIGKILL, which would leave its children and its shared memory behind.
/// </summary>
internal sealed class PostgresProcess
{
    private const int SIGINT = 2;
    private const int SIGQUIT = 3;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    // stdin is a pipe from our process. A finished database is announced with a line, so that nobody interrupts whoever
    // has its process number by then.
    private const string WithWatch =
        """
        exec 3<&0
        ( trap '' INT; if read -r ended <&3; then :; else kill -INT $$; fi ) &
        log=$1; shift; umask 077
        exec "$@" </dev/null >>"$log" 2>&1 3<&-
        """;

    private const string WithoutWatch = """log=$1; shift; umask 077; exec "$@" </dev/null >>"$log" 2>&1""";

    private static readonly string[] Settings =
    [
        "listen_addresses=", "unix_socket_permissions=0700", "password_encryption=scram-sha-256",
        "fsync=on", "full_page_writes=on", "synchronous_commit=on",
        "max_connections=50", "shared_buffers=128MB", "max_wal_size=1GB", "jit=off",
        "logging_collector=off", "log_destination=stderr", "log_line_prefix=%m [%p] %u ", "log_timezone=UTC", "timezone=UTC",
    ];

    private readonly TaskCompletionSource<int> ended = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>The process number of the postmaster.</summary>
    public int Id { get; private set; }

    /// <summary>Completes with the exit code when the database has ended, by itself or because it was stopped.</summary>
    public Task<int> Ended => ended.Task;

    /// <summary>Starts it; that it accepts connections is for the caller to find out.</summary>
    /// <param name="binaries">The programs, of the version of the data.</param>
    /// <param name="folder">The data folder, held.</param>
    /// <param name="account">Who it runs as.</param>
    /// <param name="socketFolder">Where its socket goes.</param>
    /// <param name="stalePid">What postmaster.pid names although it is no database of this folder, or null.</param>
    public static PostgresProcess Launch(
        PostgresBinaries binaries, LockedFolder folder, PostgresAccount account, string socketFolder, int? stalePid)
    {
        List<string> words = ["-c", account.Tied ? WithoutWatch : WithWatch, "sh", folder.Log, binaries.Program("postgres")];
        words.AddRange(["-D", folder.Cluster, "-c", $"unix_socket_directories=\"{socketFolder}\""]);
        foreach (string setting in Settings)
            words.AddRange(["-c", setting]);

        ProcessStartInfo command = account.Command("sh", words);
        command.RedirectStandardInput = !account.Tied;

        // A lock file with a living process number stops PostgreSQL, whoever that process is, except its own parent and this
        // variable's (made for pg_ctl). Naming the stranger so keeps PostgreSQL's other guard, the shared memory that a
        // surviving backend would still hold; deleting the file would throw that away.
        if (stalePid is { } stranger)
            command.Environment["PG_GRANDPARENT_PID"] = stranger.ToString(CultureInfo.InvariantCulture);

        var launched = new PostgresProcess();
        var started = new TaskCompletionSource();
        new Thread(() => launched.Attend(command, started)) { IsBackground = true, Name = "postgres" }.Start();
        started.Task.GetAwaiter().GetResult();
        return launched;
    }

    /// <summary>Ends it and waits until it has ended.</summary>
    public async Task Stop(ILogger log)
    {
        foreach (int signal in (int[])[SIGINT, SIGQUIT])
        {
            if (Ended.IsCompleted)
                return;

            Signal(Id, signal);
            if (await Task.WhenAny(Ended, Task.Delay(Patience)) == Ended)
                return;
            log.StopsSlowly(Id, Patience.TotalSeconds, signal);
        }
    }

    /// <summary>
    /// Looks into postmaster.pid. A database that still runs on the folder, left by a server that could not take it along,
    /// is ended: we could talk to it, but it would have other settings and another parent. Answers with the process number in the file
    /// if that belongs to no database of this folder.
    /// </summary>
    /// <exception cref="PostgresUnavailableException">It does not end.</exception>
    public static int? EndOrphan(LockedFolder folder, ILogger log)
    {
        string file = Path.Combine(folder.Cluster, "postmaster.pid");
        if (!File.Exists(file) || !int.TryParse(File.ReadLines(file).FirstOrDefault(), CultureInfo.InvariantCulture, out int pid))
            return null;
        if (!ServesFolder(pid, folder))
            return pid;

        log.EndingOrphan(pid, folder.Cluster);
        foreach (int signal in (int[])[SIGINT, SIGQUIT])
        {
            Signal(pid, signal);
            for (Stopwatch waited = Stopwatch.StartNew(); waited.Elapsed < Patience; Thread.Sleep(20))
            {
                if (!ServesFolder(pid, folder))
                    return pid;
            }
        }

        throw new PostgresUnavailableException(
            $"A PostgreSQL of an earlier server (process {pid}) still runs on {folder.Cluster} and does not stop.",
            $"See {folder.Log} for what it is doing, and stop it with: kill -INT {pid}");
    }

    private void Attend(ProcessStartInfo command, TaskCompletionSource started)
    {
        Process process;
        try
        {
            process = Process.Start(command)!;
            Id = process.Id;
            started.SetResult();
        }
        catch (Exception refused)
        {
            started.SetException(refused); // thrown where Launch was called
            return;
        }

        using (process)
        {
            process.WaitForExit();
            if (command.RedirectStandardInput)
                Dismiss(process.StandardInput);
            ended.SetResult(process.ExitCode);
        }
    }

    private static void Dismiss(StreamWriter watch)
    {
        try
        {
            watch.WriteLine("ended");
            watch.Flush();
        }
        catch (IOException)
        {
            // The watching shell has gone already, so there is nobody to tell.
        }
    }

    // The command line is asked and not the working folder: in a container root may not see where another account's process is.
    // An empty one is a process that has ended and that nobody has collected yet.
    private static bool ServesFolder(int pid, LockedFolder folder)
    {
        string file = $"/proc/{pid}/cmdline";
        try
        {
            string[] words = OperatingSystem.IsLinux()
                ? File.ReadAllText(file).Split('\0')
                : ProcessStatus(pid).Split(' ', StringSplitOptions.RemoveEmptyEntries);
            return words[0].EndsWith("postgres", StringComparison.Ordinal)
                && string.Join(' ', words).Contains($"-D {folder.Cluster}", StringComparison.Ordinal);
        }
        catch (IOException)
        {
            return false; // there is no such process, or it ended while we read
        }
    }

    private static string ProcessStatus(int pid)
    {
        using Process ps = Process.Start(new ProcessStartInfo("ps", ["-o", "command=", "-p", $"{pid}"]) { RedirectStandardOutput = true })!;
        string line = ps.StandardOutput.ReadToEnd();
        ps.WaitForExit();
        return line.Length == 0 ? " " : line;
    }

    private static void Signal(int pid, int signal) => _ = kill(pid, signal);

    [DllImport("libc", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int kill(int pid, int signal);
}
