using System.Diagnostics;

namespace EventStore.Domain.Tests;

/// <summary>How the cost of something grows with its size: no matter of seconds, so that a slow or busy machine changes nothing.</summary>
internal static class Scaling
{
    private const int Runs = 7;

    /// <summary>
    /// How many times as long eight times as much takes: about 8 where each item is met once, and 64 where each meets all others.
    /// </summary>
    /// <param name="size">The smaller size.</param>
    /// <param name="prepare">Makes what is measured of one size.</param>
    public static double OfEightTimes(int size, Func<int, Action> prepare)
    {
        (Action few, Action many) = (prepare(size), prepare(8 * size));
        (long ofFew, long ofMany) = (long.MaxValue, long.MaxValue);
        for (int run = 0; run < Runs; run++) // in turn, and the best of each: what else the machine does only ever adds
            (ofFew, ofMany) = (Math.Min(ofFew, Ticks(few)), Math.Min(ofMany, Ticks(many)));
        return (double)ofMany / ofFew;
    }

    private static long Ticks(Action action)
    {
        long started = Stopwatch.GetTimestamp();
        action();
        return Stopwatch.GetTimestamp() - started;
    }
}
