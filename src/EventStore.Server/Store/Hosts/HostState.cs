namespace EventStore.Server.Store.Hosts;

/// <summary>What a host of the connection string was found to be.</summary>
internal enum HostKind
{
    /// <summary>It was not asked yet.</summary>
    Unknown,

    /// <summary>It takes writes.</summary>
    Primary,

    /// <summary>It is no standby, and its sessions may only read (25006).</summary>
    ReadOnly,

    /// <summary>It replays what a primary writes.</summary>
    Standby,

    /// <summary>It takes no connections yet, or no more (57P03, 57P01).</summary>
    NotReady,

    /// <summary>It accepts the connection, or drops what is sent to it, and says nothing.</summary>
    Hangs,

    /// <summary>No connection can be made.</summary>
    Unreachable,

    /// <summary>Its name cannot be resolved.</summary>
    Unresolved,

    /// <summary>It refuses the role, its password or the database.</summary>
    Refused,

    /// <summary>It answered with another error.</summary>
    Failed,
}

/// <summary>Which history a primary writes.</summary>
/// <param name="System">The cluster's identifier, the same on a primary and its physical standbys.</param>
/// <param name="Timeline">The timeline, which each promotion raises by one at least.</param>
internal readonly record struct Lineage(long System, long Timeline);

/// <summary>What a host was found to be.</summary>
/// <param name="Kind">The kind.</param>
/// <param name="Reason">More about it, for the log; may name hosts.</param>
internal sealed record HostState(HostKind Kind, string? Reason = null)
{
    /// <summary>Of a primary: which history it writes.</summary>
    public Lineage Lineage { get; init; }

    /// <summary>Of a primary: whether a commit waits for a standby.</summary>
    public bool IsSynchronous { get; init; }

    /// <summary>The kind, in words everybody may read.</summary>
    public string Words => Kind switch
    {
        HostKind.Unknown => "was not asked yet",
        HostKind.Primary => "is a primary",
        HostKind.ReadOnly => "is read-only",
        HostKind.Standby => "is a standby",
        HostKind.NotReady => "is starting up or shutting down",
        HostKind.Hangs => "does not answer",
        HostKind.Unreachable => "cannot be reached",
        HostKind.Unresolved => "has a name that cannot be resolved",
        HostKind.Refused => "refuses the role, its password or the database",
        _ => "answers with an error",
    };
}
