using EventStore.Domain.Jobs;
using EventStore.Server.Store.Format;

namespace EventStore.Server.Store.Proof;

/// <summary>An event with what the fold needs.</summary>
internal sealed record LoggedEvent(Guid Stream, long Version, long Revision, DateTime Time, string Type, string Data);

/// <summary>An incarnation during and after the fold of its events.</summary>
internal sealed class ReplayedStream(Guid uid)
{
    private const int BatchMax = 256;

    private readonly Queue<Job> unseen = new();
    private readonly TouchedSince touched = new();

    public Guid Uid => uid;

    /// <summary>Its name in findings.</summary>
    public string Name => Row is null ? $"{uid}" : $"{Row.Namespace}/{Row.Name} ({uid})";

    /// <summary>The job after the events folded so far.</summary>
    public Job? Job { get; private set; }

    /// <summary>The number of events.</summary>
    public long Events { get; private set; }

    /// <summary>When the first event was committed.</summary>
    public DateTime Born { get; private set; }

    /// <summary>When the last event was committed.</summary>
    public DateTime Time { get; private set; }

    /// <summary>Why the events cannot be folded; null if they can. <see cref="Revision"/> says where.</summary>
    public string? Problem { get; private set; }

    /// <summary>The revision of the last event, or of the one that cannot be folded.</summary>
    public long Revision { get; private set; }

    /// <summary>The row that its events give; null if there is a <see cref="Problem"/>.</summary>
    public CurrentJob? Row { get; private set; }

    /// <summary>Snapshots that differ from the fold, without their texts.</summary>
    public List<SnapshotRow> WrongSnapshots { get; } = [];

    /// <summary>The job at each version where the SQL function that appends writes a snapshot and there is none.</summary>
    public List<Job> MissingSnapshots { get; } = [];

    public void Add(LoggedEvent happened)
    {
        Events++;
        if (Problem is not null)
            return;
        Revision = happened.Revision;
        if (happened.Version != Events)
            Problem = $"event {Events} is missing: the next one, of revision {happened.Revision}, is number {happened.Version}";
        else if (happened.Revision <= Job?.Revision)
            Problem = $"event {happened.Version} has revision {happened.Revision}, lower than the event before it";
        else
            Evolve(happened);
    }

    /// <summary>Compares a stored snapshot with the fold at its version.</summary>
    public void Compare(SnapshotRow snapshot)
    {
        if (Problem is not null)
            return;
        if (Job is null || snapshot.Version != Job.Version || snapshot.Revision != Job.Revision || !Shows(snapshot.Text, Job)
            || !touched.Holds(snapshot))
        {
            WrongSnapshots.Add(snapshot with { Text = string.Empty }); // many may have to wait
            return;
        }

        while (unseen.TryPeek(out Job? place) && place.Version <= snapshot.Version)
        {
            if (snapshot.Version >= place.Version + BatchMax)
                MissingSnapshots.Add(place);
            unseen.Dequeue();
        }
    }

    /// <summary>Ends the fold: there are no more events.</summary>
    public void Finish()
    {
        MissingSnapshots.AddRange(unseen);
        if (Problem is not null)
            return;
        if (Job!.Uid != uid)
            Problem = $"its events give no job: its first event is that of {Job.Uid}";
        else
            Show();
    }

    private static bool Shows(string text, Job job) => text == JobText.StringOf(job) || JobText.IsFormerRow(text, job);

    private void Evolve(LoggedEvent happened)
    {
        try
        {
            JobEvent read = EventCodec.Read(happened.Type, happened.Data);
            Job = Job.Evolve(Job, read, happened.Revision);
            touched.Add(read, happened.Revision);
            Born = Events == 1 ? happened.Time : Born;
            Time = happened.Time;
            if (Events % SnapshotRow.Every == 0)
                unseen.Enqueue(Job);
        }
        catch (Exception e) // a damaged event may throw anything; its revision must be reported
        {
            Problem = $"the event of revision {happened.Revision} cannot be read: {OneLine(e)}";
        }
    }

    private void Show()
    {
        try
        {
            Row = CurrentJob.Of(Job!);
        }
        catch (Exception e) // a damaged event may also leave what can be folded and not be shown
        {
            Problem = $"its events give no job: {OneLine(e)}";
        }
    }

    private static string OneLine(Exception e) => e.Message.ReplaceLineEndings(" ");
}
