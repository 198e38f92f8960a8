using EventStore.Server.Kubernetes.Requests;
using Microsoft.AspNetCore.Http.Timeouts;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Status = EventStore.Server.Kubernetes.Status;

namespace EventStore.Server.Limits;

/// <summary>The limits that Kestrel itself enforces, on sizes, rates and times of connections and requests.</summary>
internal static class ConnectionLimits
{
    /// <summary>Sets Kestrel's limits.</summary>
    public static void Narrow(KestrelServerLimits kestrel, RequestLimits limits)
    {
        // RequestBody itself refuses one byte too many, as a Status
        kestrel.MaxRequestBodySize = Math.Max(limits.BodyBytes, limits.PutBytes) + 1L;
        kestrel.MinRequestBodyDataRate = new MinDataRate(limits.BodyBytesPerSecond, AtLeastASecond(limits.BodyGrace));
        kestrel.MaxRequestLineSize = limits.LineBytes;
        kestrel.MaxRequestBufferSize = Math.Max(kestrel.MaxRequestBufferSize ?? 0, limits.LineBytes + limits.HeaderBytes);
        kestrel.MaxRequestHeadersTotalSize = limits.HeaderBytes;
        kestrel.MaxRequestHeaderCount = limits.Headers;
        kestrel.RequestHeadersTimeout = limits.HeaderTime;
        kestrel.KeepAliveTimeout = limits.IdleTime;
        kestrel.MaxConcurrentConnections = limits.Connections;
    }

    /// <summary>Adds the request time-out. Watches and lists have time-outs of their own and leave this one where they begin.</summary>
    public static void AddRequestTime(this IServiceCollection services, RequestLimits limits) => services
        .AddLogging(log => log.AddFilter("Microsoft.AspNetCore.Http.Timeouts", LogLevel.Error)) // a stack trace for each tells nobody more
        .AddRequestTimeouts(timeouts => timeouts.DefaultPolicy = new RequestTimeoutPolicy
        {
            Timeout = limits.RequestTime,
            WriteTimeoutResponse = TookTooLong
        });

    /// <summary>Bounds the memory that the bodies of all requests hold together.</summary>
    public static void AddBodyBudget(this IServiceCollection services, RequestLimits limits) =>
        services.AddSingleton(_ => new BodyBudget(limits.BodiesReadBytes, limits.BodiesParsedBytes) { Wait = limits.BodiesWait });

    private static Task TookTooLong(HttpContext http)
    {
        http.RequestAborted = CancellationToken.None; // it has just been cancelled, and the answer is still to go out
        http.Response.Headers["Audit-Id"] = http.TraceIdentifier; // it was taken off with all the rest
        return Status.Timeout("the request was not answered in time").ExecuteAsync(http);
    }

    // Kestrel looks at rates once a second, and refuses a shorter time.
    private static TimeSpan AtLeastASecond(TimeSpan time) => time > TimeSpan.FromSeconds(1) ? time : TimeSpan.FromSeconds(1.001);
}
