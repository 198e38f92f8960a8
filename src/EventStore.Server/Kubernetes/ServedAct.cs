using EventStore.Domain.Manifests;

namespace EventStore.Server.Kubernetes;

/// <summary>
/// A request whose kinds are not the resource's own, such as a rollback. Its <see cref="ApiOperation"/> is the one description of it: the
/// document for people is printed from it, OpenAPI v3 too, and v2 is made of v3.
/// </summary>
/// <param name="Method">The HTTP method, in lower case.</param>
/// <param name="About">What it does.</param>
internal sealed record ServedAct(string Method, Documentation About)
{
    /// <summary>What is sent; null for nothing, or a patch.</summary>
    public ServedKind? Sent { get; init; }

    /// <summary>What is answered; null for the object itself.</summary>
    public ServedKind? Answered { get; init; }

    /// <summary>Whether it is about the whole collection and not about one object.</summary>
    public bool OfCollection { get; init; }
}

/// <summary>A kind that is exchanged and not stored.</summary>
/// <param name="Resource">Its names.</param>
/// <param name="Shape">What it looks like.</param>
internal sealed record ServedKind(ApiResource Resource, ObjectShape Shape)
{
    /// <summary>The kinds that requests to these resources exchange, each once.</summary>
    public static IEnumerable<ServedKind> Of(IReadOnlyList<ServedResource> served) => served.SelectMany(each => each.Acts)
        .SelectMany(act => (ServedKind?[])[act.Sent, act.Answered]).OfType<ServedKind>().DistinctBy(kind => kind.Resource.Kind);
}
