using System.Reflection;
using System.Runtime.InteropServices;
using EventStore.Server.Store.Lane;

namespace EventStore.Benchmarks.Machine;

/// <summary>What figures mean nothing without.</summary>
internal static class MachineFacts
{
    public static Dictionary<string, string> Read(string postgresVersion) => new()
    {
        ["machine"] = $"{CpuModel()}, {Environment.ProcessorCount} cores, {RuntimeInformation.OSDescription}",
        ["load before"] = File.Exists("/proc/loadavg") ? File.ReadAllText("/proc/loadavg").Trim() : "unknown",
        [".NET"] = Environment.Version.ToString(),
        ["PostgreSQL"] = postgresVersion,
        ["commit"] = Commit(),
    };

    private static string CpuModel() => File.Exists("/proc/cpuinfo")
        ? File.ReadLines("/proc/cpuinfo").FirstOrDefault(line => line.StartsWith("model name", StringComparison.Ordinal))?.Split(':')[1]
            .Trim() ?? "unknown CPU"
        : "unknown CPU";

    // The build notes it in the version, behind a plus sign, when it is made from a repository.
    private static string Commit() =>
        typeof(CommitLane).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion.Split('+')
            is [_, var commit] ? commit[..Math.Min(12, commit.Length)] : "unknown";
}
