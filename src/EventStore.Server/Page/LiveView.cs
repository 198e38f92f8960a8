using EventStore.Server.Store.History;

namespace EventStore.Server.Page;

/// <summary>What some open pages show alike. They are told together when it may have changed.</summary>
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

    /// <summary>Tells all who wait.</summary>
    public void Tell(long revision)
    {
        TaskCompletionSource<long> told;
        lock (gate)
            (changed, told, next) = (revision, next, New());
        told.SetResult(revision);
    }

    private static TaskCompletionSource<long> New() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
