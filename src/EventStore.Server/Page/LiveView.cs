using EventStore.Server.Store.History;

namespace EventStore.Server.Page;

/// <summary>The open pages that show the same. They are notified together when it may have changed.</summary>
internal sealed class LiveView(string name, Func<ChangedJob, bool> concerns)
{
    private readonly Lock gate = new();
    private TaskCompletionSource<long> next = New();
    private long changed;

    /// <summary>The question it answers.</summary>
    public string Name => name;

    /// <summary>How many pages show it.</summary>
    public int Streams { get; set; }

    /// <summary>Whether the view may look different after this change.</summary>
    public bool Concerns(ChangedJob change) => concerns(change);

    /// <summary>Waits for a change behind the last one seen; its revision.</summary>
    public Task<long> ChangedSince(long seen)
    {
        lock (gate)
            return changed > seen ? Task.FromResult(changed) : next.Task;
    }

    /// <summary>Notifies all streams that wait for a change.</summary>
    public void Notify(long revision)
    {
        TaskCompletionSource<long> waiting;
        lock (gate)
            (changed, waiting, next) = (revision, next, New());
        waiting.SetResult(revision);
    }

    private static TaskCompletionSource<long> New() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
