using System.Diagnostics;
using System.Net.Sockets;
using System.Runtime.CompilerServices;
using EventStore.Domain.History;
using EventStore.Server.Store.Format;
using Npgsql;

namespace EventStore.Server.Store.Hosts;

/// <summary>
/// One host, for as long as it is a standby. What it is asked is given up as soon as it is none any more, or hangs, and another is asked in
/// its place.
/// </summary>
/// <param name="source">Its connections, which go with it: those that were given up are never returned.</param>
/// <param name="host">Its place among the hosts of the connection string.</param>
internal sealed class Standby(NpgsqlDataSource source, int host) : IAsyncDisposable
{
    /// <summary>How long it may take to be connected to and to replay a revision.</summary>
    public static readonly TimeSpan ReplayTime = TimeSpan.FromMilliseconds(200);

    private static readonly TimeSpan PauseMin = TimeSpan.FromMilliseconds(1);
    private static readonly TimeSpan RestTime = TimeSpan.FromSeconds(1);

    private const string HeadSql = $"""
        SELECT h.revision, {EpochRow.Columns}
          FROM {HeadRow.Sql} h, (SELECT * FROM eventstore.epoch ORDER BY number DESC LIMIT 1) e
        """;

    private readonly Term term = new(source, host);
    private long restsUntil;

    /// <summary>Its place among the hosts of the connection string.</summary>
    public int Host => host;

    /// <summary>Whether it failed or was behind within the last second. Until that has passed nobody waits for it again.</summary>
    public bool IsResting => Stopwatch.GetTimestamp() < Volatile.Read(ref restsUntil);

    /// <summary>
    /// Opens a connection to it, if it has replayed the revision in that epoch. Within a session a standby never goes back, so it has for
    /// as long as the connection is open.
    /// </summary>
    /// <returns>Null if it has not within <see cref="ReplayTime"/>.</returns>
    public async Task<NpgsqlConnection?> TryOpen(long revision, Epoch epoch, CancellationToken stop)
    {
        try
        {
            if (await term.Bound(OpenReplayed(revision, epoch, stop), ReplayTime) is { } open)
                return open;
        }
        catch (Exception e) when (IsItsOwn(e, stop))
        {
            // What is wrong with it is told by the watch on the hosts.
        }

        Rest();
        return null;
    }

    /// <summary>Asks it, and another where it fails, hangs, or is no standby any more.</summary>
    /// <param name="asked">What it is asked. If that is given up it goes on by itself.</param>
    /// <param name="elsewhere">Asks another.</param>
    /// <param name="stop">Cancels both.</param>
    /// <param name="used">What it uses and nobody else does then: closed once it has ended.</param>
    public async Task<T> OrElse<T>(
        Task<T> asked, Func<Task<T>> elsewhere, CancellationToken stop, IAsyncDisposable? used = null)
    {
        try
        {
            return await term.Bound(asked);
        }
        catch (Exception e) when (IsItsOwn(e, stop))
        {
            Rest(e);
        }

        _ = AbandonedTask.Close(asked, used);
        return await elsewhere();
    }

    /// <summary>
    /// The same for a stream of answers: another host is asked for the rest. The caller must keep its position by the answers it has
    /// received, because the standby's iterator may still advance after it was given up.
    /// </summary>
    public async IAsyncEnumerable<T> OrElse<T>(
        IAsyncEnumerable<T> asked, Func<IAsyncEnumerable<T>> elsewhere, [EnumeratorCancellation] CancellationToken stop,
        IAsyncDisposable? used = null)
    {
        IAsyncEnumerator<T> each = asked.GetAsyncEnumerator(stop);
        Task<bool> next = Task.FromResult(true);
        bool hasFailed = false;
        try
        {
            while (true)
            {
                try
                {
                    next = each.MoveNextAsync().AsTask();
                    if (!(next.IsCompletedSuccessfully ? next.Result : await term.Bound(next)))
                        yield break;
                }
                catch (Exception e) when (IsItsOwn(e, stop))
                {
                    hasFailed = true;
                    Rest(e);
                    break;
                }

                yield return each.Current;
            }
        }
        finally
        {
            if (hasFailed || !next.IsCompleted)
                _ = AbandonedTask.Close(next, each, hasFailed ? used : null);
            else
                await Close(each);
        }

        await foreach (T answer in elsewhere().WithCancellation(stop))
            yield return answer;
    }

    /// <summary>Closes what was read from it; not waited for where it hangs.</summary>
    public async Task Close(IAsyncDisposable read)
    {
        try
        {
            await term.Bound(read.DisposeAsync().AsTask());
        }
        catch (Exception e) when (IsItsOwn(e, CancellationToken.None))
        {
            Rest(e); // nothing more was wanted of it
        }
    }

    /// <summary>Gives up what it is being asked.</summary>
    public ValueTask DisposeAsync()
    {
        term.End();
        return source.DisposeAsync();
    }

    /// <summary>Rests after a failure. A statement that failed, or that replay canceled, says nothing of the next one.</summary>
    private void Rest(Exception e)
    {
        if (e is not PostgresException { InvariantSeverity: "ERROR" })
            Rest();
    }

    private void Rest() =>
        Volatile.Write(ref restsUntil, Stopwatch.GetTimestamp() + (long)(RestTime.TotalSeconds * Stopwatch.Frequency));

    private async Task<NpgsqlConnection?> OpenReplayed(long revision, Epoch epoch, CancellationToken stop)
    {
        long started = Stopwatch.GetTimestamp();
        NpgsqlConnection open = await source.OpenConnectionAsync(stop);
        try
        {
            for (TimeSpan pause = PauseMin; Stopwatch.GetElapsedTime(started) < ReplayTime; pause *= 2)
            {
                if (await HasReplayed(open, revision, epoch, stop))
                    return open;
                await Task.Delay(pause, stop);
            }
        }
        catch
        {
            await open.DisposeAsync();
            throw;
        }

        await open.DisposeAsync();
        return null;
    }

    private static async Task<bool> HasReplayed(NpgsqlConnection open, long revision, Epoch epoch, CancellationToken stop)
    {
        await using var command = new NpgsqlCommand(HeadSql, open);
        await using NpgsqlDataReader row = await command.ExecuteReaderAsync(stop);
        return await row.ReadAsync(stop) && row.GetInt64(0) >= revision && EpochRow.From(row, first: 1).Epoch == epoch;
    }

    /// <summary>
    /// Whether it, or the connection to it, is why a read failed. PostgreSQL cancels a statement on a standby, or ends its session, that
    /// keeps it from replaying (40001). Npgsql calls a broken connection that is used again an invalid operation. What is wrong with the
    /// statement itself the primary tells as well.
    /// </summary>
    private static bool IsItsOwn(Exception e, CancellationToken stop) =>
        !stop.IsCancellationRequested
        && e is NpgsqlException or SocketException or TimeoutException or IOException or ObjectDisposedException
            or InvalidOperationException { Source: "Npgsql" };
}
