using EventStore.Server.Access.Credentials;
using EventStore.Server.Kubernetes;
using Microsoft.AspNetCore.Authentication.JwtBearer;
using Microsoft.AspNetCore.Http.Extensions;
using Microsoft.Extensions.Options;

namespace EventStore.Server.Page.SignIn;

/// <summary>
/// Signing in at the OpenID Connect issuer: a link leads there, and the issuer sends the browser back. The ID token is then kept in the
/// cookie as one that was pasted is, and so it is checked at every request. Whatever goes wrong leads back to the form, which says so.
/// </summary>
internal static partial class IssuerEndpoints
{
    /// <summary>Where a sign-in begins.</summary>
    public const string Path = SignInEndpoints.Path + "/issuer";

    private const string CallbackPath = SignInEndpoints.Path + "/callback";
    private const int CodeLengthMax = 4096;
    private const int ErrorLengthMax = 60;

    /// <summary>Adds what it needs, where the page is a client of the issuer.</summary>
    public static void AddIssuerSignIn(this IServiceCollection services, OidcSettings? oidc)
    {
        if (oidc?.PageClient is not { } client)
            return;
        services.AddSingleton<BegunSignIns>();
        services.AddSingleton(provider => new OidcCodeFlow(oidc, client, provider.GetRequiredService<IOptionsMonitor<JwtBearerOptions>>()));
    }

    /// <summary>Maps it, where the page is a client of the issuer.</summary>
    public static void MapIssuerSignIn(this IEndpointRouteBuilder open)
    {
        if (open.ServiceProvider.GetService<OidcCodeFlow>() is null)
            return;
        open.MapRead("/sign-in/issuer", Begin);
        open.MapRead("/sign-in/callback", End);
    }

    private static async Task<IResult> Begin(HttpContext http, OidcCodeFlow flow, BegunSignIns begunOnes, ILoggerFactory logging)
    {
        string page = SignInEndpoints.Local(http.Request.Query[SignInEndpoints.Return]);
        string callback = UriHelper.BuildAbsolute(http.Request.Scheme, http.Request.Host, http.Request.PathBase, CallbackPath);
        (string? address, BegunSignIn? begun, string? away) = await flow.Begin(callback, page, http.RequestAborted);
        if (begun is null)
            return Away(http, flow, page, away!, logging);
        begunOnes.Keep(http, begun);
        return Results.Redirect(address!);
    }

    private static async Task<IResult> End(
        HttpContext http, OidcCodeFlow flow, BegunSignIns begunOnes, SignInCookie cookie, ILoggerFactory logging)
    {
        IQueryCollection query = http.Request.Query;
        if (begunOnes.Take(http) is not { } begun || query["state"] != begun.State)
        {
            return Refused(
                http, SignInEndpoints.Local(null), "no sign-in waits for this answer",
                "This sign-in was not begun in this browser, was ended already, or took too long. Please begin again.", logging);
        }

        if (query["code"].ToString() is not { Length: > 0 and <= CodeLengthMax } code)
        {
            string error = Error(query["error"]);
            return Refused(http, begun.Return, $"the issuer says {error}", $"{flow.IssuerName} did not sign you in: {error}.", logging);
        }

        EndedSignIn ended = await flow.End(begun, code, http.RequestAborted);
        if (ended is EndedSignIn.Away(var away))
            return Away(http, flow, begun.Return, away, logging);
        if (ended is not EndedSignIn.Done(var token))
        {
            string why = ((EndedSignIn.Refused)ended).Why;
            return Refused(http, begun.Return, why, $"What {flow.IssuerName} says of you is not taken: {why}.", logging);
        }

        if (token.Length > SignInCookie.TokenLengthMax)
        {
            const string large = "the ID token is too large to be kept in a browser";
            return Refused(http, begun.Return, large, $"You cannot be signed in: {large}.", logging);
        }

        cookie.Set(http, token);
        return PageAnswers.Show<SignedInPage>(begun.Return);
    }

    private static IResult Refused(HttpContext http, string page, string why, string shown, ILoggerFactory logging)
    {
        NotTaken(LogOf(logging), http.TraceIdentifier, why);
        return SignInEndpoints.Form(http, page, shown, StatusCodes.Status400BadRequest);
    }

    private static IResult Away(HttpContext http, OidcCodeFlow flow, string page, string why, ILoggerFactory logging)
    {
        NoAnswer(LogOf(logging), http.TraceIdentifier, why);
        string shown = $"{flow.IssuerName} does not answer as it should. Try again later, or paste a token.";
        return SignInEndpoints.Form(http, page, shown, StatusCodes.Status502BadGateway);
    }

    /// <summary>
    /// The issuer's error code (RFC 6749, section 4.1.2.1). Anybody can send one, so only what looks like a code is repeated.
    /// </summary>
    private static string Error(string? error) =>
        error is { Length: > 0 and <= ErrorLengthMax } && error.All(c => char.IsAsciiLetter(c) || c == '_') ? error : "it gives no reason";

    private static ILogger LogOf(ILoggerFactory logging) => logging.CreateLogger(typeof(IssuerEndpoints).FullName!);

    [LoggerMessage(115, LogLevel.Information, "Request {Id}: a sign-in at the issuer is refused: {Reason}")]
    private static partial void NotTaken(ILogger log, string id, string reason);

    [LoggerMessage(116, LogLevel.Warning, "Request {Id}: nobody can sign in at the issuer, for it does not answer: {Reason}")]
    private static partial void NoAnswer(ILogger log, string id, string reason);
}
