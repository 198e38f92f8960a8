using EventStore.Server.Access.Credentials;

namespace EventStore.Server.Access;

/// <summary>
/// Checks the caller's right to the endpoint. It runs between routing and the endpoints, so an endpoint that does not declare what
/// it requires is closed, not open.
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
        // No route matched, or only one that answers 405 or 415: there is nothing to guard, but which paths exist is told only
        // to authenticated callers.
        bool isNothing = endpoint is not RouteEndpoint && required is null;
        if (isNothing ? isKnown : required is not null && await IsAllowed(context, info))
            await next(context);
        else
            await (isKnown ? answers.Forbidden(context, info.Access) : answers.Unauthorized(context));
    }

    /// <summary>
    /// A wrong credential is refused where none at all would be answered as anonymous, except on open paths: a probe may have
    /// an outdated one.
    /// </summary>
    private ValueTask<bool> IsAllowed(HttpContext context, RequestInfo info) => context.Features.Get<WrongCredential>() is null
        ? authorization.AllowsAsync(info.User, info.Access, context.RequestAborted)
        : new(Authorization.IsOpen(info.Access));
}
