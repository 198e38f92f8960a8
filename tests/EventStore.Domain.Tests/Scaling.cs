using System.Diagnostics;

namespace EventStore.Domain.Tests;

/// <summary>How the cost of something grows with its size: no matter of seconds, so that a slow or busy machine changes nothing.</summary>
internal static class Scaling
{
    private const int Times = 64;
    private const int Runs = 3;

    /// <summary>
    /// Asserts that 64 times as much takes less than 64 to the power of 1.5 times as long, 512. Where each item is met once it is some 64
    /// times, where each meets all others 4,096. What else the machine does, or the garbage collector, is far less than what lies between.
    /// </summary>
    /// <param name="size">The smaller size.</param>
    /// <param name="prepare">Makes what is measured of one size.</param>
    public static void IsOfOnePass(int size, Func<int, Action> prepare)
    {
        (Action few, Action many) = (prepare(size), prepare(Times * size));
        (long ofFew, long ofMany) = (long.MaxValue, long.MaxValue);
        for (int run = 0; run < Runs; run++) // in turn, and the best of each: what else the machine does only ever adds
            (ofFew, ofMany) = (Math.Min(ofFew, Ticks(few)), Math.Min(ofMany, Ticks(many)));
        Assert.InRange((double)ofMany / ofFew, 0, Math.Pow(Times, 1.5));
    }

    private static long Ticks(Action action)
    {
        long started = Stopwatch.GetTimestamp();
        action();
        return Stopwatch.GetTimestamp() - started;
    }
}
