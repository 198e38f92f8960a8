using System.Diagnostics;
using EventStore.Domain.Jobs;

namespace EventStore.Server.Store.Lane;

/// <summary>A command on its way through the lane.</summary>
internal sealed class QueuedCommand(JobCommand command, bool dryRun, int bodyBytes)
{
    private const int Waiting = 0, Taken = 1, Left = 2;
    private const int OwnBytes = 256;

    // The continuation runs at once on the thread that answers: ReplyQueue sees to it that this is not the lane's.
    private readonly TaskCompletionSource<Outcome> answer = new();
    private int state;

    /// <summary>The command.</summary>
    public JobCommand Command { get; } = command;

    /// <summary>Whether only the answer is wanted and nothing is to be stored.</summary>
    public bool DryRun { get; } = dryRun;

    /// <summary>The bytes it counts for in the queue's limit: the request's body, and a little for the object itself.</summary>
    public int BodyBytes { get; } = bodyBytes + OwnBytes;

    /// <summary>
    /// The number of the lease under which it may be carried out (a fencing token); null for none. The commit compares it.
    /// </summary>
    public long? Lease { get; init; }

    /// <summary>The length of its job's text in bytes; 0 if it is not known.</summary>
    public int JobBytes { get; set; }

    /// <summary>The bytes that a batch reads and writes for it: the job's text before and after it, and its event.</summary>
    public int WorkBytes => Early is { Text: not null } early ? 2 * early.WrittenBytes : 2 * (JobBytes + BodyBytes);

    /// <summary>The lane's part of the request in its trace; null if it is not traced.</summary>
    public Activity? Span { get; set; }

    /// <summary>The early decision; it is used if the job is still the same.</summary>
    public DecidedCommand? Early { get; set; }

    /// <summary>The bytes of memory that the early decision counts for while it waits.</summary>
    public long EarlyBytes { get; set; }

    /// <summary>How often it was decided again because another server had changed the job meanwhile.</summary>
    public int Attempts { get; set; }

    /// <summary>How often the connection broke during its commit, with nothing stored.</summary>
    public int Breaks { get; set; }

    /// <summary>Completes with the outcome.</summary>
    public Task<Outcome> Answer => answer.Task;

    /// <summary>
    /// Whether the verdict may depend on the current revision's number. Such a command cannot follow another on the same job in one
    /// batch, because the other's revision is not known yet.
    /// </summary>
    public bool NamesRevision => Command switch
    {
        ReplaceJob or ReplaceStatus => true,
        RollBackJob back => back.ResourceVersion is not null,
        DeleteJob delete => delete.ResourceVersion is not null,
        PatchJob patch => patch.Patch.MayNameRevision,
        PatchStatus patch => patch.Patch.MayNameRevision,
        ApplyJob apply => apply.Configuration["metadata"]?.Member("resourceVersion") is not null,
        ScaleJob => true,
        _ => false,
    };

    /// <summary>Takes the command from the queue into a batch; false if its client has left.</summary>
    public bool TryTake() => Interlocked.CompareExchange(ref state, Taken, Waiting) == Waiting;

    /// <summary>Cancels the command because its client left, if it still waits in the queue; one that is in a batch is committed.</summary>
    public void Leave(CancellationToken token)
    {
        if (Interlocked.CompareExchange(ref state, Left, Waiting) == Waiting)
            answer.TrySetCanceled(token);
    }

    /// <summary>Completes <see cref="Answer"/>; its continuations run within this call.</summary>
    public void Complete(Outcome outcome) => answer.TrySetResult(outcome);
}
