using EventStore.Domain.Json;
using EventStore.Domain.Manifests;
using EventStore.Server.Resources;
using EventStore.Server.Store.Activities;
using EventStore.Server.Store.Format;
using EventStore.Server.Store.History;
using EventStore.Server.Store.Reads;

namespace EventStore.Server.Page.Changes;

/// <summary>Reads a page of changes, as the list of revisions does, and the counts of the chart.</summary>
internal sealed class ChangeReads(JobReads jobs, RevisionReads revisions)
{
    private const int PageLength = 50;
    private const int ChangesShown = 3;
    private const int ValueLengthMax = 60;
    private const int Days = 30;
    private const int Slots = 30;
    private const int DaysMax = 366;

    /// <summary>The page.</summary>
    public async Task<ChangeListModel> Page(ChangeQuestion question, CancellationToken stop)
    {
        long head = await jobs.Head(stop);
        RevisionQuery query = question.Query with { Last = Math.Min(head, question.Before - 1 ?? head) };
        if (question.From is { } from)
            query = query with { First = await revisions.FirstSince(from, stop) };
        if (question.To is { } to)
            query = query with { Last = Math.Min(query.Last, await revisions.FirstSince(to, stop) - 1) };
        var rows = new List<ListedRevision>();
        long? next = null;
        await foreach (RevisionStep step in revisions.List(query, PageLength + 1, stop))
        {
            if (step.Revision is null || rows.Count == PageLength)
            {
                next = step.Revision is null ? step.Bound : rows[^1].Number;
                break;
            }

            rows.Add(Row(step.Revision));
        }

        return new ChangeListModel(question, rows, next, head) { Bars = OfRows(rows), About = "the changes on this page" };
    }

    /// <summary>The chart from what has been counted of all changes, by day.</summary>
    public static async Task<ChangeListModel> WithDays(
        ChangeListModel model, ActivityReads activity, DateTimeOffset now, CancellationToken stop)
    {
        ChangeQuestion question = model.Question;
        var today = DateOnly.FromDateTime(now.UtcDateTime);
        int lastNumber = (question.To is { } to ? DateOnly.FromDateTime(to.UtcDateTime) : today).DayNumber;
        var last = DateOnly.FromDayNumber(Math.Clamp(lastNumber, DaysMax, DateOnly.MaxValue.DayNumber - 1));
        DateOnly first = question.From is { } from ? DateOnly.FromDateTime(from.UtcDateTime) : last.AddDays(1 - Days);
        first = DateOnly.FromDayNumber(Math.Max(first.DayNumber, last.DayNumber - DaysMax + 1));
        var query = new ActivityQuery(question.Namespace, first, last.AddDays(1), [nameof(DailyActivity.Day)])
        {
            UserName = Asked(question.User),
            Type = Asked(question.Verb) is { } verb ? RevisionVerbs.EventName(verb) : null,
            Field = Asked(question.Path),
        };
        IReadOnlyList<ActivityCount> counts = await activity.Counts(query, DaysMax, stop);
        var byDay = counts.ToDictionary(count => count.Day, count => count.Count);
        Bar[] bars = [.. Enumerable.Range(0, Math.Max(0, last.DayNumber - first.DayNumber + 1)).Select(first.AddDays)
            .Select(day => new Bar(Midnight(day), Midnight(day.AddDays(1)), byDay.GetValueOrDefault(day)))];
        return model with { Bars = bars, About = "all changes by day (UTC)" };
    }

    private static ListedRevision Row(Revision revision)
    {
        IReadOnlyList<Change> changes = Domain.History.Changes.Of(revision.Event);
        FieldChange[] shown = [.. changes.Take(ChangesShown)
            .Select(change => new FieldChange(Clip(change.Path.ToString()), Clip(change.Before), Clip(change.After)))];
        return ListedRevision.Of(revision, new ShownChanges(shown, changes.Count - shown.Length));
    }

    /// <summary>Slots of equal length between the first change and the last.</summary>
    private static Bar[] OfRows(List<ListedRevision> rows)
    {
        if (rows.Count < 2)
            return [];
        (DateTimeOffset first, DateTimeOffset last) = (rows.Min(row => row.Time), rows.Max(row => row.Time));
        double slot = Math.Max(1, (last - first).Ticks / (double)Slots);
        int[] counts = new int[Slots];
        foreach (ListedRevision row in rows)
            counts[Math.Min(Slots - 1, (int)((row.Time - first).Ticks / slot))]++;
        return [.. counts.Select((count, i) => new Bar(first.AddTicks((long)(i * slot)), first.AddTicks((long)((i + 1) * slot)), count))];
    }

    private static string? Asked(string text) => text.Length > 0 ? text : null;

    private static DateTimeOffset Midnight(DateOnly day) => new(day, TimeOnly.MinValue, TimeSpan.Zero);

    private static string? Clip(JsonValue? value) => value is null ? null : Clip(value is JsonText text ? text.Value : value.ToString()!);

    private static string Clip(string text) => text.Length <= ValueLengthMax ? text : text.CutTo(ValueLengthMax) + "…";
}
