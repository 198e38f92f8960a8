using System.Globalization;
using EventStore.Domain.Jobs;
using EventStore.Domain.Json;
using EventStore.Server.Jobs;
using EventStore.Server.Kubernetes;
using EventStore.Server.Resources;
using EventStore.Server.Store.Format;
using EventStore.Server.Store.History;
using EventStore.Server.Store.Reads;

namespace EventStore.Server.Page.OneJob;

/// <summary>What happened to a job: its timeline, and below it the revisions of the same stretch.</summary>
internal static class HistoryPages
{
    private const int PageLength = 50;

    /// <summary>
    /// GET …?from=TIME&amp;to=TIME&amp;behind=REVISION. The newest revisions are live: older pages, and a stretch that has an end, are the
    /// past.
    /// </summary>
    public static async Task<IResult> Get(
        HttpContext http, string @namespace, string name, TimelineReads timelines, RevisionReads revisions, JobReads jobs)
    {
        var key = new JobKey(@namespace, name);
        JobRights rights = await JobRights.Of(http, key);
        string? asked = http.Request.Query["behind"];
        long? behind = long.TryParse(asked, NumberStyles.None, CultureInfo.InvariantCulture, out long number) ? number : null;
        bool mayWatch = behind is null && string.IsNullOrEmpty(http.Request.Query["to"])
            && await http.May("watch", JobResource.Revisions, key.Namespace);
        return await LiveFragments.Show(http, (rights, mayWatch), async () =>
        {
            CancellationToken stop = http.RequestAborted;
            long head = await jobs.Head(stop);
            if (await timelines.Extent(key, stop) is not { } extent)
                return (JobAnswers.NotFound(key), head);
            if (!Stretch.TryRead(http.Request.Query, extent, out Stretch stretch))
                return (Status.BadRequest("from and to must be moments such as 2026-11-23T07:58:24Z, and from must be before to"), head);
            HistoryModel model = await Read(key, extent, stretch, behind, timelines, revisions, stop);
            StoredJob? living = rights.MayGet ? await jobs.Get(key, stop) : null;
            IResult page = PageAnswers.Show<HistoryPage>(model with
            {
                State = living is null ? null : JobTable.StateOf(JsonReading.Parse(living.Utf8.Span)),
                Live = mayWatch ? PageLinks.LiveOf(key, head) : null,
                Rights = rights,
                Commands = Commands(http.Request, key),
            });
            return (page, head);
        });
    }

    private static async Task<HistoryModel> Read(
        JobKey key, HistoryExtent extent, Stretch stretch, long? behind, TimelineReads timelines, RevisionReads revisions,
        CancellationToken stop)
    {
        (long first, long last) = await Revisions(stretch, extent, revisions, stop);
        JobTimeline timeline = await timelines.Count(key, stretch.From, stretch.To, first, last, TimelinePicture.Slices, stop);
        RevisionQuery query = Of(key) with { First = first, Last = last };
        List<TimelinePoint>? points = timeline.Total <= TimelinePicture.EachMax
            ? await Read(revisions, query with { OldestFirst = true }, TimelinePicture.EachMax, RevisionText.Point, stop)
            : null;
        List<ListedRevision> listed = await Read(
            revisions, behind is { } bound ? query.Behind(bound) : query, PageLength + 1, RevisionText.Listed, stop);
        bool more = listed.Count > PageLength;
        return new HistoryModel(key, extent, stretch, timeline, more ? listed[..PageLength] : listed)
        {
            Picture = timeline.Cells.Count == 0 ? null : TimelinePicture.Of(timeline, points),
            OlderBehind = more ? listed[PageLength - 1].Number : null,
            IsFirstPage = behind is null,
            IsDeleted = behind is null && last == extent.Last && listed.FirstOrDefault() is { IsEnd: true },
        };
    }

    /// <summary>All revisions of a name.</summary>
    public static RevisionQuery Of(JobKey key) => new RevisionQuery()
        .And(new RevisionCondition(RevisionField.Namespace, true, [key.Namespace]))
        .And(new RevisionCondition(RevisionField.Job, true, [key.Name]));

    /// <summary>Reads revisions and keeps of each what is shown.</summary>
    public static async Task<List<T>> Read<T>(
        RevisionReads revisions, RevisionQuery query, int count, Func<Revision, T> shown, CancellationToken stop)
    {
        var read = new List<T>();
        await foreach (RevisionStep step in revisions.List(query, count, stop))
        {
            if (step.Revision is { } revision)
                read.Add(shown(revision));
        }

        return read;
    }

    private static async Task<(long First, long Last)> Revisions(
        Stretch stretch, HistoryExtent extent, RevisionReads revisions, CancellationToken stop)
    {
        long first = stretch.From <= extent.Begins ? extent.First : await revisions.FirstSince(stretch.From, stop);
        long last = stretch.To >= extent.Ends ? extent.Last : await revisions.FirstSince(stretch.To.AddMicroseconds(1), stop) - 1;
        return (Math.Max(first, extent.First), Math.Min(last, extent.Last));
    }

    private static Command[] Commands(HttpRequest request, JobKey key)
    {
        string selector = $"job={key.Name}";
        return
        [
            Command.Kubectl(["get", "pytorchjobrevisions", .. Command.In(key.Namespace), "-l", selector]),
            Command.Curl(request, PageLinks.With(Command.PathOf(JobResource.Revisions, key.Namespace), ("labelSelector", selector))),
        ];
    }
}

/// <summary>What the page of a job shows.</summary>
public sealed record HistoryModel(
    JobKey Key, HistoryExtent Extent, Stretch Stretch, JobTimeline Timeline, IReadOnlyList<ListedRevision> Revisions)
{
    /// <summary>The timeline as a picture; null where nothing happened.</summary>
    public required TimelinePicture? Picture { get; init; }

    /// <summary>Behind which revision the next page begins; null for no more.</summary>
    public long? OlderBehind { get; init; }

    /// <summary>Whether this page begins with the newest.</summary>
    public bool IsFirstPage { get; init; }

    /// <summary>Whether the job is gone, and this page shows it.</summary>
    public bool IsDeleted { get; init; }

    /// <summary>What the reader may do.</summary>
    public JobRights Rights { get; init; } = JobRights.None;

    /// <summary>The job's state now; null without one, without a living job, and without the right to get it.</summary>
    public string? State { get; init; }

    /// <summary>The stream that tells of changes; null for a stretch of the past, and without the right to watch.</summary>
    public string? Live { get; init; }

    /// <summary>The same as commands.</summary>
    public IReadOnlyList<Command> Commands { get; init; } = [];

    /// <summary>This page with another stretch.</summary>
    public string Link(DateTimeOffset from, DateTimeOffset to) =>
        PageLinks.With(PageLinks.Job(Key), ("from", PageTime.Exact(from)), ("to", PageTime.Exact(to)));

    /// <summary>This page with another stretch.</summary>
    public string Link((DateTimeOffset From, DateTimeOffset To) stretch) => Link(stretch.From, stretch.To);

    /// <summary>The revisions behind one, of the same stretch.</summary>
    public string LinkBehind(long revision) => PageLinks.With(
        PageLinks.Job(Key),
        ("from", Stretch.IsWhole ? null : PageTime.Exact(Stretch.From)),
        ("to", Stretch.IsWhole ? null : PageTime.Exact(Stretch.To)),
        ("behind", revision.ToString(CultureInfo.InvariantCulture)));
}
