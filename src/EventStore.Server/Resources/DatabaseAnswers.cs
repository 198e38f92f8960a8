using System.Globalization;
using EventStore.Server.Store.Format;
using Status = EventStore.Server.Kubernetes.Status;

namespace EventStore.Server.Resources;

/// <summary>What a database that cannot serve looks like on the wire, whatever was asked for.</summary>
internal static class DatabaseAnswers
{
    /// <summary>503: nothing was done.</summary>
    public static Status Away(string why = DatabaseAway.Unreachable) => Status.Unavailable($"{why}; nothing was changed");

    /// <summary>504: a revision that did not come; 410: one that never will.</summary>
    public static Status Missing(MissingRevision missing) =>
        missing.Epoch is { } epoch ? Lost(missing.Asked, epoch) : Status.TooLargeResourceVersion(missing.Asked, missing.Head);

    /// <summary>410: a revision that was lost, or never given out, before an epoch began.</summary>
    public static Status Lost(long revision, long epoch) => Status.Expired(string.Create(
        CultureInfo.InvariantCulture, $"too old resource version: {revision}, which is not in the store since its epoch {epoch} began"));
}
