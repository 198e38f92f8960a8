using EventStore.Domain.Manifests;
using EventStore.Server.Kubernetes.Requests;

namespace EventStore.Server.Kubernetes;

/// <summary>A resource as discovery and the OpenAPI documents show it. Declared beside its route table, so that the two agree.</summary>
/// <param name="Resource">The resource.</param>
/// <param name="Subresource"><c>status</c>, or empty.</param>
/// <param name="ShortNames">What kubectl takes for its name.</param>
/// <param name="Verbs">What can be done to it.</param>
public sealed record ServedResource(ApiResource Resource, string Subresource, IReadOnlyList<string> ShortNames, IReadOnlyList<string> Verbs)
{
    /// <summary>Whether its objects are in namespaces.</summary>
    public bool Namespaced { get; init; } = true;

    /// <summary>Whether the objects of all namespaces can be listed at once.</summary>
    public bool ListedAcrossNamespaces { get; init; }

    /// <summary>
    /// Whether it is a singleton without a name, read at the path of a collection. It is in the OpenAPI documents but not in
    /// discovery: an entry there would tell kubectl, and controllers that go through all resources, that it can be fetched by name
    /// and listed. Upstream lists no such paths either (<c>/version</c>, <c>/openapi/v3</c>).
    /// </summary>
    public bool IsOneThing { get; init; }

    /// <summary>What its objects look like; null where its <see cref="Acts"/> say what is exchanged.</summary>
    public ObjectShape? Shape { get; init; }

    /// <summary>The media types of the patches it takes.</summary>
    public IReadOnlyList<string> PatchTypes { get; init; } = [ContentNegotiation.MergePatchType];

    /// <summary>What its objects are, in a sentence or two.</summary>
    public string About { get; init; } = "";

    /// <summary>The columns of a table beside the name (heading, type, path), for clients that read the resource's definition.</summary>
    public IReadOnlyList<(string Name, string Type, string JsonPath)> PrinterColumns { get; init; } = [];

    /// <summary>The kind of what is exchanged, where a part of a resource has one of its own, as upstream's <c>scale</c> has.</summary>
    public ApiResource? Answers { get; init; }

    /// <summary>Requests that have kinds of their own, in the place of those its verbs stand for.</summary>
    internal IReadOnlyList<ServedAct> Acts { get; init; } = [];

    /// <summary>What a list of it can be asked beyond what every list can.</summary>
    public IReadOnlyList<ApiParameter> ListParameters { get; init; } = [];

    /// <summary>Whether it is the resource itself and no part of it.</summary>
    public bool IsWhole => Subresource.Length == 0;

    /// <summary>Whether there are objects to read: a review, for one, is only answered.</summary>
    public bool IsStored => Verbs.Contains("get") || Verbs.Contains("list");
}
