using System.Diagnostics;
using EventStore.Server.Store.Format;
using EventStore.Server.Store.Hosts;
using Npgsql;

namespace EventStore.Server.Store.Lifetimes;

/// <summary>
/// The lease of the one server that ends lifetimes (<c>lease_take_1</c> of migrations/V0017): one for all controllers. It is renewed every
/// second and expires three seconds after the last renewal, by the database's clock, so the others take over from a server that was killed
/// or paused. Its number is a fencing token: every commit of this server's controllers names it and is refused once another server has
/// taken the lease under the next number.
/// </summary>
internal sealed class LifetimeLease(Primary database, Action<Exception> failed)
{
    /// <summary>How long it lasts without a renewal.</summary>
    internal static readonly TimeSpan Duration = TimeSpan.FromSeconds(3);

    private static readonly TimeSpan RenewEvery = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan AskEvery = TimeSpan.FromMilliseconds(500);

    private Held? held;

    /// <summary>
    /// The number under which this server holds the lease; null while it does not. A server that was paused sees by its own monotonic clock
    /// that the lease has expired.
    /// </summary>
    public long? Number => Volatile.Read(ref held) is { } mine && Stopwatch.GetElapsedTime(mine.Asked) < Duration ? mine.Number : null;

    /// <summary>Takes the lease when it is free and renews it until cancelled; then releases it.</summary>
    public async Task Keep(CancellationToken stop)
    {
        while (!stop.IsCancellationRequested)
        {
            try
            {
                long asked = Stopwatch.GetTimestamp(); // before the database counts from its own clock
                long? number = await database.Term.Bound(Take(Duration, stop));
                Volatile.Write(ref held, number is { } mine ? new Held(mine, asked) : null);
            }
            catch (Exception e) when (!stop.IsCancellationRequested)
            {
                failed(e);
            }
            catch (Exception) when (stop.IsCancellationRequested)
            {
                break;
            }

            await Task.Delay(Number is null ? AskEvery : RenewEvery, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        await GiveBack();
    }

    /// <summary>Drops the lease after a commit has refused its number.</summary>
    public void Lose(long number)
    {
        if (Volatile.Read(ref held) is { } mine && mine.Number == number)
            Volatile.Write(ref held, null);
    }

    private async Task GiveBack()
    {
        if (Number is null)
            return;
        try
        {
            await Take(TimeSpan.Zero, CancellationToken.None);
        }
        catch (Exception e) when (DatabaseAway.Is(e))
        {
            failed(e); // it is over in three seconds
        }

        Volatile.Write(ref held, null);
    }

    private async Task<long?> Take(TimeSpan duration, CancellationToken stop)
    {
        await using NpgsqlCommand command = database.CreateCommand("SELECT eventstore.lease_take_1('lifetimes', $1, $2)");
        command.Parameters.Add(new NpgsqlParameter<long> { TypedValue = Volatile.Read(ref held)?.Number ?? -1 });
        command.Parameters.Add(new NpgsqlParameter<double> { TypedValue = duration.TotalSeconds });
        return await command.ExecuteScalarAsync(stop) as long?;
    }

    private sealed record Held(long Number, long Asked);
}
