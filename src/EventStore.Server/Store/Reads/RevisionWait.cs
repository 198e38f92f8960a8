using System.Diagnostics;
using EventStore.Server.Store.Format;

namespace EventStore.Server.Store.Reads;

/// <summary>Waits until a revision is reached that a client has seen elsewhere, for example at another server.</summary>
public static class RevisionWait
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(3); // upstream's
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(50);

    /// <summary>Waits, for at most three seconds as upstream does, until the store has reached the revision.</summary>
    /// <returns>Null if it has; else why not. It does not wait for a revision that is known to be lost or skipped.</returns>
    public static async Task<MissingRevision?> WaitFor(this JobReads reads, long revision, CancellationToken stop)
    {
        long started = Stopwatch.GetTimestamp();
        while (true)
        {
            long head = await reads.Head(stop);
            if (reads.Lacking(revision) is { } epoch)
                return new MissingRevision(revision, head, epoch.Number);
            if (head >= revision)
                return null;
            if (Stopwatch.GetElapsedTime(started) >= Patience)
                return new MissingRevision(revision, head, null);
            await Task.Delay(Pause, stop);
        }
    }
}
