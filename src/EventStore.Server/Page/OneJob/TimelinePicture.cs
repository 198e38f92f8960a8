using System.Globalization;
using EventStore.Server.Store.History;

namespace EventStore.Server.Page.OneJob;

/// <summary>A row of the picture.</summary>
/// <param name="Kind">What its changes are about.</param>
/// <param name="Label">The same for people.</param>
/// <param name="Top">Where it begins, in pixels.</param>
public sealed record TimelineRow(ChangeKind Kind, string Label, double Top);

/// <summary>A part of a mark in one user's colour. X and width are in percent of the picture, y and height in pixels.</summary>
public readonly record struct TimelineBox(double X, double Y, double Width, double Height, string Colour);

/// <summary>Something to point at: one revision, or the changes of one slice.</summary>
/// <param name="Boxes">What is drawn.</param>
/// <param name="Title">What it says when pointed at.</param>
/// <param name="Revision">The one revision it stands for; null for several.</param>
/// <param name="From">Where the slice begins.</param>
/// <param name="To">Where it ends.</param>
public sealed record TimelineMark(
    IReadOnlyList<TimelineBox> Boxes, TimelineTitle Title, long? Revision, DateTimeOffset From, DateTimeOffset To);

/// <summary>What a mark says when pointed at: a sentence with a moment in it, or with a stretch of time.</summary>
/// <param name="Before">The sentence up to the moment.</param>
/// <param name="From">The moment, or where the stretch begins.</param>
/// <param name="To">Where the stretch ends; null for a moment.</param>
/// <param name="After">The rest of the sentence.</param>
public sealed record TimelineTitle(string Before, DateTimeOffset From, DateTimeOffset? To, string After)
{
    /// <inheritdoc/>
    public override string ToString() =>
        $"{Before}{PageTime.Utc(From)}{(To is { } end ? $" to {PageTime.Utc(end)}" : "")}{After}";
}

/// <summary>A user and a colour.</summary>
/// <param name="Colour">The colour's class; several users share the last one.</param>
/// <param name="User">The user, or how many others there are.</param>
/// <param name="Count">How many changes.</param>
/// <param name="AreOthers">Whether these are the users who share the last colour.</param>
public sealed record TimelineUser(string Colour, string User, long Count, bool AreOthers = false);

/// <summary>A revision as it stands in a timeline: no more of it is kept, however large its event is.</summary>
/// <param name="Number">The revision.</param>
/// <param name="Time">When it was committed.</param>
/// <param name="User">Who did it.</param>
/// <param name="Type">The stored name of its event.</param>
/// <param name="Kinds">Its rows.</param>
/// <param name="Title">What it says when pointed at.</param>
public sealed record TimelinePoint(
    long Number, DateTimeOffset Time, string User, string Type, IReadOnlyList<ChangeKind> Kinds, TimelineTitle Title);

/// <summary>A moment on the axis.</summary>
public readonly record struct TimelineTick(double X, string Label, string Anchor, DateTimeOffset Time);

