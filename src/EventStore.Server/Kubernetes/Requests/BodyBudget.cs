using System.Threading.RateLimiting;

namespace EventStore.Server.Kubernetes.Requests;

/// <summary>
/// Back-pressure on request bodies, in bytes over all requests: how much memory bodies may hold, and how much the values made of
/// them, until their requests are answered. A request that finds no room waits; after <see cref="Wait"/> it is
/// refused with 429.
/// </summary>
/// <remarks>
/// There are two budgets because a request holds the first while it waits for the second; with one, half-admitted requests could deadlock.
/// The memory of parsed values is estimated before parsing: about 80 bytes a value beyond its text (object, string, member, list).
/// </remarks>
public sealed class BodyBudget : IDisposable
{
    private const int PermitBytes = 1024;
    private const int ValueBytes = 80;
    private const int WaitingTimes = 8; // the queue holds at most this many times the budget

    // Small bodies need no permit: as many of them as there may be connections take no more memory than a few large ones.
    private const int SmallBytes = 16 * 1024;

    // Small bodies are not counted, which would cost more than it saves: a value to four bytes is assumed, which is more than most bodies
    // have. "[1,1,1" has twice as many.
    private const int CountedFrom = 32 * 1024;
    private const int BytesOfValue = 4;

    private readonly ConcurrencyLimiter reading;
    private readonly ConcurrencyLimiter parsed;
    private readonly int readingPermits;
    private readonly int parsedPermits;

    /// <summary>Makes the budgets.</summary>
    /// <param name="readingBytes">Bytes of bodies being read.</param>
    /// <param name="parsedBytes">Bytes of what is made of them.</param>
    public BodyBudget(long readingBytes, long parsedBytes)
    {
        (reading, readingPermits) = Limiter(readingBytes);
        (parsed, parsedPermits) = Limiter(parsedBytes);
    }

    /// <summary>How long a request waits for room.</summary>
    public TimeSpan Wait { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Takes room for the bytes of a body until the request ends; the refusal when there is none.</summary>
    public ValueTask<Status?> TakeForReading(HttpContext http, long bytes) =>
        bytes <= SmallBytes ? ValueTask.FromResult<Status?>(null) : Take(http, reading, bytes, readingPermits);

    /// <summary>Takes room for what is made of a body until the request ends; the refusal when there is none.</summary>
    /// <param name="http">The request.</param>
    /// <param name="bytes">The length of the body.</param>
    /// <param name="values">How many values there are in it.</param>
    public ValueTask<Status?> TakeForValues(HttpContext http, int bytes, int values) =>
        Take(http, parsed, (2L * bytes) + ((long)ValueBytes * values), parsedPermits);

    /// <summary>How many JSON values and names of members a body has; counted if the body is large, reckoned if it is small.</summary>
    /// <param name="utf8">The body; counting ends at the first fault in it, as parsing does.</param>
    /// <param name="most">Counting ends there.</param>
    public static int CountValues(ReadOnlySpan<byte> utf8, int most)
    {
        if (utf8.Length < CountedFrom)
            return utf8.Length / BytesOfValue;
        var reader = new System.Text.Json.Utf8JsonReader(
            utf8, new System.Text.Json.JsonReaderOptions { MaxDepth = Domain.Json.JsonReading.DepthMax });
        int count = 0;
        try
        {
            while (count <= most && reader.Read())
                count += reader.TokenType is System.Text.Json.JsonTokenType.EndObject or System.Text.Json.JsonTokenType.EndArray ? 0 : 1;
        }
        catch (System.Text.Json.JsonException)
        {
            return count;
        }

        return count;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        reading.Dispose();
        parsed.Dispose();
    }

    private static (ConcurrencyLimiter Limiter, int Permits) Limiter(long bytes)
    {
        int permits = (int)Math.Clamp(bytes / PermitBytes, 1, int.MaxValue / WaitingTimes);
        return (
            new ConcurrencyLimiter(new ConcurrencyLimiterOptions { PermitLimit = permits, QueueLimit = permits * WaitingTimes }), permits);
    }

    private async ValueTask<Status?> Take(HttpContext http, ConcurrencyLimiter from, long bytes, int permitsMax)
    {
        int permits = (int)Math.Min((bytes / PermitBytes) + 1, permitsMax); // a body larger than the budget takes all of it
        RateLimitLease lease = from.AttemptAcquire(permits);
        if (!lease.IsAcquired)
        {
            lease.Dispose();
            lease = await WaitFor(from, permits, http.RequestAborted);
        }

        http.Response.RegisterForDispose(lease);
        return lease.IsAcquired
            ? null
            : Status.TooManyRequests("the bodies of other requests fill the memory there is for them");
    }

    private async ValueTask<RateLimitLease> WaitFor(ConcurrencyLimiter from, int permits, CancellationToken left)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(left);
        patience.CancelAfter(Wait);
        try
        {
            return await from.AcquireAsync(permits, patience.Token);
        }
        catch (OperationCanceledException) when (!left.IsCancellationRequested)
        {
            return from.AttemptAcquire(permits); // refused, unless room was made just now
        }
    }
}
