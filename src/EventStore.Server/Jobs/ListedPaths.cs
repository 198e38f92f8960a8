using EventStore.Domain.Json;

namespace EventStore.Server.Jobs;

/// <summary>
/// Bounds how many characters of paths an answer lists. Paths are made of the clients' own names: a body of 3 MiB can make gigabytes of
/// them.
/// </summary>
internal static class ListedPaths
{
    private const long LengthMax = 1024 * 1024;

    /// <summary>As many of the first items as the bound allows.</summary>
    public static IEnumerable<T> Fitting<T>(IReadOnlyList<T> all, Func<T, FieldPath> path)
    {
        long length = 0;
        return all.TakeWhile(each => (length += path(each).Length) <= LengthMax);
    }
}
