using System.Diagnostics;
using EventStore.Server.Access;
using Microsoft.AspNetCore.Http.Features;

namespace EventStore.Server.Telemetry;

/// <summary>
/// One log line for a request, in the category <c>Requests</c>. At Warning: failed or turned away (5xx, 429). At Information:
/// refused (401, 403) or slow. Everything else is at Debug, because every write is in the history with the same request id, and a
/// line costs about 0.03 ms of processor time where a whole patch costs 0.05 to 0.09 ms.
/// </summary>
public sealed partial class RequestLog(RequestDelegate next, ILoggerFactory logging)
{
    /// <summary>The category of its lines, as <c>Logging:LogLevel</c> names it.</summary>
    public const string Category = "Requests";

    private const int ClientLeft = 499; // as web servers have it in their logs: nobody was there for an answer
    private static readonly TimeSpan Slow = TimeSpan.FromSeconds(1);

    private readonly ILogger log = logging.CreateLogger(Category);

    /// <summary>Runs the request and writes its line.</summary>
    public async Task Invoke(HttpContext http)
    {
        if (Signals.Source.HasListeners())
            Activity.Current?.SetTag(Signals.RequestIdTag, http.TraceIdentifier);
        long started = Stopwatch.GetTimestamp();
        try
        {
            await next(http);
        }
        finally
        {
            Write(http, Stopwatch.GetElapsedTime(started));
        }
    }

    /// <summary>Records how many bytes a streamed answer had, for the line.</summary>
    public static void Sent(HttpContext http, long bytes) =>
        http.Features.Set(new Streamed(bytes + (http.Features.Get<Streamed>()?.Bytes ?? 0)));

    /// <summary>Excludes a request that lasts until the client leaves, such as a watch, from the metrics of request durations.</summary>
    public static void Lasts(HttpContext http)
    {
        if (http.Features.Get<IHttpMetricsTagsFeature>() is { } metrics)
            metrics.MetricsDisabled = true;
    }

    private void Write(HttpContext http, TimeSpan took)
    {
        int status = http.RequestAborted.IsCancellationRequested && !http.Response.HasStarted ? ClientLeft : http.Response.StatusCode;
        LogLevel level = Level(http.Request.Path, status, took);
        if (!log.IsEnabled(level))
            return;
        (Caller caller, AccessRequest asked) = RequestInfo.Of(http);
        if (level == LogLevel.Information
            && asked.Verb == "watch" && status is StatusCodes.Status200OK or StatusCodes.Status101SwitchingProtocols)
        {
            level = LogLevel.Debug; // it is not slow, it lasts
            if (!log.IsEnabled(level))
                return;
        }

        string resource = asked.IsResource ? Resource(asked) : http.Request.Path.ToString();
        (string nameSpace, string name, string user) = (Clean(asked.Namespace), Clean(asked.Name), Clean(UserOf(caller)));
        long? bytes = http.Response.ContentLength ?? http.Features.Get<Streamed>()?.Bytes;
        double milliseconds = took.TotalMilliseconds;
        Request(level, status, asked.Verb, resource, nameSpace, name, user, bytes, milliseconds, http.TraceIdentifier);
    }

    private static string UserOf(Caller caller) =>
        caller.ImpersonatedBy is { } by ? $"{caller.Name}, impersonated by {by.Name}" : caller.Name;

    private static LogLevel Level(PathString path, int status, TimeSpan took) => status switch
    {
        // an answer like any other, and the log has the reason from the check
        >= 500 when path.StartsWithSegments(HealthEndpoints.Ready) => LogLevel.Debug,
        >= 500 or StatusCodes.Status429TooManyRequests => LogLevel.Warning,
        StatusCodes.Status401Unauthorized or StatusCodes.Status403Forbidden => LogLevel.Information,
        _ => took >= Slow ? LogLevel.Information : LogLevel.Debug,
    };

    private static string Resource(AccessRequest asked) =>
        asked.Subresource.Length == 0 ? asked.Resource : $"{asked.Resource}/{Clean(asked.Subresource)}";

    // The client's words: a line break or a terminal's escape in them would let it write lines of its own.
    private static string Clean(string? words) =>
        words is null ? "-" : words.Any(char.IsControl) ? Uri.EscapeDataString(words) : words;

    [LoggerMessage(EventId = 37,
        Message = "{Status} {Verb} {Resource} {Namespace} {Name} by {User}: {Bytes} bytes, {Milliseconds:0.0} ms, request {RequestId}")]
    private partial void Request(
        LogLevel level, int status, string verb, string resource, string nameSpace, string name, string user, long? bytes,
        double milliseconds, string requestId);

    private sealed record Streamed(long Bytes);
}
