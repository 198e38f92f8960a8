using System.Runtime.CompilerServices;
using EventStore.Server.Store.Format;
using Npgsql;

namespace EventStore.Server.Store.Hosts;

/// <summary>The time during which one host is the primary.</summary>
/// <param name="source">Its connections.</param>
/// <param name="host">Its place among the hosts of the connection string.</param>
/// <param name="isStray">Whether nothing may be asked of it.</param>
/// <remarks>
/// What waits for a host that hangs is abandoned when the term ends, and not canceled: Npgsql cancels a statement by a second
/// connection to the same host, and waits for that one on the thread that cancels.
/// </remarks>
public sealed class Term(NpgsqlDataSource source, int host, bool isStray = false) : IDisposable
{
    private readonly CancellationTokenSource over = new();

    /// <summary>The host's place among those of the connection string.</summary>
    public int Host => host;

    /// <summary>Whether another host is the primary now.</summary>
    public bool IsOver => over.IsCancellationRequested;

    /// <summary>Is canceled when another host has become the primary.</summary>
    public CancellationToken Over => over.Token;

    internal NpgsqlDataSource Source => source;

    /// <summary>The same, where something may be asked of it.</summary>
    internal NpgsqlDataSource Checked => isStray ? throw new StrayPrimaryException() : source;

    /// <summary>Opens a connection to the primary.</summary>
    /// <param name="stop">Cancels the opening.</param>
    /// <exception cref="PrimaryChangedException">Another host has become the primary meanwhile.</exception>
    public ValueTask<NpgsqlConnection> OpenConnectionAsync(CancellationToken stop = default)
    {
        ValueTask<NpgsqlConnection> opening = Checked.OpenConnectionAsync(stop);
        return opening.IsCompletedSuccessfully ? opening : new ValueTask<NpgsqlConnection>(Bound(opening.AsTask()));
    }

    /// <summary>
    /// Reads from the primary, on a connection of its own, until the term ends. A read that is abandoned goes on by itself and closes its
    /// connection, and so must change nothing that others see.
    /// </summary>
    /// <param name="read">Reads from a connection.</param>
    /// <param name="stop">Cancels the read.</param>
    /// <exception cref="PrimaryChangedException">The term has ended first.</exception>
    public Task<T> Read<T>(Func<NpgsqlConnection, Task<T>> read, CancellationToken stop = default)
    {
        return Bound(ReadAndClose());

        async Task<T> ReadAndClose()
        {
            await using NpgsqlConnection open = await Checked.OpenConnectionAsync(stop);
            return await read(open);
        }
    }

    /// <summary>
    /// Waits for an answer of the primary until the term ends. A task that is abandoned goes on by itself, and so must own the
    /// connection that it uses.
    /// </summary>
    /// <param name="asked">The answer.</param>
    /// <param name="within">How long it may take; null for as long as it likes.</param>
    /// <exception cref="PrimaryChangedException">The term has ended first.</exception>
    /// <exception cref="TimeoutException">It took longer.</exception>
    public async Task<T> Bound<T>(Task<T> asked, TimeSpan? within = null)
    {
        try
        {
            return await asked.WaitAsync(within ?? Timeout.InfiniteTimeSpan, over.Token);
        }
        catch (TimeoutException) when (!asked.IsFaulted)
        {
            if (asked.IsCompleted)
                return await asked; // it came just then
            _ = AbandonedTask.Close(asked);
            throw;
        }
        catch (OperationCanceledException) when (IsOver)
        {
            if (asked.IsCompleted)
                return await asked; // it came just then
            _ = AbandonedTask.Close(asked);
            throw new PrimaryChangedException();
        }
    }

    /// <inheritdoc cref="Bound{T}(Task{T}, TimeSpan?)"/>
    public Task Bound(Task asked) => Bound(Completed(asked));

    /// <summary>The same for answers that come one by one.</summary>
    /// <param name="asked">The answers.</param>
    /// <param name="leave">
    /// Called where it is abandoned: gives away what it uses without owning it, which is closed once it has ended.
    /// </param>
    /// <param name="stop">Cancels the reading.</param>
    public async IAsyncEnumerable<T> Bound<T>(
        IAsyncEnumerable<T> asked, Func<IAsyncDisposable?>? leave = null, [EnumeratorCancellation] CancellationToken stop = default)
    {
        IAsyncEnumerator<T> each = asked.GetAsyncEnumerator(stop);
        Task<bool> next = Task.FromResult(true);
        try
        {
            while ((next = each.MoveNextAsync().AsTask()).IsCompletedSuccessfully ? next.Result : await Bound(next))
                yield return each.Current;
        }
        finally
        {
            Task closing = AbandonedTask.Close(next, each);
            if (!await Closed(closing))
                _ = AbandonedTask.Close(closing, leave?.Invoke());
        }
    }

    /// <summary>Waits for the closing of what was read from it, until the term ends.</summary>
    /// <returns>Whether it is closed.</returns>
    public async Task<bool> Closed(Task closing)
    {
        await closing.WaitAsync(over.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (!closing.IsCompleted)
            return false;
        await closing;
        return true;
    }

    /// <inheritdoc/>
    public void Dispose() => over.Dispose();

    internal void End() => _ = over.CancelAsync();

    private static async Task<bool> Completed(Task asked)
    {
        await asked;
        return true;
    }
}
