using System.Diagnostics;

namespace EventStore.Domain.Tests;

/// <summary>How the cost of something grows with its size: no matter of seconds, so that a slow or busy machine changes nothing.</summary>
internal static class Scaling
{
    private const int Times = 64;
    private const int Runs = 3;

    /// <summary>
    /// Asserts that 64 times as much at once takes less than 8 times as long as the smaller one 64 times. Where each item is met once the
    /// two take the same time, where each meets all others the former takes 64 times as long. Both are measured over about the same time,
    /// so a machine that has other things to do interrupts both alike.
    /// </summary>
    /// <param name="size">The smaller size.</param>
    /// <param name="prepare">Makes what is measured of one size.</param>
    public static void IsOfOnePass(int size, Func<int, Action> prepare)
    {
        (Action few, Action many) = (prepare(size), prepare(Times * size));
        (long ofFew, long ofMany) = (long.MaxValue, long.MaxValue);
        for (int run = 0; run < Runs; run++) // in turn, and the best of each: what else the machine does only ever adds
            (ofFew, ofMany) = (Math.Min(ofFew, Ticks(few, Times)), Math.Min(ofMany, Ticks(many, 1)));
        Assert.InRange((double)ofMany / ofFew, 0, Math.Sqrt(Times));
    }

    private static long Ticks(Action action, int times)
    {
        long started = Stopwatch.GetTimestamp();
        for (int i = 0; i < times; i++)
            action();
        return Stopwatch.GetTimestamp() - started;
    }
}
