using EventStore.Server.Store.Format;
using EventStore.Server.Store.Hosts;

namespace EventStore.Server.Hosting;

/// <summary>
/// Retries a read once on a fresh connection. A pooled connection that the database closed while idle (a restart, a failover, a
/// firewall) is noticed only when it is used. A read changes nothing, and nothing of its answer has been sent yet. Writes need no
/// such retry: the commit lane has its own.
/// </summary>
internal static class RetriedRead
{
    /// <summary>Runs the request, and retries it once if its connection was broken.</summary>
    public static async Task OnAFreshConnection(HttpContext http, RequestDelegate next)
    {
        try
        {
            await next(http);
        }
        catch (Exception e) when (DatabaseAway.IsBrokenConnection(e) && MayBegin(http))
        {
            http.RequestServices.GetRequiredService<Primary>().Clear(); // the other pooled connections are probably broken too
            await next(http);
        }
    }

    private static bool MayBegin(HttpContext http) =>
        (HttpMethods.IsGet(http.Request.Method) || HttpMethods.IsHead(http.Request.Method))
        && !http.Response.HasStarted
        && !http.RequestAborted.IsCancellationRequested;
}
