using System.Globalization;
using EventStore.Domain.Jobs;
using EventStore.Domain.Json;
using EventStore.Server.Jobs;
using EventStore.Server.Kubernetes;
using EventStore.Server.Kubernetes.Answers;
using EventStore.Server.Kubernetes.Requests;
using EventStore.Server.Resources;
using EventStore.Server.Store.Format;
using EventStore.Server.Store.History;
using EventStore.Server.Store.Reads;

namespace EventStore.Server.Page.OneJob;

/// <summary>A job as it stood at a revision, and beside each line who set it last.</summary>
internal static class ObjectPages
{
    /// <summary>How many lines of a job are shown.</summary>
    public const int LinesMax = 2_000;

    private const int LineLengthMax = 4_000;

    /// <summary>GET …/at?revision=N, ?asOf=TIME or, of the slider, ?uid=UID&amp;place=N: leads to the page of that revision.</summary>
    public static async Task<IResult> Find(
        HttpContext http, string @namespace, string name, JobReads reads, RevisionReads revisions)
    {
        var key = new JobKey(@namespace, name);
        if (Guid.TryParse(http.Request.Query["uid"], out Guid uid))
            return await Slide(http, key, uid, revisions);
        string? asked = http.Request.Query["revision"];
        if (!string.IsNullOrEmpty(asked))
        {
            return GoParsing.Revision(asked, out long number) is { } wrong
                ? Status.BadRequest($"invalid revision: {wrong}")
                : Results.LocalRedirect(PageLinks.At(key, number));
        }

        if (PageTime.Read(http.Request.Query[AsOf.Parameter]) is not { } moment)
            return Status.BadRequest("give a revision, or a moment such as 2026-11-23T07:58:24Z");
        (long? revision, DateTimeOffset now) = await reads.RevisionAt(moment, http.RequestAborted);
        return revision is { } found
            ? Results.LocalRedirect(PageLinks.At(key, found))
            : Status.BadRequest($"{PageTime.Utc(moment)} is yet to come: here it is {PageTime.Utc(now)}");
    }

    /// <summary>GET …/revisions/N.</summary>
    public static async Task<IResult> Get(
        HttpContext http, string @namespace, string name, long revision, JobReads reads, RevisionReads revisions, BlameReads blames)
    {
        var key = new JobKey(@namespace, name);
        if (await reads.WaitFor(revision, http.RequestAborted) is { } missing)
            return DatabaseAnswers.Missing(missing);
        var past = await reads.JobShownAt(key, revision, http.RequestAborted);
        Guid[] incarnations = past is var (then, _) ? [then.Uid] : [];
        if (await PastRights.OfOne(http, key, incarnations, reads) is { } refusal)
            return refusal;
        JobRights rights = await JobRights.Of(http, key);
        Neighbours around = rights.MayList
            ? await Neighbours.Of(key, past?.Job.Revision, revision, revisions, http.RequestAborted)
            : default;
        if (past is null && around is { Previous: null, Next: null, Here: null })
            return JobAnswers.NotFound(key);
        IReadOnlyList<YamlLine> lines = past is var (job, time) ? Lines(StoredJob.Of(job, time)) : [];
        BlamedJob? blamed = past is not null && rights.MayBlame ? await blames.At(key, revision, http.RequestAborted) : null;
        return PageAnswers.Show<ObjectPage>(new ObjectModel(key, revision, past?.Job.Revision, past?.Time)
        {
            Lines = lines,
            Blame = blamed is null ? null : BlameMark.Of(lines.Take(LinesMax), blamed),
            Around = around,
            Slider = rights.MayList && past is not null ? await Slider.Of(past.Value.Job, revisions, http.RequestAborted) : null,
            Rights = rights,
            Restored = http.Request.Query["done"] == "1",
            Commands = Commands(http.Request, key, revision),
        });
    }

