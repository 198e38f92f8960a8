using System.Globalization;
using EventStore.Server.Page;
using EventStore.Server.Page.OneJob;
using EventStore.Server.Store.History;

namespace EventStore.Server.Tests.Page;

/// <summary>Where each change stands in the picture of a timeline, how large and in which colour.</summary>
public sealed class The_picture_of_a_timeline
{
    private static readonly DateTimeOffset Begin = new(2026, 11, 23, 0, 0, 0, TimeSpan.Zero);
    private static readonly TimeSlices Seconds = new(Begin, TimeSpan.FromSeconds(1), 100);

    [Fact]
    public void Has_a_box_for_each_of_a_few_revisions_where_its_time_is()
    {
        TimelinePoint[] points =
        [
            Point(2, 0, "alice", "job_created", ChangeKind.Life),
            Point(3, 25, "bob", "job_patched", ChangeKind.Spec, ChangeKind.Metadata),
            Point(4, 100, "alice", "job_deleted", ChangeKind.Life),
        ];

        TimelinePicture picture = TimelinePicture.Of(Counted(points), points);

        Assert.Equal(
            [(2L, 0.0), (4, 99.3), (3, 25), (3, 25)], picture.Marks.Select(mark => (mark.Revision!.Value, Math.Round(mark.Boxes[0].X, 1))));
        Assert.Equal(["who-0", "who-0", "who-1", "who-1"], picture.Marks.Select(mark => mark.Boxes[0].Colour));
        Assert.Equal([("who-0", "alice", 2L), ("who-1", "bob", 2)], picture.Users.Select(user => (user.Colour, user.User, user.Count)));
        Assert.Equal([(0.0, 100.0)], picture.Lives);
    }

    [Fact]
    public void Puts_revisions_of_one_moment_below_each_other_within_their_lane()
    {
        TimelinePoint[] points = [.. Enumerable.Range(2, 4).Select(i => Point(i, 50, "alice", "job_patched", ChangeKind.Spec))];

        TimelineBox[] boxes = [.. TimelinePicture.Of(Counted(points), points).Marks.Select(mark => mark.Boxes[0])];

        Assert.Equal(4, boxes.Select(box => box.Y).Distinct().Count());
        TimelineRow row = TimelinePicture.Rows[1];
        Assert.All(boxes, box => Assert.InRange(box.Y + box.Height, row.Top, row.Top + TimelinePicture.RowHeight));
    }

    [Fact]
    public void Has_a_bar_for_each_slice_of_many_that_grows_with_the_logarithm_and_shows_who()
    {
        TimelineCell[] cells =
        [
            new(0, ChangeKind.Status, "job_status_updated", "operator", 1023, true, 10, 2000),
            new(1, ChangeKind.Status, "job_status_updated", "operator", 21, true, 2001, 2030),
            new(1, ChangeKind.Status, "job_status_updated", "bob", 10, true, 2005, 2020),
            new(99, ChangeKind.Spec, "job_patched", "bob", 1, true, 2100, 2100),
        ];

        TimelinePicture picture = TimelinePicture.Of(
            new JobTimeline(Begin, Begin.AddSeconds(100), Seconds, 1055, cells, true, false), null);

        double bottom = TimelinePicture.Rows[3].Top + TimelinePicture.RowHeight;
        TimelineMark[] status = [.. picture.Marks.Where(mark => mark.Boxes[0].Y > TimelinePicture.Rows[3].Top - 1)];
        Assert.Equal([40.0, 20.0], status.Select(mark => Math.Round(mark.Boxes.Sum(box => box.Height), 1)));
        Assert.All(status, mark => Assert.Equal(bottom, mark.Boxes.Max(box => box.Y + box.Height), 3));
        Assert.Equal(["who-0", "who-1"], status[1].Boxes.Select(box => box.Colour));
        Assert.Equal(21.0 / 31, status[1].Boxes[0].Height / 20, 3);
        Assert.Equal((Begin.AddSeconds(1), Begin.AddSeconds(2)), (status[1].From, status[1].To));
        Assert.Equal(
            "Status: 31 changes from 2026-11-23 00:00:01 UTC to 2026-11-23 00:00:02 UTC, by operator 21, bob 10",
            status[1].Title.ToString());
        // One revision leads to itself and not to a stretch with nothing else in it.
        Assert.Equal([null, null, (long?)2100], picture.Marks.OrderBy(mark => mark.From).Select(mark => mark.Revision));
        Assert.Equal([(0.0, 100.0)], picture.Lives);
    }

