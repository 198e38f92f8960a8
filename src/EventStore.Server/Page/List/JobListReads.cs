using System.Globalization;
using System.Runtime.CompilerServices;
using EventStore.Domain.Jobs;
using EventStore.Domain.Json;
using EventStore.Server.Jobs;
using EventStore.Server.Store.Format;
using EventStore.Server.Store.History;
using EventStore.Server.Store.Reads;

namespace EventStore.Server.Page.List;

/// <summary>Reads a page of jobs. It looks at a bounded number of them: a filter that fits few leads on, page by page.</summary>
internal sealed class JobListReads(JobReads jobs, RevisionReads revisions)
{
    /// <summary>How many jobs a page has at most.</summary>
    public const int PageLength = 50;

    private const int LookedAtMax = 20_000;
    private const int PieceLength = 64; // whose last changes are looked up together

    /// <summary>The living jobs.</summary>
    /// <param name="question">Which.</param>
    /// <param name="withUsers">Whether the users of the last changes are read too.</param>
    /// <param name="stop">Cancels the read.</param>
    public async Task<JobListModel> Living(JobQuestion question, bool withUsers, CancellationToken stop)
    {
        await using ListTransaction list = await jobs.BeginShownList(isAny: false, stop);
        var rows = new List<JobRow>();
        var piece = new List<JobRow>();
        var scan = new Scan();
        await foreach (JobRow row in Rows(list, question, scan, stop))
        {
            piece.Add(row);
            if (piece.Count < PieceLength && rows.Count + piece.Count <= PageLength)
                continue;
            await Take(piece);
            if (rows.Count > PageLength)
                break;
        }

        if (rows.Count <= PageLength)
            await Take(piece);
        bool isFull = rows.Count > PageLength;
        JobRow[] shown = [.. rows.Take(PageLength)];
        JobKey? last = isFull ? shown[^1].Key : scan.BrokenOffAt;
        return new JobListModel(question, shown, last is { } key ? $"{key.Namespace}/{key.Name}" : null, list.Head)
        {
            LookedEnough = !isFull && scan.BrokenOffAt is not null,
        };

        async Task Take(List<JobRow> found)
        {
            rows.AddRange(
                (withUsers ? await WithUsers(found, stop) : found).Where(row => question.By.Length == 0 || row.By == question.By));
            found.Clear();
        }
    }

    /// <summary>The deleted jobs, the latest deletion first: what the history knows of them.</summary>
    public async Task<JobListModel> Deleted(JobQuestion question, CancellationToken stop)
    {
        long head = await jobs.Head(stop);
        RevisionQuery query = new RevisionQuery { Last = Math.Min(head, question.Behind - 1 ?? head) }
            .And(new RevisionCondition(RevisionField.Event, true, [EventCodec.Deleted]));
        if (question.Namespace is { } @namespace)
            query = query.And(new RevisionCondition(RevisionField.Namespace, true, [@namespace]));
        if (question.By.Length > 0)
            query = query.And(new RevisionCondition(RevisionField.User, true, [question.By]));
        if (question.ChangedSince is { } since)
            query = query with { First = await revisions.FirstSince(since, stop) };
        var rows = new List<JobRow>();
        (long? next, int looked) = (null, 0);
        await foreach (RevisionStep step in revisions.List(query, LookedAtMax, stop))
        {
            bool isFull = rows.Count == PageLength || ++looked > DeletedLookedAtMax;
            if (isFull || step.Revision is null)
            {
                next = isFull ? next : step.Bound;
                return Page(question, rows, next, head);
            }

            next = step.Bound;
            if (step.Revision is { } revision && await Row(revision, question, stop) is { } row)
                rows.Add(row);
        }

        return Page(question, rows, null, head);
    }

    private const int DeletedLookedAtMax = 500; // each is read as it last stood

    private static JobListModel Page(JobQuestion question, List<JobRow> rows, long? next, long head) =>
        new(question, rows, next?.ToString(CultureInfo.InvariantCulture),
            head)
        { LookedEnough = next is not null && rows.Count < PageLength };

    private async Task<JobRow?> Row(Revision deletion, JobQuestion question, CancellationToken stop)
    {
        StoredJob last = await revisions.JobAfter(deletion, stop);
        JobRow row = RowOf(last) with { By = deletion.Origin.User };
        return question.Selection.Covers(last) && question.Covers(row) ? row : null;
    }

    private static async IAsyncEnumerable<JobRow> Rows(
        ListTransaction list, JobQuestion question, Scan scan, [EnumeratorCancellation] CancellationToken stop)
    {
        JobRange range = question.Selection.Range with { Behind = question.AfterKey };
        int looked = 0;
        await foreach (StoredJob job in list.List(range, list.Head, stop))
        {
            if (question.Selection.Covers(job) && RowOf(job) is var row && question.Covers(row))
                yield return row;
            if (++looked == LookedAtMax)
            {
                scan.BrokenOffAt = job.Key;
                yield break;
            }
        }
    }

    private static JobRow RowOf(StoredJob job)
    {
        JsonValue manifest = JsonReading.Parse(job.Utf8.Span);
        DateTimeOffset? created = manifest.Member("metadata")?.Member("creationTimestamp") is JsonText text
            && DateTimeOffset.TryParse(text.Value, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out DateTimeOffset time)
                ? time
                : null;
        return new JobRow(job.Key, JobTable.StateOf(manifest), created, job.Revision, job.Time);
    }

    private async Task<IReadOnlyList<JobRow>> WithUsers(List<JobRow> rows, CancellationToken stop)
    {
        IReadOnlyDictionary<long, string> users = await revisions.Users([.. rows.Select(row => row.Revision)], stop);
        return rows.ConvertAll(row => row with { By = users.GetValueOrDefault(row.Revision) });
    }

    private sealed class Scan
    {
        public JobKey? BrokenOffAt { get; set; }
    }
}