    private static async Task<IResult> Slide(HttpContext http, JobKey key, Guid uid, RevisionReads revisions)
    {
        if (!await PastRights.MayReadHistory(http, "list", key.Namespace))
            return PastRights.RefuseHistory(http, "list", key.Namespace);
        return long.TryParse(http.Request.Query["place"], NumberStyles.None, CultureInfo.InvariantCulture, out long place)
            && await revisions.AtVersion(key, uid, place, http.RequestAborted) is { } found
            ? Results.LocalRedirect(PageLinks.At(key, found))
            : Status.BadRequest("the job has no such revision");
    }

    /// <summary>A line as it is shown: whole, unless it is very long.</summary>
    public static string Shown(string line) => RevisionText.Clip(line, LineLengthMax);

    private static IReadOnlyList<YamlLine> Lines(StoredJob job) => YamlText.Lines(JsonReading.Parse(job.Utf8.Span));

    private static Command[] Commands(HttpRequest request, JobKey key, long revision)
    {
        string number = revision.ToString(CultureInfo.InvariantCulture);
        string path = PageLinks.With(
            $"{Command.PathOf(JobResource.Names, key.Namespace)}/{PageLinks.Escaped(key.Name)}",
            ("resourceVersion", number), ("resourceVersionMatch", "Exact"));
        return [Command.Kubectl("get", "--raw", path), Command.Curl(request, path)];
    }
}

/// <summary>What stands before and behind a moment in the history of a name.</summary>
/// <param name="Here">The last revision of the name by then: what made the job as it stood, or took it away.</param>
/// <param name="Previous">The revision before that one.</param>
/// <param name="Next">The one behind it.</param>
public readonly record struct Neighbours(ListedRevision? Here, long? Previous, long? Next)
{
    /// <summary>Looks for them.</summary>
    public static async Task<Neighbours> Of(JobKey key, long? last, long asked, RevisionReads revisions, CancellationToken stop)
    {
        RevisionQuery all = HistoryPages.Of(key);
        List<ListedRevision> upTo = await HistoryPages.Read(revisions, all with { Last = last ?? asked }, 2, RevisionText.Listed, stop);
        List<long> behind = await HistoryPages.Read(
            revisions, all with { First = asked + 1, OldestFirst = true }, 1, revision => revision.Number, stop);
        return new Neighbours(
            upTo.Count > 0 ? upTo[0] : null, upTo.Count > 1 ? upTo[1].Number : null, behind.Count > 0 ? behind[0] : null);
    }
}

/// <summary>A slider over the revisions of one job: the first is 1.</summary>
/// <param name="Uid">The job.</param>
/// <param name="Place">Which of them is shown.</param>
/// <param name="Last">The last of them.</param>
public sealed record Slider(Guid Uid, long Place, long Last)
{
    /// <summary>The slider of a job as it once stood; null when there is nothing to slide to.</summary>
    public static async Task<Slider?> Of(Job job, RevisionReads revisions, CancellationToken stop) =>
        await revisions.LastVersion(job.Uid, stop) is var last and > 1 ? new Slider(job.Uid, job.Version, last) : null;
}

/// <summary>What the page of a revision shows.</summary>
/// <param name="Key">The job.</param>
/// <param name="Asked">The revision asked for.</param>
/// <param name="Revision">The job's last one by then; null where no job of the name lived.</param>
/// <param name="Time">When that was committed.</param>
public sealed record ObjectModel(JobKey Key, long Asked, long? Revision, DateTimeOffset? Time)
{
    /// <summary>The job; empty where none lived.</summary>
    public required IReadOnlyList<YamlLine> Lines { get; init; }

    /// <summary>The last setter of each line; null if the reader may not see it.</summary>
    public IReadOnlyList<BlameMark?>? Blame { get; init; }

    /// <summary>The revisions before and after it; none if the reader may not see the history.</summary>
    public required Neighbours Around { get; init; }

    /// <summary>The slider; null without the right to the history, and for a job with one revision.</summary>
    public Slider? Slider { get; init; }

    /// <summary>What the reader may do.</summary>
    public required JobRights Rights { get; init; }

    /// <summary>Whether the reader just made this revision.</summary>
    public bool Restored { get; init; }

    /// <summary>The same as commands.</summary>
    public required IReadOnlyList<Command> Commands { get; init; }
}