    [Fact]
    public void Clips_the_slices_at_both_ends_of_the_stretch()
    {
        TimelineCell[] cells = [.. Enumerable.Range(0, 3).Select(slice => new TimelineCell(
            slice, ChangeKind.Spec, "job_patched", "bob", 9, true, 10 * slice, (10 * slice) + 9))];
        var slices = new TimeSlices(Begin, TimeSpan.FromMinutes(1), 3);

        TimelinePicture picture = TimelinePicture.Of(
            new JobTimeline(Begin.AddSeconds(30), Begin.AddSeconds(120), slices, 27, cells, true, false), null);

        Assert.Equal([(0.0, 30.0), (33.33, 60), (99.7, 0.3)], picture.Marks.Select(
            mark => (Math.Round(mark.Boxes[0].X, 2), Math.Round(mark.Boxes[0].Width, 2))));
        Assert.Equal([(30, 60), (60, 120), (120, 120)], picture.Marks.Select(
            mark => ((int)(mark.From - Begin).TotalSeconds, (int)(mark.To - Begin).TotalSeconds)));
    }

    [Theory]
    [InlineData("2026-11-23T07:58:24.000001Z", "2026-11-23T07:58:24.000001Z", "2026-11-23T07:58:24.000001Z", 1)] // one moment: a slice
    [InlineData("2026-11-23T07:58:24.000003Z", "2026-11-23T07:58:24.000200Z", "2026-11-23T07:58:24.000002Z", 100)] // 2 µs each
    [InlineData("2026-11-23T07:58:24Z", "2026-11-23T08:58:24Z", "2026-11-23T07:58:00.000000Z", 61)] // a minute each
    [InlineData("2026-11-23T07:58:24Z", "2026-11-24T07:58:24Z", "2026-11-23T07:45:00.000000Z", 97)] // a quarter of an hour
    [InlineData("2020-01-01T00:00:00Z", "2026-11-24T00:00:00Z", "2019-12-16T00:00:00.000000Z", 91)] // 28 days
    [InlineData("1970-01-01T00:00:00Z", "9000-01-01T00:00:00Z", null, 90)]
    public void Is_cut_at_round_moments_and_so_at_the_same_ones_when_it_grows(string from, string to, string? begin, int count)
    {
        TimeSlices slices = TimeSlices.Of(At(from), At(to), 100);
        Assert.Equal((begin ?? PageTime.Exact(slices.Begin), count), (PageTime.Exact(slices.Begin), slices.Count));
        Assert.True(slices.Begin <= At(from) && slices.Start(slices.Count) > At(to) && slices.Start(slices.Count - 1) <= At(to));

        static DateTimeOffset At(string time) => DateTimeOffset.Parse(time, CultureInfo.InvariantCulture);
    }

