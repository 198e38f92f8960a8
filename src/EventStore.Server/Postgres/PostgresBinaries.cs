using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;

namespace EventStore.Server.Postgres;

/// <summary>
/// The PostgreSQL programs of this machine. Distributions hide them (Debian keeps <c>initdb</c> and <c>postgres</c> off
/// the PATH, one folder for each major version), so several places are asked, and a place counts only if its
/// <c>postgres --version</c> answers: a leftover folder or a package for another processor is passed over.
/// </summary>
/// <param name="Folder">The folder that holds <c>postgres</c> and <c>initdb</c>.</param>
/// <param name="Major">The major version, 15 or more.</param>
public sealed partial record PostgresBinaries(string Folder, int Major)
{
    /// <summary>The oldest major version the store's SQL is written for.</summary>
    public const int MajorMin = 15;

    private const string DebianRoot = "/usr/lib/postgresql";

    /// <summary>Where to get the programs, one line for each kind of machine, and how to do without them.</summary>
    public const string InstallHint =
        """
        Install PostgreSQL 15 or newer:
          Debian, Ubuntu:  apt-get install postgresql
          Fedora:          dnf install postgresql-server
          macOS:           brew install postgresql@17
        or set PG_BIN to the folder that holds initdb and postgres,
        or start a container engine that answers to `docker`: PostgreSQL then runs in a container,
        or use a database of your own: ConnectionStrings__Postgres='Host=...;Username=...;Database=...'.
        """;

    /// <summary>The full path of one program, for example <c>initdb</c>.</summary>
    public string Program(string name) => Path.Combine(Folder, name);

    /// <summary>
    /// The first usable programs in <see cref="Candidates"/>; with <paramref name="major"/>, the first of exactly that version.
    /// </summary>
    /// <exception cref="PostgresUnavailableException">There are none.</exception>
    public static PostgresBinaries Find(int? major = null)
    {
        try
        {
            return Search(Candidates(Environment.GetEnvironmentVariable), major);
        }
        catch (PostgresUnavailableException none) when (Environment.GetEnvironmentVariable("PG_BIN") is { Length: > 0 } chosen)
        {
            throw new PostgresUnavailableException(
                $"PG_BIN is {chosen}, and nothing else is looked at. {none.Problem}",
                "Set it to the folder that holds initdb and postgres, or unset it to have them looked for.", none);
        }
    }

    /// <summary>
    /// The folders to try, best first: PG_BIN and nothing else if it is set; what <c>pg_config</c> says, Debian's folders from the
    /// highest version down, PATH.
    /// </summary>
    internal static IEnumerable<string> Candidates(Func<string, string?> environment)
    {
        if (environment("PG_BIN") is { Length: > 0 } chosen)
        {
            yield return chosen;
            yield break; // whoever names a folder means it: another version in silence would be worse than none
        }

        if (Answer("pg_config", "--bindir") is { } configured)
            yield return configured.Trim();

        foreach (string folder in Versions(DebianRoot))
            yield return folder;

        foreach (string folder in (environment("PATH") ?? "").Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries))
        {
            // Often a link into the real folder: /usr/local/bin/postgres without an initdb beside it.
            var program = new FileInfo(Path.Combine(folder, "postgres"));
            if (program.Exists)
                yield return Path.GetDirectoryName(program.ResolveLinkTarget(returnFinalTarget: true)?.FullName ?? program.FullName)!;
        }
    }

    /// <summary>The first of the folders whose programs answer and are new enough (or exactly of the major version asked for).</summary>
    /// <exception cref="PostgresUnavailableException">None is; the message names the versions that were found and will not do.</exception>
    internal static PostgresBinaries Search(IEnumerable<string> folders, int? major)
    {
        var passedOver = new SortedSet<int>();
        foreach (string folder in folders.Distinct(StringComparer.Ordinal))
        {
            if (MajorOf(folder) is not { } found)
                continue;
            if (found >= MajorMin && (major is null || major == found))
                return new PostgresBinaries(Path.GetFullPath(folder), found);
            passedOver.Add(found);
        }

        string wanted = major is null ? $"{MajorMin} or newer" : major.Value.ToString(CultureInfo.InvariantCulture);
        string others = passedOver.Count == 0 ? "" : $" (found, but not usable here: version {string.Join(", ", passedOver)})";
        throw new PostgresUnavailableException($"No PostgreSQL {wanted} programs were found{others}.", InstallHint);
    }

    private static IEnumerable<string> Versions(string root) =>
        !Directory.Exists(root)
            ? []
            : Directory.EnumerateDirectories(root)
                .OrderByDescending(folder =>
                    int.TryParse(Path.GetFileName(folder), CultureInfo.InvariantCulture, out int major) ? major : 0)
                .Select(folder => Path.Combine(folder, "bin"));

    private static int? MajorOf(string folder) =>
        File.Exists(Path.Combine(folder, "initdb"))
        && Answer(Path.Combine(folder, "postgres"), "--version") is { } answer
        && VersionNumber().Match(answer) is { Success: true } match
            ? int.Parse(match.Groups[1].ValueSpan, CultureInfo.InvariantCulture)
            : null;

    // What a program prints, or null when it is missing, cannot run here or fails: all of them mean "not this one".
    private static string? Answer(string program, string argument)
    {
        try
        {
            using Process process = Process.Start(new ProcessStartInfo(program, [argument])
            {
                RedirectStandardOutput = true,
                RedirectStandardError = true,
            })!;
            process.ErrorDataReceived += (_, _) => { };
            process.BeginErrorReadLine();
            string answer = process.StandardOutput.ReadToEnd();
            process.WaitForExit();
            return process.ExitCode == 0 ? answer : null;
        }
        catch (Win32Exception)
        {
            return null;
        }
    }

    [GeneratedRegex(@"\(PostgreSQL\)\s+(\d+)")]
    private static partial Regex VersionNumber();
}
