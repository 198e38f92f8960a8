namespace EventStore.Server.Page;

/// <summary>How a page tells a moment.</summary>
public enum MomentForm
{
    /// <summary>Date and time.</summary>
    Time,

    /// <summary>How long ago it was.</summary>
    Age,

    /// <summary>Within a text that is itself seen on hover only, so UTC stands beside the reader's time.</summary>
    Hover,
}
