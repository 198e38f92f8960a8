using EventStore.Server.Access;
using EventStore.Server.Access.Credentials;
using EventStore.Server.Kubernetes;
using EventStore.Server.Page.SignIn;
using Microsoft.AspNetCore.Antiforgery;
using Microsoft.AspNetCore.Components;
using Microsoft.AspNetCore.Http.HttpResults;

namespace EventStore.Server.Page;

/// <summary>How the page answers: with what headers, and what a refusal looks like to a person.</summary>
internal static class PageAnswers
{
    /// <summary>
    /// Nothing comes from elsewhere, nothing runs or looks as the page's own files do not say, and no other page frames this one.
    /// </summary>
    public const string Policy = "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'";

    /// <summary>Shows a component whose parameter is its model.</summary>
    public static IResult Show<TComponent>(object model, int code = StatusCodes.Status200OK)
        where TComponent : IComponent =>
        new RazorComponentResult<TComponent>(
            new Dictionary<string, object?> { ["Model"] = model })
        { StatusCode = code, PreventStreamingRendering = true };

    /// <summary>
    /// Lets a form's POST through only with the token that the page put into the form. A browser sends cookies and certificates with
    /// whatever another site makes it send, and that site does not know the token.
    /// </summary>
    public static TBuilder RequiresFormToken<TBuilder>(this TBuilder endpoint)
        where TBuilder : IEndpointConventionBuilder => endpoint.AddEndpointFilter(async (context, next) =>
    {
        HttpContext http = context.HttpContext;
        return await http.RequestServices.GetRequiredService<IAntiforgery>().IsRequestValidAsync(http)
            ? await next(context)
            : Status.BadRequest("this form is too old, or it was not made by this server: go back, load the page again and try once more");
    });

    /// <summary>Makes ready for whatever will answer a request of the page.</summary>
    internal static Task Prepare(HttpContext http, RequestDelegate next)
    {
        if (SignInCookie.Governs(http.Request.Path))
        {
            http.Features.Set(new StatusForm(Refuse));
            http.Response.OnStarting(SetHeaders, http.Response.Headers); // last, or an answer that is begun anew would lose them
        }

        return next(http);
    }

    private static Task SetHeaders(object of)
    {
        var headers = (IHeaderDictionary)of;
        headers.ContentSecurityPolicy = Policy;
        headers.XContentTypeOptions = "nosniff";
        headers["Referrer-Policy"] = "no-referrer";
        headers.Remove("blazor-enhanced-nav"); // a word to a script that is not here
        if (headers.CacheControl.Count == 0)
            headers.CacheControl = "no-store"; // it is not for the next person at this computer
        return Task.CompletedTask;
    }

    private static Task Refuse(HttpContext http, Status status)
    {
        bool isToSignIn = status.Code == StatusCodes.Status401Unauthorized && HttpMethods.IsGet(http.Request.Method);
        if (isToSignIn && http.Request.Headers.Accept.Any(line => line?.Contains("text/html", StringComparison.OrdinalIgnoreCase) == true))
            return Results.Redirect(SignInEndpoints.ToComeBackTo(http.Request)).ExecuteAsync(http);
        var model = new Refusal(status.Code, status.Message, RequestInfo.Of(http).Access.Namespace);
        return Show<RefusalPage>(model, status.Code).ExecuteAsync(http);
    }
}

/// <summary>The answer to a reader who may not see a page.</summary>
/// <param name="Code">The HTTP code.</param>
/// <param name="Message">Why, in the API's words.</param>
/// <param name="Namespace">The namespace that was asked for; null for all.</param>
public sealed record Refusal(int Code, string Message, string? Namespace)
{
    /// <summary>The heading.</summary>
    public string Title => Code switch
    {
        400 => "This cannot be understood",
        401 => "Please sign in",
        403 => "You may not see this",
        404 => "Not found",
        409 => "Somebody else was faster",
        429 => "Too much at once",
        503 => "The database is away",
        504 => "It took too long",
        _ => Code < 500 ? "This cannot be done" : "Something went wrong",
    };
}
