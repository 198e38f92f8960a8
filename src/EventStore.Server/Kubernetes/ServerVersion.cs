using System.Reflection;
using System.Runtime.InteropServices;
using EventStore.Domain.Json;

namespace EventStore.Server.Kubernetes;

/// <summary>
/// <c>/version</c>: the Kubernetes release whose API this one behaves like, and this server's own version behind it. Clients choose what
/// they ask for by the first; a person reads the second.
/// </summary>
internal static class ServerVersion
{
    private const string Major = "1";
    private const string Minor = "34";

    /// <summary>The members of apimachinery's <c>version.Info</c>; what Go's build would tell has no value here.</summary>
    public static JsonObject Json { get; } = JsonObject.Of(
        ("buildDate", "1970-01-01T00:00:00Z"),
        ("compiler", "dotnet"),
        ("gitCommit", Commit()),
        ("gitTreeState", "clean"),
        ("gitVersion", $"v{Major}.{Minor}.0+eventstore.{typeof(ServerVersion).Assembly.GetName().Version!.ToString(3)}"),
        ("goVersion", RuntimeInformation.FrameworkDescription),
        ("major", Major),
        ("minor", Minor),
        ("platform", Platform()));

    /// <summary>The commit the build put behind the plus of its version, if it knew one.</summary>
    private static string Commit()
    {
        string version = typeof(ServerVersion).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion
            ?? "";
        int plus = version.IndexOf('+', StringComparison.Ordinal);
        return plus < 0 ? "" : version[(plus + 1)..];
    }

    /// <summary>In Go's words: <c>linux/amd64</c>.</summary>
    private static string Platform()
    {
        string system = OperatingSystem.IsWindows() ? "windows" : OperatingSystem.IsMacOS() ? "darwin" : "linux";
        string processor = RuntimeInformation.ProcessArchitecture switch
        {
            Architecture.X64 => "amd64",
            Architecture.X86 => "386",
            var other => other.ToString().ToLowerInvariant(),
        };
        return $"{system}/{processor}";
    }
}
