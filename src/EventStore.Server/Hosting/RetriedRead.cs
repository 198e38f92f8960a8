using EventStore.Server.Store.Format;
using Npgsql;

namespace EventStore.Server.Hosting;

/// <summary>
/// A connection in the pool that the database closed while nobody used it (a restart, a failover, a firewall) shows only when something
/// is asked over it. A read that meets one is begun once more on a fresh connection: it changes nothing, and nothing of its answer
/// is out yet. Writes need none of this: the commit lane looks after itself.
/// </summary>
internal static class RetriedRead
{
    /// <summary>Runs the request, and if need be runs it again.</summary>
    public static async Task OnAFreshConnection(HttpContext http, RequestDelegate next)
    {
        try
        {
            await next(http);
        }
        catch (Exception e) when (DatabaseAway.IsBrokenConnection(e) && MayBegin(http))
        {
            http.RequestServices.GetRequiredService<NpgsqlDataSource>().Clear(); // those that wait in the pool are as old
            await next(http);
        }
    }

    private static bool MayBegin(HttpContext http) =>
        (HttpMethods.IsGet(http.Request.Method) || HttpMethods.IsHead(http.Request.Method))
        && !http.Response.HasStarted
        && !http.RequestAborted.IsCancellationRequested;
}
