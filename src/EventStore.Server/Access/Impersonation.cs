using EventStore.Server.Access.Credentials;

namespace EventStore.Server.Access;

/// <summary>
/// Lets a caller act as another user (<c>kubectl --as</c>), between authentication and authorization: from here on the request is the other
/// user's, with that user's rights alone, and history names both.
/// </summary>
public sealed class Impersonation(RequestDelegate next, AccessAnswers answers, Authorization authorization)
{
    /// <summary>Passes the request on, as the caller or as the impersonated user, or answers 400, 401 or 403.</summary>
    public Task Invoke(HttpContext context)
    {
        ImpersonationRequest.Take(context.Request.Headers, out ImpersonationRequest? asked, out string? wrong);
        if (asked is null && wrong is null)
            return next(context);
        Caller caller = Caller.Of(context.User);
        if (!caller.IsKnown)
            return answers.Unauthorized(context);
        if (wrong is not null)
            return answers.BadRequest(context, wrong);
        foreach (AccessRequest right in asked!.Rights)
        {
            if (!authorization.Allows(caller, right))
                return answers.Forbidden(context, right);
        }

        context.User = (asked.As with { ImpersonatedBy = caller }).ToPrincipal("Impersonation");
        return next(context);
    }
}
