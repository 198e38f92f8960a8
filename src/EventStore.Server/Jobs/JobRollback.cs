using System.Globalization;
using EventStore.Domain.Jobs;
using EventStore.Domain.Json;
using EventStore.Server.Kubernetes.Answers;
using EventStore.Server.Kubernetes.Requests;
using EventStore.Server.Resources;
using EventStore.Server.Store.Format;
using EventStore.Server.Store.Lane;
using EventStore.Server.Store.Reads;

namespace EventStore.Server.Jobs;

/// <summary>
/// Takes a job back to an earlier revision of the same incarnation: a new event restores the updatable fields as they stood. The answer is
/// the job after it; what else differs from then is named in a <c>Warning</c> header, which kubectl prints.
/// </summary>
internal static class JobRollback
{
    private const int NamedMax = 20;
    private const int NameLengthMax = 200;

    /// <summary>POST …/rollback.</summary>
    public static async Task<IResult> Post(
        HttpContext http, string @namespace, string name, CommitLane lane, JobReads reads, TimeProvider clock)
    {
        RollbackRequest read = await RollbackRequest.Read(http, name, clock);
        if (read.Refusal is { } refusal)
            return refusal;
        if (await reads.WaitFor(read.Revision, http.RequestAborted) is { } missing)
            return DatabaseAnswers.Missing(missing);

        var key = new JobKey(@namespace, name);
        Job? past = await PastRights.ForAction(http, key, read.Revision, reads);
        Outcome outcome = await Execute(http, key, read, past, lane, clock);
        if (outcome is Outcome.Done done)
            Warn(http, Rollback.NotRestored(past!, done.Job));
        return JobAnswers.Of(outcome, key, http.TraceIdentifier, after => new JsonReply(200, read.View!.Alone(after)));
    }

    /// <summary>Goes back, or tries to.</summary>
    /// <param name="http">The request.</param>
    /// <param name="key">The job.</param>
    /// <param name="asked">What is asked for.</param>
    /// <param name="past">The job as it stood at the revision asked for; null where there was none.</param>
    /// <param name="lane">The commit lane.</param>
    /// <param name="clock">The clock.</param>
    public static async Task<Outcome> Execute(
        HttpContext http, JobKey key, RollbackRequest asked, Job? past, CommitLane lane, TimeProvider clock)
    {
        int pastBytes = past is null ? 0 : JobText.LengthOf(past); // it waits in the queue with the command
        var back = new RollBackJob(key, clock.GetUtcNow(), http.Origin(), asked.Revision, past, asked.ResourceVersion);
        JobCommand command = await back.Under(http).InItsNamespace(http);
        return await lane.Execute(command, asked.DryRun, asked.BodyBytes + pastBytes, http.RequestAborted);
    }

    private static void Warn(HttpContext http, IReadOnlyList<FieldPath> notRestored)
    {
        if (notRestored.Count == 0)
            return;
        string[] named = [.. notRestored.Where(path => path.Length <= NameLengthMax).Take(NamedMax).Select(path => path.ToString())];
        string more = named.Length == notRestored.Count
            ? ""
            : string.Create(CultureInfo.InvariantCulture, $" and {notRestored.Count - named.Length} more");
        string fields = string.Join(", ", http.Profile().Updatable.RolledBackPaths);
        StrictDecoding.Warn(http.Response.Headers,
            [$"differs from that revision still: {string.Join(", ", named)}{more}; a rollback restores only {fields}"]);
    }
}
