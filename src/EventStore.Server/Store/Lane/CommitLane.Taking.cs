using System.Threading.Channels;
using EventStore.Server.Telemetry;

namespace EventStore.Server.Store.Lane;

/// <content>The queue: what is let in, and what a batch takes of it.</content>
public sealed partial class CommitLane
{
    /// <summary>So few commands are not divided: what a commit costs however little it carries would be paid twice.</summary>
    private const int UndividedMax = 16;

    private readonly Channel<QueuedCommand> queue;
    private int admitted; // and are in the queue, or will be when their job has been read
    private long admittedBytes;
    private int answered;

    /// <summary>Counts the command among those that wait, if there is room for it.</summary>
    private bool Admit(QueuedCommand queued)
    {
        Signals.QueueLength.Add(1);
        bool hasRoom = Interlocked.Increment(ref admitted) <= limits.QueueLength;
        if (Interlocked.Add(ref admittedBytes, queued.WeightBytes) <= limits.QueueBytes && hasRoom)
            return true;
        Dismiss(queued);
        return false;
    }

    private void Dismiss(QueuedCommand queued)
    {
        Interlocked.Decrement(ref admitted);
        Interlocked.Add(ref admittedBytes, -queued.WeightBytes);
        Signals.QueueLength.Add(-1);
    }

    private ValueTask<bool> WaitForCommands()
    {
        if (queue.Reader.Count == 0)
            answers.Send(); // there is no next batch for them to wait for
        return queue.Reader.WaitToReadAsync();
    }

    private void TakeWaiting(List<QueuedCommand> commands)
    {
        int most = Math.Min(limits.BatchLength, ShareOf(commands.Count + queue.Reader.Count, answered));
        long bytes = commands.Sum(command => (long)command.WeightBytes);
        while (commands.Count < most && bytes < limits.BatchBytes && queue.Reader.TryRead(out QueuedCommand? queued))
        {
            Dismiss(queued);
            if (!queued.TryTake())
                continue;
            bytes += queued.WeightBytes;
            commands.Add(queued);
        }
    }

    /// <summary>
    /// How many commands the next batch takes: half of what is under way, which is what waits and what was answered last, for whoever was
    /// is likely to ask again. Without it batches are long and short in turn, and behind a long one everybody waits for the database, and
    /// then it for them.
    /// </summary>
    internal static int ShareOf(int waiting, int answered) => Math.Max((waiting + answered + 1) / 2, UndividedMax);
}
