using EventStore.Domain.Json;
using EventStore.Server.Kubernetes.Requests;
using EventStore.Server.Store.Reads;
using Status = EventStore.Server.Kubernetes.Status;

namespace EventStore.Server.Jobs;

/// <summary>The revision of the moment a request asks about.</summary>
internal static class AskedMoment
{
    /// <summary>
    /// The revision at the given time; null if the request names none. A time before the first event is revision 1, at which there
    /// was nothing. A future time is refused, because the answer would still change.
    /// </summary>
    public static Task<(long? Revision, Status? Refusal)> Revision(HttpContext http, JobReads reads) =>
        Revision(http.Request.Query, reads, http.RequestAborted);

    /// <summary>The same for a time that came otherwise.</summary>
    public static async Task<(long? Revision, Status? Refusal)> Revision(IQueryCollection query, JobReads reads, CancellationToken stop)
    {
        if (!AsOf.TryRead(query, out DateTimeOffset? asked, out Status? refusal) || asked is not { } moment)
            return (null, refusal);
        (long? revision, DateTimeOffset now) = await reads.RevisionAt(moment, stop);
        if (revision is not null)
            return (revision, null);
        string clock = Rfc3339.Exact(now);
        return (null, AsOf.Refuse(query[AsOf.Parameter]!, $"is yet to come: here it is {clock}"));
    }
}
