using EventStore.Domain.Jobs;
using EventStore.Domain.Json;
using EventStore.Server.Jobs;
using EventStore.Server.Kubernetes.Answers;
using EventStore.Server.Resources;
using EventStore.Server.Store.History;
using EventStore.Server.Store.Lane;
using EventStore.Server.Store.Reads;

namespace EventStore.Server.Page.OneJob;

/// <summary>
/// Bringing a deleted job back, in two steps: the first is a dry run and shows the job that would be made, the second makes it. Nobody can
/// be faster but by making a job of that name, and then nothing is made.
/// </summary>
internal static class RestorePages
{
    /// <summary>GET …/restore: what would be made.</summary>
    public static async Task<IResult> Ask(
        HttpContext http, string @namespace, string name, CommitLane lane, JobReads reads, RestorePoints points, TimeProvider clock)
    {
        var key = new JobKey(@namespace, name);
        (Job? past, Outcome? outcome, IResult? refusal) = await Execute(http, key, true, lane, reads, points, clock);
        if (refusal is not null)
            return refusal;
        return JobAnswers.Of(outcome!, key, http.TraceIdentifier, done => PageAnswers.Show<RestorePage>(
            new RestoreModel(
                key, past!.Revision, YamlText.Lines(JsonReading.Parse(done.Utf8)),
                Command.DryRun(http.Request, Command.PathOf(JobResource.Names, key), "restore", "{}"))));
    }

    /// <summary>POST …/restore: makes it.</summary>
    public static async Task<IResult> Go(
        HttpContext http, string @namespace, string name, CommitLane lane, JobReads reads, RestorePoints points, TimeProvider clock)
    {
        var key = new JobKey(@namespace, name);
        IFormCollection form = await http.Request.ReadFormAsync(http.RequestAborted);
        if ((AuditReason.Say(http, form[AuditReason.Parameter]) ?? AuditReason.Missing(http, "restore")) is { } unreasoned)
            return unreasoned;
        (_, Outcome? outcome, IResult? refusal) = await Execute(http, key, false, lane, reads, points, clock);
        return refusal ?? JobAnswers.Of(outcome!, key, http.TraceIdentifier, done =>
            Results.LocalRedirect(PageLinks.With(PageLinks.At(key, done.Job.Revision), ("done", "1"))));
    }

    private static async Task<(Job? Past, Outcome? Outcome, IResult? Refusal)> Execute(
        HttpContext http, JobKey key, bool dryRun, CommitLane lane, JobReads reads, RestorePoints points, TimeProvider clock)
    {
        RestorePoint point = await points.Find(key, null, null, http.RequestAborted);
        Job? past = point is RestorePoint.Found(var found) ? found : null;
        if (await PastRights.OfOne(http, key, past is null ? [] : [past.Uid], reads) is { } hidden)
            return (null, null, hidden);
        if (past is null)
            return (null, null, JobAnswers.NotFound(key));
        var command = new RestoreJob(key, clock.GetUtcNow(), http.Origin(), past, Guid.CreateVersion7());
        return (past, await JobRestore.Execute(http, command, dryRun, 0, lane), null);
    }
}

/// <summary>What is asked before a job is brought back.</summary>
/// <param name="Key">The job.</param>
/// <param name="Then">The revision at which it was seen last.</param>
/// <param name="Lines">The job that would be made.</param>
/// <param name="Commands">The same as commands.</param>
public sealed record RestoreModel(JobKey Key, long Then, IReadOnlyList<YamlLine> Lines, IReadOnlyList<Command> Commands);
