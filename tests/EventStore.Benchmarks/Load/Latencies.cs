using System.Diagnostics;
using System.Numerics;

namespace EventStore.Benchmarks.Load;

/// <summary>
/// Counts latencies in buckets that grow with the value: 64 to each power of two of microseconds, so a percentile is off by less than
/// two in a hundred, whatever its size, and recording one allocates nothing.
/// </summary>
internal sealed class Latencies
{
    private const int SubBits = 6;
    private const int SubCount = 1 << SubBits;

    private readonly long[] counts = new long[(64 - SubBits) * SubCount];
    private long maxMicroseconds;

    public long Count { get; private set; }

    public double MaxMs => maxMicroseconds / 1000.0;

    /// <summary>Records a duration in ticks of <see cref="Stopwatch"/>.</summary>
    public void Record(long ticks)
    {
        long microseconds = Math.Max(0, ticks) * 1_000_000 / Stopwatch.Frequency;
        counts[Bucket(microseconds)]++;
        maxMicroseconds = Math.Max(maxMicroseconds, microseconds);
        Count++;
    }

    public void Add(Latencies other)
    {
        for (int i = 0; i < counts.Length; i++)
            counts[i] += other.counts[i];
        maxMicroseconds = Math.Max(maxMicroseconds, other.maxMicroseconds);
        Count += other.Count;
    }

    /// <summary>The latency that this share of all requests did not exceed.</summary>
    public double PercentileMs(double share)
    {
        long wanted = Math.Max(1, (long)Math.Ceiling(Count * share));
        for (int i = 0; i < counts.Length; i++)
        {
            wanted -= counts[i];
            if (wanted <= 0)
                return Math.Min(UpperEdge(i), maxMicroseconds) / 1000.0;
        }

        return 0;
    }

    /// <summary>What was recorded, as the figures of so long a time.</summary>
    public Measured Summary(double seconds) => new()
    {
        Seconds = seconds,
        Requests = Count,
        P50Ms = PercentileMs(0.5),
        P90Ms = PercentileMs(0.9),
        P99Ms = PercentileMs(0.99),
        MaxMs = MaxMs,
    };

    private static int Bucket(long value)
    {
        int shift = Math.Max(0, BitOperations.Log2((ulong)value) - SubBits);
        return (shift * SubCount) + (int)(value >> shift);
    }

    private static long UpperEdge(int bucket)
    {
        int shift = Math.Max(0, (bucket / SubCount) - 1);
        return ((long)(bucket - (shift * SubCount) + 1) << shift) - 1;
    }
}