/// <summary>
/// A timeline as it is drawn: time from left to right, a row for each kind of change, a colour for each user. A few revisions are a box
/// each. Of many, each slice is a bar whose height grows with the logarithm of their number, so that a single change beside a thousand is
/// seen too.
/// </summary>
/// <param name="Marks">What is drawn, row by row and from left to right.</param>
/// <param name="Lives">The incarnations: where each begins and ends, in percent.</param>
/// <param name="Users">The legend.</param>
/// <param name="Ticks">The axis.</param>
public sealed record TimelinePicture(
    IReadOnlyList<TimelineMark> Marks, IReadOnlyList<(double X, double Width)> Lives, IReadOnlyList<TimelineUser> Users,
    IReadOnlyList<TimelineTick> Ticks)
{
    /// <summary>Up to so many revisions each is a mark of its own.</summary>
    public const int EachMax = 200;

    /// <summary>Into how many slices a stretch is cut at most.</summary>
    public const int Slices = 100;

    /// <summary>How high the picture is.</summary>
    public const double Height = FirstTop + (4 * RowStep);

    /// <summary>How high a row is.</summary>
    public const double RowHeight = 40;

    private const double FirstTop = 20;
    private const double RowStep = RowHeight + 22;
    private const double BoxWidth = 0.7;
    private const double BoxHeight = 10;
    private const double BarHeightMin = 3;
    private const double BarWidthMin = 0.3; // a slice of which the stretch has little
    private const int Levels = 4;
    private const int Colours = 8;
    private const int NamedMax = 5;
    private const int UserLengthMax = RevisionText.UserLengthMax;

    /// <summary>The rows, from top to bottom.</summary>
    public static IReadOnlyList<TimelineRow> Rows { get; } =
    [
        new(ChangeKind.Life, "Created and deleted", FirstTop + 16),
        new(ChangeKind.Spec, "Spec", FirstTop + RowStep + 16),
        new(ChangeKind.Metadata, "Labels and annotations", FirstTop + (2 * RowStep) + 16),
        new(ChangeKind.Status, "Status", FirstTop + (3 * RowStep) + 16),
    ];

    /// <summary>Draws.</summary>
    /// <param name="timeline">The counts.</param>
    /// <param name="each">The revisions themselves, the oldest first, when there are few; else null.</param>
    public static TimelinePicture Of(JobTimeline timeline, IReadOnlyList<TimelinePoint>? each)
    {
        List<TimelineUser> users = Legend(timeline);
        Dictionary<string, string> colours = users.Where(user => !user.AreOthers).ToDictionary(user => user.User, user => user.Colour);
        string ColourOf(string user) => colours.GetValueOrDefault(user, Colour(Colours - 1));
        return new TimelinePicture(
            [.. each is null ? Bars(timeline, ColourOf) : Boxes(timeline, each, ColourOf)],
            [.. Lifetimes(each is null ? Turns(timeline) : Turns(timeline, each), timeline.LivesBefore)],
            users,
            [.. TimelineAxis.Ticks(timeline.From, timeline.To)]);
    }

    private static string Colour(int place) => string.Create(CultureInfo.InvariantCulture, $"who-{place}");

    /// <summary>Assigns colours by the number of changes, the most first. All users behind the seventh share one.</summary>
    private static List<TimelineUser> Legend(JobTimeline timeline)
    {
        (string User, long Count)[] all = [.. timeline.Cells
            .GroupBy(cell => cell.User, (user, cells) => (User: user, Count: cells.Sum(cell => cell.Count)))
            .OrderByDescending(user => user.Count).ThenBy(user => user.User, StringComparer.Ordinal)];
        int named = all.Length <= Colours ? all.Length : Colours - 1;
        var legend = all.Take(named).Select((user, place) => new TimelineUser(Colour(place), user.User, user.Count)).ToList();
        if (all.Length > named)
        {
            long count = all.Skip(named).Sum(user => user.Count);
            legend.Add(new TimelineUser(Colour(Colours - 1), $"{all.Length - named} others", count, AreOthers: true));
        }

        return legend;
    }

    private static IEnumerable<TimelineMark> Bars(JobTimeline timeline, Func<string, string> colour)
    {
        var bars = timeline.Cells.GroupBy(cell => (cell.Kind, cell.Slice)).ToDictionary(bar => bar.Key, bar => bar.ToList());
        double highest = Math.Log2(1 + bars.Values.Max(bar => bar.Sum(cell => cell.Count)));
        foreach (TimelineRow row in Rows)
        {
            for (int place = 0; place < timeline.Slices.Count; place++)
            {
                if (!bars.TryGetValue((row.Kind, place), out List<TimelineCell>? cells))
                    continue;
                long count = cells.Sum(cell => cell.Count);
                double height = Math.Max(BarHeightMin, RowHeight * Math.Log2(1 + count) / highest);
                (DateTimeOffset from, DateTimeOffset to) = Bounds(timeline, place);
                double x = Place(timeline, from), width = Math.Max(BarWidthMin, (Place(timeline, to) - x) * 0.9);
                x = Math.Min(x, 100 - width);
                long? only = cells is [{ Count: 1 } one] && one.First == one.Last ? one.First : null;
                TimelineBox[] boxes = [.. Stacked(cells, colour, x, width, row.Top + RowHeight, height / count)];
                yield return new TimelineMark(boxes, Describe(row, cells, count, from, to), only, from, to);
            }
        }
    }

    private static IEnumerable<TimelineBox> Stacked(
        List<TimelineCell> cells, Func<string, string> colour, double x, double width, double bottom, double each)
    {
        foreach (var part in cells.GroupBy(cell => colour(cell.User)).OrderBy(part => part.Key, StringComparer.Ordinal))
        {
            double height = each * part.Sum(cell => cell.Count);
            bottom -= height;
            yield return new TimelineBox(x, bottom, width, height, part.Key);
        }
    }

    private static TimelineTitle Describe(TimelineRow row, List<TimelineCell> cells, long count, DateTimeOffset from, DateTimeOffset to)
    {
        var users = cells.GroupBy(cell => cell.User, (user, of) => (User: user, Count: of.Sum(cell => cell.Count)))
            .OrderByDescending(user => user.Count).ToList();
        string who = string.Join(", ", users.Take(NamedMax).Select(
            user => string.Create(CultureInfo.InvariantCulture, $"{RevisionText.Clip(user.User, UserLengthMax)} {user.Count:N0}")));
        string more = users.Count > NamedMax ? $" and {users.Count - NamedMax} more" : "";
        string about = cells.All(cell => cell.Exact) ? "" : "about ";
        string noun = count == 1 ? "change" : "changes";
        string what = string.Create(CultureInfo.InvariantCulture, $"{row.Label}: {about}{count:N0} {noun} from ");
        return new TimelineTitle(what, from, to, $", by {who}{more}");
    }

    private static IEnumerable<TimelineMark> Boxes(JobTimeline timeline, IReadOnlyList<TimelinePoint> each, Func<string, string> colour)
    {
        foreach (TimelineRow row in Rows)
        {
            double[] ends = [.. Enumerable.Repeat(double.MinValue, Levels)]; // up to where each level of the row is taken
            foreach (TimelinePoint point in each.Where(point => point.Kinds.Contains(row.Kind)))
            {
                double x = Math.Min(Place(timeline, point.Time), 100 - BoxWidth);
                int level = Math.Max(0, Array.FindIndex(ends, end => end <= x));
                ends[level] = x + BoxWidth;
                var box = new TimelineBox(x, row.Top + (level * BoxHeight), BoxWidth, BoxHeight - 1, colour(point.User));
                yield return new TimelineMark([box], point.Title, point.Number, point.Time, point.Time);
            }
        }
    }

    /// <summary>As much of a slice as the stretch has.</summary>
    private static (DateTimeOffset From, DateTimeOffset To) Bounds(JobTimeline timeline, int slice)
    {
        (DateTimeOffset from, DateTimeOffset to) = (timeline.Slices.Start(slice), timeline.Slices.Start(slice + 1));
        return (from < timeline.From ? timeline.From : from, to > timeline.To ? timeline.To : to);
    }

    private static double Place(JobTimeline timeline, DateTimeOffset time) =>
        Math.Clamp(100.0 * (time - timeline.From).Ticks / (timeline.To - timeline.From).Ticks, 0, 100);

    /// <summary>Where a job came or went, from the revisions themselves.</summary>
    private static IEnumerable<(double X, bool Begins)> Turns(JobTimeline timeline, IReadOnlyList<TimelinePoint> each) => each
        .Select(point => (X: Place(timeline, point.Time), Begins: RevisionText.Begins(point.Type)))
        .Where(turn => turn.Begins is not null).Select(turn => (turn.X, turn.Begins!.Value));

    /// <summary>The same to the slice: of several of one type in a slice the first and the last.</summary>
    private static IEnumerable<(double X, bool Begins)> Turns(JobTimeline timeline) => timeline.Cells
        .Where(cell => RevisionText.Begins(cell.Type) is not null)
        .SelectMany(cell => new[] { cell.First, cell.Last }.Distinct(), (cell, revision) => (cell, revision))
        .OrderBy(turn => turn.revision)
        .Select(turn => (
            Place(timeline, timeline.Slices.Start(turn.cell.Slice) + (timeline.Slices.Width / 2)),
            RevisionText.Begins(turn.cell.Type)!.Value));

    private static IEnumerable<(double X, double Width)> Lifetimes(IEnumerable<(double X, bool Begins)> turns, bool lives)
    {
        double? since = lives ? 0 : null;
        foreach ((double x, bool begins) in turns)
        {
            if (since is { } start)
                yield return (start, x - start);
            since = begins ? x : null;
        }

        if (since is { } last)
            yield return (last, 100 - last);
    }
}
