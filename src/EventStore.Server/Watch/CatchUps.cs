namespace EventStore.Server.Watch;

/// <summary>
/// Limits how many watches read the log at once, because each holds parsed jobs and events while it does. The others wait in order.
/// </summary>
/// <param name="most">How many watches may read at once.</param>
internal sealed class CatchUps(int most) : IDisposable
{
    /// <summary>The bytes after which a watch that catches up yields to others that wait.</summary>
    private const long TurnBytes = 8 << 20;

    /// <summary>
    /// The time that a client may take to receive a frame. A slower one loses its turn, and gets another when it has received it.
    /// </summary>
    private static readonly TimeSpan Patience = TimeSpan.FromMilliseconds(100);

    private readonly SemaphoreSlim free = new(most);
    private int waiting;

    /// <summary>
    /// One turn: reads from the log and sends until it has caught up, the client is slow, or others wait and this one has sent
    /// <see cref="TurnBytes"/>. What was read is released at the end of the turn, so a slow client holds only the frame being sent.
    /// </summary>
    /// <param name="read">Opens the log.</param>
    /// <param name="take">Sends a step.</param>
    /// <param name="sentBytes">The bytes sent so far.</param>
    /// <param name="stop">Ends the watch.</param>
    /// <returns>Whether all was read.</returns>
    public async Task<bool> Turn(
        Func<IAsyncEnumerable<WatchStep>> read, Func<WatchStep, ValueTask> take, Func<long> sentBytes, CancellationToken stop)
    {
        Task sending = Task.CompletedTask;
        await Enter(stop);
        try
        {
            long begun = sentBytes();
            await using IAsyncEnumerator<WatchStep> steps = read().GetAsyncEnumerator(stop);
            while (Volatile.Read(ref waiting) == 0 || sentBytes() - begun < TurnBytes)
            {
                if (!await steps.MoveNextAsync())
                    return true;
                sending = take(steps.Current).AsTask();
                if (!sending.IsCompleted && await Task.WhenAny(sending, Task.Delay(Patience, stop)) != sending)
                    return false;
                await sending;
            }

            return false;
        }
        finally
        {
            free.Release();
            await sending; // whatever else went wrong, two must not write at once
        }
    }

    /// <inheritdoc/>
    public void Dispose() => free.Dispose();

    private async Task Enter(CancellationToken stop)
    {
        Interlocked.Increment(ref waiting);
        try
        {
            await free.WaitAsync(stop);
        }
        finally
        {
            Interlocked.Decrement(ref waiting);
        }
    }
}
