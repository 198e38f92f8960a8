using EventStore.Server.Store.Format;
using Status = EventStore.Server.Kubernetes.Status;

namespace EventStore.Server.Resources;

/// <summary>What a database that cannot serve looks like on the wire, whatever was asked for.</summary>
internal static class DatabaseAnswers
{
    /// <summary>The Retry-After of a 503 or 429, in seconds.</summary>
    public const int RetryAfterSeconds = 1;

    /// <summary>503: nothing was done.</summary>
    public static Status Away(string why = DatabaseAway.Unreachable) =>
        Status.Unavailable($"{why}; nothing was changed", RetryAfterSeconds);
}
