using System.Data.Common;
using System.Globalization;
using Npgsql;

namespace EventStore.Server.Hosting;

/// <summary>The hosts of a connection string.</summary>
internal static class HostList
{
    private const int ConnectSeconds = 3;

    /// <summary>Whether it names more than one.</summary>
    public static bool HasSeveral(NpgsqlConnectionStringBuilder target) => target.Host!.Contains(',', StringComparison.Ordinal);

    /// <summary>
    /// With several hosts: shortens Npgsql's connection time-out of 15 seconds, so that a hanging host delays nobody for long, and limits
    /// how long Npgsql remembers a host's state to one second. Values that the connection string sets stay.
    /// </summary>
    public static void Tune(NpgsqlConnectionStringBuilder target)
    {
        if (!HasSeveral(target))
            return;
        target.TargetSessionAttributes ??= "primary";
        var given = new DbConnectionStringBuilder { ConnectionString = target.ConnectionString }; // Npgsql's own has every key
        if (!given.ContainsKey("Timeout"))
            target.Timeout = ConnectSeconds;
        if (!given.ContainsKey("Host Recheck Seconds"))
            target.HostRecheckSeconds = 1;
    }

    /// <summary>A connection string for each host.</summary>
    public static IReadOnlyList<string> Each(string connectionString)
    {
        var all = new NpgsqlConnectionStringBuilder(connectionString);
        if (!HasSeveral(all))
            return [connectionString];
        return
        [
            .. all.Host!.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries).Select(host =>
            {
                var one = new NpgsqlConnectionStringBuilder(connectionString) { TargetSessionAttributes = null };
                (one.Host, one.Port) = Split(host, all.Port);
                return one.ConnectionString;
            }),
        ];
    }

    /// <summary>A host's name and port, for the log.</summary>
    public static string NameOf(string connectionString) =>
        new NpgsqlConnectionStringBuilder(connectionString) is var one && one.Host!.StartsWith('/') ? one.Host : $"{one.Host}:{one.Port}";

    /// <summary>
    /// Makes a data source without a pool for health probes of one host. Its statements have no time-out: the probe bounds its own wait,
    /// and Npgsql ends a statement by asking the same host, which may hang, to cancel it.
    /// </summary>
    public static NpgsqlDataSource Probing(string connectionString) => NpgsqlDataSource.Create(
        new NpgsqlConnectionStringBuilder(connectionString)
        {
            Pooling = false,
            MaxAutoPrepare = 0,
            CommandTimeout = 0,
            Timeout = ConnectSeconds,
        });

    // An IPv6 address with a port is written in brackets; without them it is all address.
    private static (string Host, int Port) Split(string host, int port)
    {
        int colon = host.LastIndexOf(':');
        bool hasPort = colon > 0 && (host.IndexOf(':', StringComparison.Ordinal) == colon || host[colon - 1] == ']');
        return hasPort && int.TryParse(host[(colon + 1)..], NumberStyles.None, CultureInfo.InvariantCulture, out int own)
            ? (host[..colon], own)
            : (host, port);
    }
}
