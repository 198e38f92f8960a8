using FsCheck;
using FsCheck.Fluent;

namespace EventStore.Domain.Tests.Jobs;

/// <summary>Shows that a generator makes what the properties are to be tried on.</summary>
internal static class Samples
{
    private const int Portion = 100;
    private const int PortionsMax = 200;

    /// <summary>What is generated until enough was seen. Nothing is left to luck: what is rare comes in time.</summary>
    /// <param name="generator">The generator.</param>
    /// <param name="size">FsCheck's size of each.</param>
    /// <param name="enough">Whether enough was seen.</param>
    public static IEnumerable<T> Until<T>(this Gen<T> generator, int size, Func<bool> enough)
    {
        for (int portion = 0; portion < PortionsMax; portion++)
        {
            foreach (T sample in generator.Sample(size, Portion))
            {
                if (enough())
                    yield break;
                yield return sample;
            }
        }
    }
}
