using EventStore.Domain.Jobs;
using EventStore.Server.Access;
using EventStore.Server.Kubernetes;
using EventStore.Server.Resources;
using EventStore.Server.Store.Reads;
using Status = EventStore.Server.Kubernetes.Status;

namespace EventStore.Server.Jobs;

/// <summary>
/// The right to read the past. Whoever may read a living job may read its past states. Deleted jobs are history, and need the right
/// to the history: <c>get</c> or <c>list</c> on <c>pytorchjobrevisions</c>.
/// </summary>
internal static class PastRights
{
    private static readonly TimeSpan Window = TimeSpan.FromMinutes(5);

    /// <summary>
    /// Refuses to show what stood at a name, unless it is the job that lives there now or the caller may read the history. A name that
    /// was never used gets the same refusal. If a job lives there now, the answer reveals only that another one existed.
    /// </summary>
    /// <param name="http">The request.</param>
    /// <param name="key">The name.</param>
    /// <param name="incarnations">The incarnations that stood there.</param>
    /// <param name="reads">Reads jobs.</param>
    public static async Task<Status?> OfOne(HttpContext http, JobKey key, IEnumerable<Guid> incarnations, JobReads reads)
    {
        if (await MayReadHistory(http, "get", key.Namespace))
            return null;
        Guid? living = await reads.LivingUid(key, http.RequestAborted);
        return living is not null && incarnations.All(uid => uid == living) ? null : Refuse(http, "get", key.Namespace, key.Name);
    }

    /// <summary>
    /// Allows a past list only with the right to history, or for one name at which a job lives now, if it is the one that lived there then
    /// or none did.
    /// </summary>
    public static async Task<Status?> OfMany(HttpContext http, JobSelection selection, long revision, JobReads reads)
    {
        if (await MayReadHistory(http, "list", selection.Namespace))
            return null;
        bool isShown = selection.Only is { } key
            && await reads.LivingUid(key, http.RequestAborted) is { } living
            && (await reads.JobAt(key, revision, http.RequestAborted))?.Job.Uid is var past
            && (past is null || past == living);
        return isShown ? null : Refuse(http, "list", selection.Namespace, null);
    }

    /// <summary>
    /// A job as it once stood, for an action on the one that lives at its name now. Without the right to history, another job that lived
    /// there is reported as none.
    /// </summary>
    public static async Task<Job?> ForAction(HttpContext http, JobKey key, long revision, JobReads reads)
    {
        Job? past = (await reads.JobAt(key, revision, http.RequestAborted))?.Job;
        return past is null
            || await MayReadHistory(http, "get", key.Namespace)
            || past.Uid == await reads.LivingUid(key, http.RequestAborted)
                ? past
                : null;
    }

    /// <summary>
    /// Refuses to continue from an old revision unless the caller may read the history, because jobs deleted since would be shown.
    /// Within the window it is normal for a client that was briefly disconnected or asks for the next page. Upstream compacts after
    /// about as long.
    /// </summary>
    /// <param name="http">The request.</param>
    /// <param name="namespace">The namespace; null for all.</param>
    /// <param name="revision">The revision; null for the present.</param>
    /// <param name="tooOld">What is said of it.</param>
    /// <param name="reads">Reads jobs.</param>
    public static async Task<Status?> ToGoOn(HttpContext http, string? @namespace, long? revision, string tooOld, JobReads reads) =>
        revision is not > 0
        || await MayReadHistory(http, "list", @namespace)
        || await reads.IsRecent(revision.Value, Window, http.RequestAborted)
            ? null
            : Status.Expired(tooOld);

    /// <summary>Whether the caller may read the history.</summary>
    public static ValueTask<bool> MayReadHistory(HttpContext http, string verb, string? @namespace) =>
        http.May(verb, JobResource.Revisions, @namespace);

    /// <summary>Refuses what shows the history to a caller who may not read it.</summary>
    public static Status RefuseHistory(HttpContext http, string verb, string? @namespace) => Refuse(http, verb, @namespace, null);

    private static Status Refuse(HttpContext http, string verb, string? @namespace, string? name) =>
        Status.PastForbidden(Caller.Of(http.User).Name, verb, JobResource.Revisions, name ?? string.Empty, @namespace ?? string.Empty);
}
