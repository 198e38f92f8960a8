namespace EventStore.Server.Access;

/// <summary>What a request costs, by which it is rate limited.</summary>
public enum RequestClass
{
    /// <summary>Answered without the database: discovery, documents, health.</summary>
    Static,

    /// <summary>One object is read.</summary>
    Read,

    /// <summary>Every POST, PUT, PATCH and DELETE.</summary>
    Change,

    /// <summary>A collection is read.</summary>
    List,

    /// <summary>A collection is followed until the client or the server ends it.</summary>
    Watch,
}

/// <summary>
/// What a request is (apiserver <c>RequestInfo</c>): who sends it and which right it needs. It is determined once, after routing
/// and authentication, and kept as a feature of the request. Authorization, rate limits, the request log and the metrics read it.
/// </summary>
/// <param name="User">Who sends it.</param>
/// <param name="Access">Verb, resource, namespace and name, or the path.</param>
public sealed record RequestInfo(Caller User, AccessRequest Access)
{
    public required RequestClass Class { get; init; }

    /// <summary>The request's; one that was never classified, because its way ended early, is classified now.</summary>
    public static RequestInfo Of(HttpContext http) => http.Features.Get<RequestInfo>() ?? Classify(http);

    /// <summary>Classifies the request and keeps the result. Call it once the endpoint and the user are known.</summary>
    internal static RequestInfo Keep(HttpContext http)
    {
        RequestInfo info = Classify(http);
        http.Features.Set(info);
        return info;
    }

    private static RequestInfo Classify(HttpContext http)
    {
        AccessRequest access = AccessRequest.Of(http.Request, http.GetEndpoint()?.Metadata.GetMetadata<RequiresAccess>());
        return new RequestInfo(Caller.Of(http.User), access) { Class = ClassOf(http.Request.Method, access) };
    }

    private static RequestClass ClassOf(string method, AccessRequest access) => access switch
    {
        _ when !HttpMethods.IsGet(method) && !HttpMethods.IsHead(method) => RequestClass.Change,
        { IsResource: false } => RequestClass.Static,
        { Verb: "watch" } => RequestClass.Watch,
        { Verb: "list" } => RequestClass.List,
        _ => RequestClass.Read,
    };
}
