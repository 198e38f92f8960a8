using System.Globalization;
using EventStore.Domain.History;
using EventStore.Domain.Jobs;
using EventStore.Server.Jobs;
using EventStore.Server.Kubernetes.Answers;
using EventStore.Server.Resources;
using EventStore.Server.Store.Reads;

namespace EventStore.Server.Page.OneJob;

/// <summary>Two revisions of a job compared line by line.</summary>
internal static class ComparePages
{
    private const int ChangesMax = 1_000;

    /// <summary>GET …/compare?from=N&amp;to=M[&amp;view=unified].</summary>
    public static async Task<IResult> Get(HttpContext http, string @namespace, string name, JobReads reads)
    {
        var key = new JobKey(@namespace, name);
        (ComparedSide from, ComparedSide to, var refusal) = await JobDifference.Read(http, key, reads);
        if (refusal is not null)
            return refusal;
        IReadOnlyList<string> before = Lines(from), after = Lines(to);
        bool fits = LineDiff.Fits(before, after);
        return PageAnswers.Show<ComparePage>(new CompareModel(key, from, to)
        {
            IsUnified = http.Request.Query["view"] == "unified",
            Stretches = fits ? LineDiff.Of(before, after) : null,
            Changes = fits ? null : RevisionText.Shown(Comparison.Of(from.At?.Job, to.At?.Job).Changes, ChangesMax),
            Rights = await JobRights.Of(http, key),
            Commands = Commands(http.Request, key, from.Revision, to.Revision),
        });
    }

    /// <summary>The API's answer to the same question, the merge patch in it.</summary>
    public static string ApiPath(JobKey key, long from, long to) => PageLinks.With(
        $"{Command.PathOf(JobResource.Names, key.Namespace)}/{PageLinks.Escaped(key.Name)}/diff",
        ("from", from.ToString(CultureInfo.InvariantCulture)), ("to", to.ToString(CultureInfo.InvariantCulture)));

    // What resourceVersion and selfLink show every change changes: they are no part of a comparison, as in the API.
    private static string[] Lines(ComparedSide side) =>
        side.At is var (job, _) ? [.. YamlText.Lines(job.Manifest).Select(line => line.Text)] : [];

    private static Command[] Commands(HttpRequest request, JobKey key, long from, long to) =>
        [Command.Kubectl("get", "--raw", ApiPath(key, from, to)), Command.Curl(request, ApiPath(key, from, to))];
}

/// <summary>What the page of a comparison shows.</summary>
/// <param name="Key">The job.</param>
/// <param name="From">The left side.</param>
/// <param name="To">The right side.</param>
public sealed record CompareModel(JobKey Key, ComparedSide From, ComparedSide To)
{
    /// <summary>Whether both sides stand in one column.</summary>
    public bool IsUnified { get; init; }

    /// <summary>The lines; null where they are too many to be compared.</summary>
    public required IReadOnlyList<DiffStretch>? Stretches { get; init; }

    /// <summary>The changed fields, where lines are too many.</summary>
    public required ShownChanges? Changes { get; init; }

    /// <summary>What the reader may do.</summary>
    public required JobRights Rights { get; init; }

    /// <summary>The same as commands.</summary>
    public required IReadOnlyList<Command> Commands { get; init; }

    /// <summary>This page in one or the other form, or with its sides changed.</summary>
    public string Link(long from, long to, bool isUnified) => JobPages.Link(
        Key, "/compare",
        ("from", from.ToString(CultureInfo.InvariantCulture)),
        ("to", to.ToString(CultureInfo.InvariantCulture)),
        ("view", isUnified ? "unified" : null));
}
