namespace EventStore.Server.Kubernetes;

/// <summary>When whoever was refused for now is told to come back, by the header of that name and by <c>retryAfterSeconds</c>.</summary>
public static class RetryAfter
{
    /// <summary>In seconds, where nothing more is known. Clients of Kubernetes wait so long and then send the request again.</summary>
    public const int Seconds = 1;
}
