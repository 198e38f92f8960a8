using EventStore.Server.Store.Format;
using Status = EventStore.Server.Kubernetes.Status;

namespace EventStore.Server.Hosting;

/// <summary>
/// Answers a read that met an event which this release cannot read: the error names the event, and only this request fails.
/// </summary>
internal static class UnreadableEvents
{
    public static async Task Answer(HttpContext http, RequestDelegate next)
    {
        try
        {
            await next(http);
        }
        catch (UnreadableEventException e) when (!http.Response.HasStarted)
        {
            await Status.Unreadable(e.Message).ExecuteAsync(http);
        }
    }
}
