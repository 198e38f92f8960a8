using EventStore.Server.Tests.Survival;
using Xunit.Abstractions;

[assembly: TestCollectionOrderer("EventStore.Server.Tests.LongestFirst", "EventStore.Server.Tests")]

namespace EventStore.Server.Tests;

/// <summary>
/// Longest processing time first: a class that takes minutes, and mostly waits, begins before all others. Begun last it would run alone.
/// </summary>
public sealed class LongestFirst : ITestCollectionOrderer
{
    private static readonly string[] Longest = [typeof(Under_Patroni).FullName!];

    /// <inheritdoc/>
    public IEnumerable<ITestCollection> OrderTestCollections(IEnumerable<ITestCollection> testCollections) =>
        testCollections.OrderBy(each => !Longest.Any(name => each.DisplayName.EndsWith(name, StringComparison.Ordinal)));
}
