using EventStore.Server.Access;
using EventStore.Server.Access.Credentials;
using EventStore.Server.Kubernetes;

namespace EventStore.Server.Page.SignIn;

/// <summary>
/// Signing in with a token, and out. What is pasted is kept in the browser's cookie; whether it is a token is found out by the next
/// request, as with every other, and a wrong one leads back here.
/// </summary>
internal static class SignInEndpoints
{
    /// <summary>Where one signs in.</summary>
    public const string Path = PageSetup.Root + "/sign-in";

    /// <summary>Where one signs out.</summary>
    public const string OutPath = PageSetup.Root + "/sign-out";

    /// <summary>The name of the field that holds the page that was wanted.</summary>
    public const string Return = "return";

    private const string Unknown = "The server does not know this token, or does not know it any more.";

    /// <summary>Maps them.</summary>
    public static void MapSignIn(this IEndpointRouteBuilder page)
    {
        RouteGroupBuilder open = page.MapGroup(string.Empty);
        open.WithMetadata(RequiresAccess.Open);
        open.MapRead("/sign-in", Ask);
        open.MapPost("/sign-in", In).DisableAntiforgery().RequiresFormToken(); // the filter's refusal is a page
        open.MapPost("/sign-out", Out).DisableAntiforgery().RequiresFormToken();
        open.MapIssuerSignIn();
    }

    /// <summary>The address of the form, from which one comes back to the page one wanted.</summary>
    public static string ToComeBackTo(HttpRequest request) =>
        PageLinks.With(Path, (Return, request.PathBase + request.Path + request.QueryString));

    /// <summary>The form.</summary>
    /// <param name="http">The request.</param>
    /// <param name="page">Where one goes from here.</param>
    /// <param name="problem">Why one is here again; null the first time.</param>
    /// <param name="code">The HTTP code.</param>
    public static IResult Form(HttpContext http, string page, string? problem, int code = StatusCodes.Status200OK) =>
        PageAnswers.Show<SignInPage>(
            new SignInModel(page, problem, http.RequestServices.GetService<OidcCodeFlow>()?.IssuerName), code);

    private static IResult Ask(HttpContext http, SignInCookie cookie)
    {
        bool isWrong = http.Features.Get<WrongCredential>() is not null;
        if (isWrong)
            cookie.Remove(http);
        return Form(http, Local(http.Request.Query[Return]), isWrong ? Unknown : null);
    }

    private static async Task<IResult> In(HttpContext http, SignInCookie cookie)
    {
        IFormCollection form = await http.Request.ReadFormAsync(http.RequestAborted);
        string token = form["token"].ToString().Trim();
        if (token.Length is 0 or > SignInCookie.TokenLengthMax || token.Any(c => c is <= ' ' or > '~'))
            return Status.BadRequest("this is no token: a token is one line of letters, digits and signs");
        cookie.Set(http, token);
        return Results.LocalRedirect(Local(form[Return]));
    }

    private static IResult Out(HttpContext http, SignInCookie cookie)
    {
        cookie.Remove(http);
        http.Response.Headers["Clear-Site-Data"] = "\"cache\""; // or the back button would show what was on the screen
        return Results.LocalRedirect(Path);
    }

    /// <summary>An address of the page's own, whatever the query says: nobody is led elsewhere by a link to this server.</summary>
    public static string Local(string? address) =>
        address is not null
            && address.StartsWith(PageSetup.Root + "/", StringComparison.Ordinal)
            && address.All(c => c is > ' ' and <= '~' and not '\\')
        && !address.StartsWith(Path, StringComparison.Ordinal)
            ? address
            : PageSetup.Root + "/";
}

/// <summary>What the form shows.</summary>
/// <param name="Return">Where one goes from here.</param>
/// <param name="Problem">Why one is here again; null the first time.</param>
/// <param name="Issuer">The issuer at which one can sign in; null for none.</param>
public sealed record SignInModel(string Return, string? Problem, string? Issuer);
