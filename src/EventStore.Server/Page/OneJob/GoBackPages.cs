using System.Globalization;
using EventStore.Domain.History;
using EventStore.Domain.Jobs;
using EventStore.Domain.Json;
using EventStore.Domain.Manifests;
using EventStore.Server.Access;
using EventStore.Server.Jobs;
using EventStore.Server.Kubernetes;
using EventStore.Server.Resources;
using EventStore.Server.Store.History;
using EventStore.Server.Store.Lane;
using EventStore.Server.Store.Reads;
using Status = EventStore.Server.Kubernetes.Status;

namespace EventStore.Server.Page.OneJob;

/// <summary>
/// Going back to a revision, in two steps. The first is a dry run, and shows what would change and what cannot. The second does it, if the
/// job is still at the revision that was shown: the form sends that revision as an optimistic lock.
/// </summary>
internal static class GoBackPages
{
    private const int ChangesMax = 200;
    private const int SinceMax = 20;
    private static readonly FieldPath Generation = FieldPath.Of("metadata", "generation");

    /// <summary>GET …/go-back?revision=N: what would change.</summary>
    public static async Task<IResult> Ask(
        HttpContext http, string @namespace, string name, CommitLane lane, JobReads reads, TimeProvider clock)
    {
        var key = new JobKey(@namespace, name);
        if (!TryRead(http.Request.Query["revision"], out long revision, out Status? refusal))
            return refusal!;
        if (await reads.WaitFor(revision, http.RequestAborted) is { } missing)
            return DatabaseAnswers.Missing(missing);
        if (!(await JobRights.Of(http, key)).MayGet)
            return Forbidden(http, key);
        var now = await reads.JobAt(key, await reads.Head(http.RequestAborted), http.RequestAborted);
        var past = await reads.JobAt(key, revision, http.RequestAborted);
        if (await PastRights.OfOne(http, key, new[] { now?.Job.Uid, past?.Job.Uid }.OfType<Guid>(), reads) is { } hidden)
            return hidden;
        if (now is not var (job, _))
            return JobAnswers.NotFound(key);
        var command = new RollBackJob(key, clock.GetUtcNow(), http.Origin(), revision, past?.Job, Text(job.Revision));
        Outcome outcome = await JobRollback.Execute(http, command, dryRun: true, 0, lane);
        return outcome is Outcome.Done done
            ? PageAnswers.Show<GoBackPage>(Model(key, revision, past!.Value, job, done.Job) with
            {
                Commands = Command.DryRun(
                    http.Request, Command.PathOf(JobResource.Names, key), "rollback", $$"""{"revision": {{Text(revision)}}}"""),
            })
            : JobAnswers.Of(outcome, key, http.TraceIdentifier, _ => Results.Empty);
    }

    /// <summary>POST …/go-back: does it.</summary>
    public static async Task<IResult> Go(
        HttpContext http, string @namespace, string name, CommitLane lane, JobReads reads, RevisionReads revisions, TimeProvider clock)
    {
        var key = new JobKey(@namespace, name);
        IFormCollection form = await http.Request.ReadFormAsync(http.RequestAborted);
        if (!TryRead(form["revision"], out long revision, out Status? refusal)
            || !TryRead(form["resourceVersion"], out long locked, out refusal))
            return refusal!;
        if ((AuditReason.Say(http, form[AuditReason.Parameter]) ?? AuditReason.Missing(http, "rollback")) is { } unreasoned)
            return unreasoned;
        Job? past = await PastRights.ForAction(http, key, revision, reads);
        var command = new RollBackJob(key, clock.GetUtcNow(), http.Origin(), revision, past, Text(locked));
        Outcome outcome = await JobRollback.Execute(http, command, dryRun: false, 0, lane);
        return outcome switch
        {
            Outcome.Done done => Results.LocalRedirect(PageLinks.With(PageLinks.At(key, done.Job.Revision), ("done", "1"))),
            Outcome.Refused(Rejection.Stale) => await Conflict(http, key, revision, locked, revisions),
            _ => JobAnswers.Of(outcome, key, http.TraceIdentifier, _ => Results.Empty),
        };
    }

    private static GoBackModel Model(JobKey key, long revision, (Job Job, DateTimeOffset Time) past, Job now, Job after)
    {
        IReadOnlyList<Change> changes = [.. Comparison.Of(now, after).Changes.Where(change => !change.Path.Equals(Generation))];
        HashSet<FieldPath> left = [.. Rollback.NotRestored(past.Job, after)];
        IReadOnlyList<Change> cannot = [.. Comparison.Of(now, past.Job).Changes.Where(change => left.Contains(change.Path))];
        return new GoBackModel(key, revision, past.Job.Revision, past.Time, now.Revision)
        {
            Changes = RevisionText.Shown(changes, ChangesMax),
            Cannot = RevisionText.Shown(cannot, ChangesMax),
        };
    }

    /// <summary>Another change came first. The page names its user if the reader may see the history.</summary>
    private static async Task<IResult> Conflict(HttpContext http, JobKey key, long revision, long locked, RevisionReads revisions)
    {
        JobRights rights = await JobRights.Of(http, key);
        List<ListedRevision> since = rights.MayList
            ? await HistoryPages.Read(
                revisions, HistoryPages.Of(key) with { First = locked + 1 }, SinceMax, RevisionText.Listed, http.RequestAborted)
            : [];
        return PageAnswers.Show<ConflictPage>(new ConflictModel(key, revision, locked, since, rights), StatusCodes.Status409Conflict);
    }

    private static bool TryRead(string? text, out long revision, out Status? refusal)
    {
        string? wrong = GoParsing.Revision(text ?? string.Empty, out revision) ?? (revision == 0 ? "there is no revision 0" : null);
        refusal = wrong is null ? null : Status.BadRequest($"invalid revision: {wrong}");
        return refusal is null;
    }

    private static Status Forbidden(HttpContext http, JobKey key) => Status.Forbidden(
        RequestInfo.Of(http).User.Name, "get", JobResource.Names.Group, JobResource.Names.Plural, string.Empty, key.Name, key.Namespace);

    private static string Text(long revision) => revision.ToString(CultureInfo.InvariantCulture);
}

/// <summary>What is asked before a job goes back.</summary>
/// <param name="Key">The job.</param>
/// <param name="Asked">The revision asked for.</param>
/// <param name="Then">The job's last revision by then.</param>
/// <param name="Time">When that was committed.</param>
/// <param name="Now">The revision the job has now: the lock.</param>
public sealed record GoBackModel(JobKey Key, long Asked, long Then, DateTimeOffset Time, long Now)
{
    /// <summary>What would change.</summary>
    public required ShownChanges Changes { get; init; }

    /// <summary>What would stay as it is, though it was otherwise then.</summary>
    public required ShownChanges Cannot { get; init; }

    /// <summary>The same as commands.</summary>
    public IReadOnlyList<Command> Commands { get; init; } = [];
}

/// <summary>What is shown when somebody else was faster.</summary>
/// <param name="Key">The job.</param>
/// <param name="Asked">The revision to go back to.</param>
/// <param name="Locked">The revision the job had.</param>
/// <param name="Since">What happened since.</param>
/// <param name="Rights">What the reader may do.</param>
public sealed record ConflictModel(JobKey Key, long Asked, long Locked, IReadOnlyList<ListedRevision> Since, JobRights Rights);
