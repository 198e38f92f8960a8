using EventStore.Server.Access;
using EventStore.Server.Kubernetes;
using Status = EventStore.Server.Kubernetes.Status;

namespace EventStore.Server.Limits;

/// <summary>
/// <c>?timeout=</c>: how long the client will wait for its answer, as a Go duration such as <c>32s</c> (apiserver
/// <c>filters/request_deadline.go</c>). It can only shorten the server's own time-out; zero means no wish. Watches ignore it:
/// they have <c>timeoutSeconds</c>.
/// </summary>
internal static class RequestedTimeout
{
    /// <summary>Runs the request within that time: 400 for a time that is none, 504 when it is over.</summary>
    public static Task Bound(HttpContext http, RequestDelegate next)
    {
        string text = http.Request.QueryString.HasValue ? GoParsing.First(http.Request.Query["timeout"]) ?? "" : "";
        if (text.Length == 0 || RequestInfo.Of(http).Class == RequestClass.Watch)
            return next(http);
        if (GoDuration.Parse(text, out TimeSpan timeout) is { } wrong)
            return Status.BadRequest($"invalid timeout specified in the request URL - {wrong}").ExecuteAsync(http);
        return timeout <= TimeSpan.Zero || timeout >= TimeSpan.FromHours(1) ? next(http) : RunWithin(http, next, timeout);
    }

    private static async Task RunWithin(HttpContext http, RequestDelegate next, TimeSpan timeout)
    {
        CancellationToken left = http.RequestAborted;
        using var end = CancellationTokenSource.CreateLinkedTokenSource(left);
        end.CancelAfter(timeout);
        http.RequestAborted = end.Token;
        try
        {
            await next(http);
        }
        catch (OperationCanceledException) when (end.IsCancellationRequested && !left.IsCancellationRequested)
        {
            http.RequestAborted = left;
            if (http.Response.HasStarted)
                http.Abort(); // the client sees that the answer is not whole
            else
                await Status.Timeout("the request was not answered in the time it gave").ExecuteAsync(http);
        }
        finally
        {
            http.RequestAborted = left;
        }
    }
}
