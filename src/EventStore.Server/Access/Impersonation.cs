using EventStore.Server.Access.Credentials;

namespace EventStore.Server.Access;

/// <summary>
/// Lets a caller act as another user (<c>kubectl --as</c>), between authentication and authorization: from here on the request is the other
/// user's, with that user's rights alone, and history names both.
/// </summary>
public sealed class Impersonation(RequestDelegate next, AccessAnswers answers, Authorization authorization)
{
    /// <summary>Passes the request on, as the caller or as the impersonated user, or answers 400, 401 or 403.</summary>
    public async Task Invoke(HttpContext context)
    {
        ImpersonationRequest.Take(context.Request.Headers, out ImpersonationRequest? asked, out string? wrong);
        Caller caller = Caller.Of(context.User);
        if (asked is null && wrong is null)
            await next(context);
        else if (!caller.IsKnown)
            await answers.Unauthorized(context);
        else if (wrong is not null)
            await answers.BadRequest(context, wrong);
        else if (await FirstForbidden(caller, asked!, context.RequestAborted) is { } right)
            await answers.Forbidden(context, right);
        else
            await Act(context, asked!.As with { ImpersonatedBy = caller });
    }

    private Task Act(HttpContext context, Caller user)
    {
        context.User = user.ToPrincipal("Impersonation");
        return next(context);
    }

    private async ValueTask<AccessRequest?> FirstForbidden(Caller caller, ImpersonationRequest asked, CancellationToken stop)
    {
        foreach (AccessRequest right in asked.Rights)
        {
            if (!await authorization.AllowsAsync(caller, right, stop))
                return right;
        }

        return null;
    }
}