    [Fact]
    public void Says_of_an_estimate_that_it_is_one()
    {
        TimelineCell[] cells = [new(3, ChangeKind.Spec, "job_patched", "bob", 400, false, 2100, 2900)];
        TimelinePicture picture = TimelinePicture.Of(new JobTimeline(Begin, Begin.AddSeconds(100), Seconds, 400, cells, true, false), null);
        Assert.StartsWith("Spec: about 400 changes from ", Assert.Single(picture.Marks).Title.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void Has_seven_colours_for_those_who_changed_most_and_one_for_all_others()
    {
        TimelineCell[] cells = [.. Enumerable.Range(1, 20).Select(i => new TimelineCell(
            i, ChangeKind.Spec, "job_patched", $"user-{i:D2}", i, true, i, i + 1000))];

        TimelinePicture picture = TimelinePicture.Of(new JobTimeline(Begin, Begin.AddSeconds(100), Seconds, 210, cells, true, false), null);

        Assert.Equal(
            ["who-0 user-20 20", "who-1 user-19 19", "who-2 user-18 18", "who-3 user-17 17", "who-4 user-16 16", "who-5 user-15 15",
                "who-6 user-14 14", "who-7 13 others 91"],
            picture.Users.Select(user => string.Create(CultureInfo.InvariantCulture, $"{user.Colour} {user.User} {user.Count}")));
        Assert.Equal("who-7", picture.Marks[0].Boxes[0].Colour);
    }

    [Fact]
    public void Shows_each_incarnation_from_its_creation_to_its_end()
    {
        TimelinePoint[] points =
        [
            Point(2, 10, "alice", "job_deleted", ChangeKind.Life), // it lived when the stretch began
            Point(3, 20, "alice", "job_created", ChangeKind.Life),
            Point(4, 30, "alice", "job_deletion_requested", ChangeKind.Life),
            Point(5, 40, "alice", "job_deleted", ChangeKind.Life),
            Point(6, 90, "alice", "job_created", ChangeKind.Life),
        ];

        TimelinePicture picture = TimelinePicture.Of(Counted(points) with { LivesBefore = true }, points);

        Assert.Equal([(0.0, 10.0), (20, 20), (90, 10)], picture.Lives);
    }

    [Theory]
    [InlineData("2026-11-23T00:00:00Z", "2026-11-23T00:00:03Z", "00:00:00 00:00:01 00:00:02 00:00:03")]
    [InlineData("2026-11-23T00:00:10Z", "2026-11-24T00:00:00Z", "11-23 06:00 11-23 12:00 11-23 18:00 11-24 00:00")]
    [InlineData("2026-11-20T00:00:10Z", "2026-11-24T00:00:00Z", "11-21 11-22 11-23 11-24")]
    [InlineData("2026-01-01T00:00:00Z", "2026-12-31T00:00:00Z", "2026-01-01 2026-04-01 2026-07-01 2026-10-01")]
    [InlineData("1990-06-01T00:00:00Z", "2040-01-01T00:00:00Z", "2000-01-01 2020-01-01 2040-01-01")]
    [InlineData("2026-11-23T00:00:00.001001Z", "2026-11-23T00:00:00.006001Z", "00:00:00.002000 00:00:00.004000 00:00:00.006000")]
    [InlineData("2026-11-23T00:00:00.000010Z", "2026-11-23T00:00:00.000040Z", "00:00:00.000010 00:00:00.000020 00:00:00.000030 00:00:00.000040")]
    public void Is_labelled_at_round_moments(string from, string to, string labels)
    {
        TimelineTick[] ticks = [.. TimelineAxis.Ticks(
            DateTimeOffset.Parse(from, CultureInfo.InvariantCulture), DateTimeOffset.Parse(to, CultureInfo.InvariantCulture))];
        Assert.Equal(labels, string.Join(' ', ticks.Select(tick => tick.Label)));
        Assert.All(ticks, tick => Assert.InRange(tick.X, 0, 100));
    }

    [Fact]
    public void Has_from_one_to_five_labels_however_long_it_is_and_whenever_it_begins()
    {
        var random = new Random(1);
        DateTimeOffset earliest = DateTimeOffset.MinValue, latest = DateTimeOffset.MaxValue;
        for (double length = TimeSpan.TicksPerMicrosecond; length < (latest - earliest).Ticks; length *= 1.05)
        {
            for (int i = 0; i < 20; i++)
            {
                DateTimeOffset from = earliest.AddTicks(random.NextInt64((latest - earliest).Ticks - (long)length)),
                    to = from.AddTicks((long)length);
                TimelineTick[] ticks = [.. TimelineAxis.Ticks(from, to)];
                Assert.True(ticks.Length is >= 1 and <= 5, $"{ticks.Length} from {from:O} to {to:O}");
                Assert.All(ticks, tick => Assert.InRange(tick.Time, from, to));
            }
        }
    }

    [Theory]
    [InlineData("2026-11-23T07:58:24Z", "2026-11-23T07:58:24.000000Z")]
    [InlineData("2026-11-23T07:58", "2026-11-23T07:58:00.000000Z")]
    [InlineData("2026-11-23T07:58:24.5", "2026-11-23T07:58:24.500000Z")]
    [InlineData("2026-11-23T08:58:24.123456+01:00", "2026-11-23T07:58:24.123456Z")]
    [InlineData("2026-11-23", "2026-11-23T00:00:00.000000Z")]
    [InlineData("23.11.2026", null)]
    [InlineData("2026-13-01", null)]
    [InlineData("", null)]
    [InlineData(null, null)]
    public void Is_asked_for_by_moments_in_UTC_unless_they_say_otherwise(string? text, string? exact) =>
        Assert.Equal(exact, PageTime.Read(text) is { } time ? PageTime.Exact(time) : null);

    private static TimelinePoint Point(long number, int seconds, string user, string type, params ChangeKind[] kinds) =>
        new(number, Begin.AddSeconds(seconds), user, type, kinds, new TimelineTitle(
            $"Revision {number}, ", Begin.AddSeconds(seconds), null, ""));

    private static JobTimeline Counted(TimelinePoint[] points)
    {
        IEnumerable<TimelineCell> cells = from point in points
                                          from kind in point.Kinds
                                          select new TimelineCell(0, kind, point.Type, point.User, 1, true, point.Number, point.Number);
        return new JobTimeline(Begin, Begin.AddSeconds(100), Seconds, points.Length, [.. cells], false, false);
    }
}
