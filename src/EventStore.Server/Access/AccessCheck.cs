using EventStore.Server.Access.Credentials;

namespace EventStore.Server.Access;

/// <summary>
/// Asks, once routing has found the endpoint and authentication the caller, whether the one may have the other. It stands between
/// routing and the endpoints, so an endpoint that forgot to say what it requires is closed, not open.
/// </summary>
public sealed class AccessCheck(RequestDelegate next, AccessAnswers answers, Authorization authorization)
{
    /// <summary>Lets the request through or answers 401 or 403.</summary>
    public async Task Invoke(HttpContext context)
    {
        Endpoint? endpoint = context.GetEndpoint();
        RequiresAccess? required = endpoint?.Metadata.GetMetadata<RequiresAccess>();
        RequestInfo info = RequestInfo.Keep(context);
        bool isKnown = info.User.IsKnown;
        // No route, or a stand-in that routing made of routes that did not fit (it only says 405 or 415): nothing to guard, but only
        // who shows a credential learns which paths there are.
        bool isNothing = endpoint is not RouteEndpoint && required is null;
        if (isNothing ? isKnown : required is not null && await IsAllowed(context, info))
            await next(context);
        else
            await (isKnown ? answers.Forbidden(context, info.Access) : answers.Unauthorized(context));
    }

    /// <summary>
    /// Who shows a wrong credential does not get what others get who show none, but for what is open: a probe may have an old one.
    /// </summary>
    private ValueTask<bool> IsAllowed(HttpContext context, RequestInfo info) => context.Features.Get<WrongCredential>() is null
        ? authorization.AllowsAsync(info.User, info.Access, context.RequestAborted)
        : new(Authorization.IsOpen(info.Access));
}
