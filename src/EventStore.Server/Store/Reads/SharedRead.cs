namespace EventStore.Server.Store.Reads;

/// <summary>
/// Coalesces reads of one thing: those that arrive while one is under way share the next. It begins after they arrived, so every read is
/// linearizable: it sees every write answered before, of any process. A read that arrives alone waits for nothing.
/// </summary>
/// <param name="read">Reads it.</param>
internal sealed class SharedRead<T>(Func<Task<T>> read)
{
    private readonly Lock gate = new();
    private Task<T>? running;
    private Task<T>? next;

    /// <summary>What is read from now on.</summary>
    public Task<T> Read(CancellationToken stop)
    {
        Task<T> mine;
        lock (gate)
        {
            mine = next ?? (running is { IsCompleted: false } ? next = Behind(running) : running = read());
        }

        return mine.WaitAsync(stop);
    }

    private async Task<T> Behind(Task<T> before)
    {
        await ((Task)before).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ForceYielding);
        Task<T> mine;
        lock (gate)
        {
            next = null;
            mine = running = read();
        }

        return await mine;
    }
}
