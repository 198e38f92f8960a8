namespace EventStore.Server.Access;

/// <summary>
/// What an endpoint's caller must have the right to. The route table puts it into each endpoint's metadata
/// (<c>.WithMetadata(new RequiresAccess("kubeflow.org", "pytorchjobs"))</c>); an endpoint without one is closed to everybody.
/// </summary>
/// <param name="Group">The resource's group.</param>
/// <param name="Resource">Its plural; empty for a path that is no resource.</param>
/// <param name="Subresource"><c>status</c>, or empty.</param>
/// <param name="Verb">The verb; null for what the method, the path and <c>?watch</c> say.</param>
public sealed record RequiresAccess(string Group, string Resource, string Subresource = "", string? Verb = null)
{
    /// <summary>The endpoint is no resource: its path decides.</summary>
    public static readonly RequiresAccess ByPath = new("", "");
}
