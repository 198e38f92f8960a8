using System.Globalization;

namespace EventStore.Benchmarks.Machine;

/// <summary>CPU time since they started: of the server, of PostgreSQL with all its backends, and of this process.</summary>
internal readonly record struct CpuTimes(double ServerMs, double PostgresMs, double OwnMs)
{
    private const double MsPerTick = 10; // the kernel counts in hundredths of a second (USER_HZ), on every architecture .NET runs on

    public static CpuTimes operator -(CpuTimes after, CpuTimes before) =>
        new(after.ServerMs - before.ServerMs, after.PostgresMs - before.PostgresMs, after.OwnMs - before.OwnMs);

    /// <summary>Reads them; 0 stands for a process that is not known.</summary>
    public static CpuTimes Read(int serverPid, int postgresPid) =>
        new(
            serverPid == 0 ? 0 : TreeMs(serverPid), postgresPid == 0 ? 0 : TreeMs(postgresPid),
            Environment.CpuUsage.TotalTime.TotalMilliseconds);

    /// <summary>A process, its descendants, and those of its children that have ended and that it has waited for.</summary>
    private static double TreeMs(int root)
    {
        double sum = 0;
        foreach (int pid in ProcessTree.Of(root))
        {
            if (ProcessTree.Stat(pid) is { } fields)
                sum += MsPerTick * Ticks(fields, pid == root ? 4 : 2);
        }

        return sum;
    }

    // utime, stime, cutime and cstime are the fields 14 to 17 of /proc/PID/stat, the state being the third and here the first.
    private static long Ticks(string[] fields, int count) =>
        Enumerable.Range(11, count).Sum(i => long.Parse(fields[i], CultureInfo.InvariantCulture));
}

/// <summary>Processes and their children, from /proc.</summary>
internal static class ProcessTree
{
    /// <summary>The process and its descendants that live now.</summary>
    public static IReadOnlyList<int> Of(int root)
    {
        ILookup<int, int> children = Directory.EnumerateDirectories("/proc")
            .Select(folder => int.TryParse(Path.GetFileName(folder), CultureInfo.InvariantCulture, out int pid) ? pid : 0)
            .Where(pid => pid > 0)
            .Select(pid => (Pid: pid, Parent: Parent(pid)))
            .ToLookup(process => process.Parent, process => process.Pid);
        List<int> tree = [root];
        for (int i = 0; i < tree.Count; i++)
            tree.AddRange(children[tree[i]]);
        return tree;
    }

    public static int Parent(int pid) => Stat(pid) is { } fields ? int.Parse(fields[1], CultureInfo.InvariantCulture) : 0;

    /// <summary>The fields of /proc/PID/stat from the state on; null when the process has ended.</summary>
    public static string[]? Stat(int pid)
    {
        try
        {
            string text = File.ReadAllText($"/proc/{pid}/stat");
            return text[(text.LastIndexOf(')') + 2)..].Split(' '); // the name before may hold blanks
        }
        catch (IOException)
        {
            return null;
        }
    }

    /// <summary>A number of /proc/PID/status or the like, in MB; 0 when the process has ended.</summary>
    public static double Mb(int pid, string file, string name)
    {
        try
        {
            string? line = File.ReadLines($"/proc/{pid}/{file}").FirstOrDefault(line => line.StartsWith(
                name + ":", StringComparison.Ordinal));
            return line is null ? 0 : long.Parse(line[(name.Length + 1)..^2], CultureInfo.InvariantCulture) / 1024.0;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return 0;
        }
    }
}
