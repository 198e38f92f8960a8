using System.Threading.Channels;
using EventStore.Server.Telemetry;

namespace EventStore.Server.Store.Lane;

/// <summary>
/// The bounded queue before the lane (back-pressure: a command that does not fit is answered 429), and the choice of what the next
/// batch takes. Any thread may add commands; all other methods are for the lane only.
/// </summary>
/// <remarks>
/// There are two queues, light and heavy commands, served in turn. So a patch of a small job waits for at most one batch of large jobs.
/// </remarks>
internal sealed class LaneQueue(LaneLimits limits)
{
    /// <summary>The most commands that are not divided into two batches: the fixed cost of a commit would be paid twice.</summary>
    private const int UndividedMax = 16;

    private readonly Channel<QueuedCommand> entrance =
        Channel.CreateBounded<QueuedCommand>(new BoundedChannelOptions(limits.QueueLength) { SingleReader = true });

    private readonly Line light = new();
    private readonly Line heavy = new();
    private readonly Stack<List<QueuedCommand>> apart = new();
    private int admitted; // commands in the queue, or on their way to it while their job is read
    private long admittedBytes;
    private long earlyBytes;
    private bool heavyWasLast;
    private bool apartWasLast;

    private bool HasWaiting => apart.Count + light.Count + heavy.Count > 0;

    /// <summary>Admits a command to the queue, if there is room.</summary>
    public bool TryAdmit(QueuedCommand queued)
    {
        Signals.QueueLength.Add(1);
        bool hasRoom = Interlocked.Increment(ref admitted) <= limits.QueueLength;
        if (Interlocked.Add(ref admittedBytes, queued.BodyBytes) <= limits.QueueBytes && hasRoom)
            return true;
        Dismiss(queued);
        return false;
    }

    /// <summary>Frees the room of a command that was admitted and waits no longer.</summary>
    public void Dismiss(QueuedCommand queued)
    {
        Interlocked.Decrement(ref admitted);
        Interlocked.Add(ref admittedBytes, -queued.BodyBytes);
        Interlocked.Add(ref earlyBytes, -queued.EarlyBytes);
        queued.EarlyBytes = 0;
        Signals.QueueLength.Add(-1);
    }

    /// <summary>Stores the early decision of an admitted command, if there is room; else the command waits undecided.</summary>
    public void Keep(QueuedCommand queued, DecidedCommand decided)
    {
        long bytes = decided.HeldBytes;
        if (Interlocked.Add(ref earlyBytes, bytes) <= limits.EarlyBytes)
            (queued.Early, queued.EarlyBytes) = (decided, bytes);
        else
            Interlocked.Add(ref earlyBytes, -bytes);
    }

    /// <summary>Enqueues an admitted command; false once the queue is closed.</summary>
    public bool TryEnter(QueuedCommand queued) => entrance.Writer.TryWrite(queued);

    /// <summary>Closes the queue to new commands.</summary>
    public void Close() => entrance.Writer.TryComplete();

    /// <summary>Waits until there is a command; false if the queue is closed and empty.</summary>
    public Task<bool> Wait() => HasWaiting ? Task.FromResult(true) : entrance.Reader.WaitToReadAsync().AsTask();

    /// <summary>Takes the next batch. It is empty if the clients of all waiting commands have left.</summary>
    /// <param name="answered">How many commands the last batch answered.</param>
    public List<QueuedCommand> Take(int answered)
    {
        apartWasLast = apart.TryPop(out List<QueuedCommand>? group);
        if (apartWasLast)
            return group!;
        while (entrance.Reader.TryRead(out QueuedCommand? entered))
            LineOf(entered).Waiting.Enqueue(entered);
        heavyWasLast = heavy.Count > 0 && (light.Count == 0 || !heavyWasLast);
        Line line = heavyWasLast ? heavy : light;
        int most = Math.Min(limits.BatchLength, ShareOf(line.Count, answered));
        var taken = new List<QueuedCommand>(Math.Min(most, line.Count));
        for (long bytes = 0; taken.Count < most && bytes < limits.BatchBytes && Next(line) is { } queued; bytes += queued.WorkBytes)
            taken.Add(queued);
        return taken;
    }

    /// <summary>
    /// Puts back the last batch that <see cref="Take"/> returned, to be decided again. A batch apart stays apart: otherwise a command that
    /// makes every batch fail would be among others again.
    /// </summary>
    public void PutBack(List<QueuedCommand> commands)
    {
        if (!apartWasLast)
            Return(commands);
        else if (commands.Count > 0)
            apart.Push(commands);
    }

    /// <summary>Puts commands that must be decided again at the front of the queue.</summary>
    public void Return(IEnumerable<QueuedCommand> commands)
    {
        foreach (QueuedCommand queued in commands)
            LineOf(queued).Returned.Enqueue(queued);
    }

    /// <summary>Makes commands a batch apart: the next one, with no others in it.</summary>
    public void ReturnApart(List<QueuedCommand> commands) => apart.Push(commands);

    /// <summary>
    /// How many commands the next batch takes: half of the requests in flight, which are those that wait and those just answered,
    /// whose clients will probably ask again. With all of them, long and short batches would alternate, and either the database or
    /// the clients would idle.
    /// </summary>
    internal static int ShareOf(int waiting, int answered) => Math.Max((waiting + answered + 1) / 2, UndividedMax);

    private Line LineOf(QueuedCommand queued) => queued.WorkBytes >= limits.HeavyBytes ? heavy : light;

    private QueuedCommand? Next(Line line)
    {
        if (line.Returned.TryDequeue(out QueuedCommand? queued))
            return queued;
        while (line.Waiting.TryDequeue(out queued))
        {
            Dismiss(queued);
            if (queued.TryTake())
                return queued;
        }

        return null;
    }

    private sealed class Line
    {
        public Queue<QueuedCommand> Returned { get; } = new();

        public Queue<QueuedCommand> Waiting { get; } = new();

        public int Count => Returned.Count + Waiting.Count;
    }
}
