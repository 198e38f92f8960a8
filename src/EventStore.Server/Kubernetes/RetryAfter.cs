namespace EventStore.Server.Kubernetes;

/// <summary>How long a client waits before it retries: the header of that name, and <c>retryAfterSeconds</c> of the Status.</summary>
public static class RetryAfter
{
    /// <summary>The delay where nothing more is known, in seconds. Clients of Kubernetes obey it by themselves.</summary>
    public const int Seconds = 1;
}
