using System.Net;
using System.Text.RegularExpressions;

namespace EventStore.Server.Tests.Page;

/// <summary>The page without a browser: what its server says, quicker than one can look at it.</summary>
internal static partial class PageClient
{
    /// <summary>A client that has signed in by the form.</summary>
    public static async Task<HttpClient> SignedIn(Uri server, string token)
    {
        var client = new HttpClient(new HttpClientHandler { CookieContainer = new CookieContainer() }) { BaseAddress = server };
        client.DefaultRequestHeaders.Accept.ParseAdd("text/html, */*;q=0.8"); // as every browser does
        using HttpResponseMessage answer = await client.Post("/ui/sign-in", "/ui/sign-in", ("token", token));
        Assert.NotEqual("/ui/sign-in", answer.RequestMessage!.RequestUri!.AbsolutePath); // one is led on, if only to a page one may not see
        return client;
    }

    /// <summary>Sends a form as the page at <paramref name="from"/> would.</summary>
    public static async Task<HttpResponseMessage> Post(
        this HttpClient client, string from, string path, params (string Name, string Value)[] fields)
    {
        string formToken = FormToken().Match(await client.GetStringAsync(from)).Groups[1].Value;
        return await client.PostAsync(path, new FormUrlEncodedContent(
            fields.Append(("form-token", formToken)).Select(field => KeyValuePair.Create(field.Item1, field.Item2))));
    }

    [GeneratedRegex("name=\"form-token\" value=\"([^\"]*)\"")]
    private static partial Regex FormToken();
}
