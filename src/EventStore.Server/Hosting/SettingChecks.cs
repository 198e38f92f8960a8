using System.Data.Common;
using System.Globalization;
using System.Text.RegularExpressions;
using Npgsql;

namespace EventStore.Server.Hosting;

/// <summary>Checks settings before anything is started. No refusal repeats a value that may hold a password.</summary>
internal static partial class SettingChecks
{
    private const string ConnectionStringHint = "It looks like: Host=db;Database=eventstore;Username=eventstore_server;Password=...";

    /// <summary>Refuses a log level that .NET's logging does not know.</summary>
    /// <exception cref="OperatorException">There is one.</exception>
    public static void LogLevels(IConfiguration configuration)
    {
        foreach (IConfigurationSection setting in Descendants(configuration.GetSection("Logging")).Where(IsLevel))
        {
            if (Enum.TryParse(setting.Value, ignoreCase: true, out LogLevel level) && Enum.IsDefined(level))
                continue;
            string levels = string.Join(", ", Enum.GetNames<LogLevel>());
            throw new OperatorException($"{setting.Path} is '{setting.Value}', which is no log level", $"Choose {levels}.");
        }

        static bool IsLevel(IConfigurationSection setting) =>
            setting.Value is not null && setting.Path.Contains(":LogLevel:", StringComparison.OrdinalIgnoreCase);
    }

    /// <summary>Refuses an address that a server cannot listen on.</summary>
    /// <param name="setting">The name of the setting.</param>
    /// <param name="urls">The addresses.</param>
    /// <exception cref="OperatorException">There is one.</exception>
    public static void Urls(string setting, IEnumerable<string> urls)
    {
        foreach (string url in urls.Where(url => !url.StartsWith("http://unix:/", StringComparison.OrdinalIgnoreCase)))
        {
            if (Address().Match(url) is not { Success: true } address)
                throw Refused($"'{url}' is no address", "is like http://127.0.0.1:8080, several separated by semicolons");
            string port = address.Groups["port"].Value;
            if (port.Length > 0 && !ushort.TryParse(port, NumberStyles.None, CultureInfo.InvariantCulture, out _))
                throw Refused($"the port of '{url}' is not one from 0 to 65535", "is like http://127.0.0.1:8080");
            if (port == "0" && address.Groups["host"].Value == "localhost")
                throw Refused($"'{url}': localhost is two addresses, and they cannot share a free port", "may be http://127.0.0.1:0");
        }

        OperatorException Refused(string problem, string hint) => new($"cannot listen: {problem}", $"{setting} {hint}.");
    }

    /// <summary>
    /// Refuses reads from standbys if no host could be one, and replicas that have no primary beside them or would not be read.
    /// </summary>
    /// <param name="postgres">The connection string; null for the private database.</param>
    /// <param name="replicas">That of the replicas; null for none.</param>
    /// <param name="areRead">Whether standbys are read.</param>
    /// <exception cref="OperatorException">They contradict each other.</exception>
    public static void Replicas(string? postgres, string? replicas, bool areRead)
    {
        if (replicas is not null && (postgres is null || !areRead))
        {
            throw postgres is null
                ? new OperatorException(
                    "ConnectionStrings__PostgresReplicas is there, and ConnectionStrings__Postgres is not",
                    "Name the primary by ConnectionStrings__Postgres: all writes go there.")
                : new OperatorException(
                    "--standby-reads is off, and ConnectionStrings__PostgresReplicas names what would be read",
                    "Leave one of them out.");
        }

        if (areRead && replicas is null && (postgres is null || !HostList.HasSeveral(new NpgsqlConnectionStringBuilder(postgres))))
        {
            throw new OperatorException(
                "--standby-reads is on, and the database has no host that could be a standby",
                "ConnectionStrings__Postgres names the standbys beside the primary, in any order: Host=db1,db2;Database=eventstore;...; or "
                + "ConnectionStrings__PostgresReplicas names those that are only read.");
        }
    }

    /// <summary>Reads a connection string.</summary>
    /// <param name="text">The connection string.</param>
    /// <param name="setting">The name of the setting.</param>
    /// <param name="isRead">Whether each of its hosts is only read, and is asked by itself what it is.</param>
    /// <exception cref="OperatorException">It is none, or no connection can be made with it.</exception>
    public static NpgsqlConnectionStringBuilder ConnectionString(string text, string setting, bool isRead = false)
    {
        var parts = new DbConnectionStringBuilder();
        try
        {
            parts.ConnectionString = text;
        }
        catch (ArgumentException)
        {
            throw Refused("it is not of the form Key=Value;Key=Value");
        }

        var read = new NpgsqlConnectionStringBuilder();
        foreach ((int place, string key) in parts.Keys.Cast<string>().Index())
        {
            // A password with a semicolon in it looks like keys of its own: only the names of known keys may be printed.
            if (!read.ContainsKey(key))
                throw Refused($"key {place + 1} of {parts.Count} is not one that Npgsql knows");
            try
            {
                read[key] = parts[key];
            }
            catch (Exception e) when (e is ArgumentException or FormatException or InvalidCastException or OverflowException)
            {
                throw Refused($"{key} cannot have that value");
            }
        }

        if (string.IsNullOrEmpty(read.Host))
            throw Refused("it names no host");
        // With one host there is nothing to choose from, and Npgsql refuses the key.
        if (isRead || !read.Host.Contains(',', StringComparison.Ordinal))
            read.TargetSessionAttributes = null;
        else if (read.TargetSessionAttributes is not (null or "primary" or "read-write"))
            throw Refused("of several hosts only the primary can be served: Target Session Attributes is primary, or not there");
        return IsConnectable(read) ? read : throw Refused("its keys contradict each other");

        OperatorException Refused(string problem) => new($"{setting} is no connection string: {problem}", ConnectionStringHint);
    }

    private static bool IsConnectable(NpgsqlConnectionStringBuilder read)
    {
        try
        {
            using var probe = new NpgsqlConnection(read.ConnectionString);
            return true;
        }
        catch (Exception e) when (e is ArgumentException or InvalidOperationException or NotSupportedException)
        {
            return false;
        }
    }

    private static IEnumerable<IConfigurationSection> Descendants(IConfigurationSection section) =>
        section.GetChildren().SelectMany(child => Descendants(child).Prepend(child));

    [GeneratedRegex(@"^https?://(?<host>[^\s/:\[\]]+|\[[0-9a-fA-F:.]+\])(?::(?<port>\d+))?/?$", RegexOptions.IgnoreCase)]
    private static partial Regex Address();
}
