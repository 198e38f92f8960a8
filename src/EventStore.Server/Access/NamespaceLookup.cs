using EventStore.Domain.Jobs;

namespace EventStore.Server.Access;

/// <summary>Whether a namespace is there, which decides whether jobs may be created and changed in it.</summary>
/// <param name="find">Asks a cluster; null where each namespace is there as soon as it is named.</param>
internal sealed class NamespaceLookup(Func<string, CancellationToken, ValueTask<NamespaceState>>? find)
{
    /// <summary>What is known of the namespace.</summary>
    public ValueTask<NamespaceState> Find(string name, CancellationToken stop) =>
        find is null ? new(NamespaceState.Active) : find(name, stop);
}
