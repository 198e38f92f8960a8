using EventStore.Domain.Manifests;

namespace EventStore.Server.Kubernetes;

/// <summary>A parameter of the path or the query, as every document about the API tells it.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Shape">What it may hold.</param>
/// <param name="Description">What it does.</param>
public sealed record ApiParameter(string Name, Shape Shape, string Description)
{
    /// <summary>Whether it is part of the path.</summary>
    public bool InPath { get; init; }
}
