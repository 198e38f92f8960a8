using System.Net.Http.Headers;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json.Nodes;
using EventStore.Server.Access;

namespace EventStore.Server.Tests.Access;

/// <summary>Certificates as credentials, over TLS as Kestrel serves it.</summary>
public sealed class Client_certificates : IAsyncLifetime, IDisposable
{
    private const string Name = "2.5.4.3", Organization = "2.5.4.10";
    private readonly AccessFolder folder = new();
    private readonly TestAuthority servers = new("servers"), clients = new("clients"), strangers = new("strangers");
    private X509Certificate2 served = null!;
    private Door door = null!;

    public async Task InitializeAsync()
    {
        served = servers.ForServer();
        door = await Door.Open(
            new AccessSources(folder.Tokens("alice-token,alice,1"), folder.Rules("""
                apiVersion: rbac.authorization.k8s.io/v1
                kind: ClusterRole
                metadata: {name: who}
                rules: [{nonResourceURLs: [/who], verbs: [get]}]
                ---
                apiVersion: rbac.authorization.k8s.io/v1
                kind: ClusterRoleBinding
                metadata: {name: who}
                subjects: [{kind: Group, name: "system:authenticated"}]
                roleRef: {kind: ClusterRole, name: who}
                """), folder.Authorities(clients.Pem)), served);
    }

    public async Task DisposeAsync() => await door.DisposeAsync();

    public void Dispose()
    {
        served.Dispose();
        folder.Dispose();
        servers.Dispose();
        clients.Dispose();
        strangers.Dispose();
    }

    [Fact]
    public async Task Name_a_user_and_his_groups()
    {
        using X509Certificate2 shown = clients.ForClient("carol", "dev", "ops");
        Assert.Equal("carol dev ops system:authenticated", await Who(shown));
        using X509Certificate2 apart = clients.ForClient(
            TestAuthority.Subject([(Organization, "dev")], [(Name, "first")], [(Organization, "ops")], [(Name, "carol")]));
        Assert.Equal("carol dev ops system:authenticated", await Who(apart));
    }

    [Fact]
    public async Task Of_an_administrator_open_everything()
    {
        using X509Certificate2 shown = clients.ForClient("root", Caller.Masters);
        using HttpClient client = servers.Trusting(door.Url, shown);
        Assert.Equal("ok", await client.GetStringAsync("/apis/kubeflow.org/v1/pytorchjobs"));
    }

    [Fact]
    public async Task Are_not_needed_beside_a_token()
    {
        Assert.Equal("401", await Who(null));
        Assert.Equal("alice system:authenticated", await Who(null, "alice-token"));
    }

    /// <summary>Upstream's union of authenticators: one that says yes is enough.</summary>
    [Fact]
    public async Task Count_before_tokens_and_a_token_counts_beside_a_bad_one()
    {
        using X509Certificate2 good = clients.ForClient("carol"), bad = strangers.ForClient("mallory", Caller.Masters);
        Assert.Equal("carol system:authenticated", await Who(good, "alice-token"));
        Assert.Equal("carol system:authenticated", await Who(good, "wrong"));
        Assert.Equal("alice system:authenticated", await Who(bad, "alice-token"));
        Assert.Equal("401", await Who(bad, "wrong"));
    }

    [Fact]
    public async Task That_nobody_vouches_for_are_no_credential()
    {
        using X509Certificate2 stranger = strangers.ForClient("carol", Caller.Masters);
        using X509Certificate2 old = clients.ForClient(TestAuthority.Subject([(Name, "carol")]), until: DateTimeOffset.UtcNow.AddHours(-1));
        using X509Certificate2 server = clients.ForClient(TestAuthority.Subject([(Name, "carol")]), usage: "1.3.6.1.5.5.7.3.1");
        using X509Certificate2 nameless = clients.ForClient(TestAuthority.Subject([(Organization, Caller.Masters)]));
        foreach (X509Certificate2 shown in (X509Certificate2[])[stranger, old, server, nameless])
            Assert.Equal("401", await Who(shown));
    }

    [Theory]
    [InlineData("a\0b", "dev")]
    [InlineData("carol", "d\0ev")]
    [InlineData("%LONG%", "dev")]
    [InlineData("carol", "%LONG%")]
    public async Task With_texts_that_cannot_be_kept_are_no_credential(string user, string group)
    {
        string Fill(string text) => text.Replace("%LONG%", new string('x', 1025), StringComparison.Ordinal);
        using X509Certificate2 shown = clients.ForClient(TestAuthority.Subject([(Name, Fill(user))], [(Organization, Fill(group))]));
        Assert.Equal("401", await Who(shown));
    }

    /// <summary>
    /// A browser presents its user's certificate for whatever page, so what a page may send unasked is not the user's doing.
    /// </summary>
    [Theory]
    [InlineData("POST", "https://evil.example", null, null, 401)]
    [InlineData("POST", "null", null, null, 401)]
    [InlineData("POST", "https://evil.example", "cross-site", null, 401)]
    [InlineData("POST", null, "same-site", null, 401)]
    [InlineData("GET", "https://evil.example", null, "websocket", 401)]
    [InlineData("POST", null, null, null, 200)] // a client that is no browser
    [InlineData("POST", "%OWN%", null, null, 200)]
    [InlineData("POST", "http://127.0.0.1:8001", "same-origin", null, 200)] // through kubectl proxy
    [InlineData("POST", null, "none", null, 200)]
    [InlineData("GET", null, "cross-site", null, 200)] // a link: the other page cannot read what it shows
    [InlineData("GET", "https://evil.example", "cross-site", null, 200)]
    public async Task Count_for_nothing_that_a_page_of_another_site_does(
        string method, string? origin, string? site, string? upgrade, int code)
    {
        using X509Certificate2 shown = clients.ForClient("root", Caller.Masters);
        using HttpClient client = servers.Trusting(door.Url, shown);
        using var request = new HttpRequestMessage(new HttpMethod(method), "/apis/kubeflow.org/v1/pytorchjobs");
        foreach ((string name, string? value) in new[] { ("Origin", origin), ("Sec-Fetch-Site", site), ("Upgrade", upgrade) })
        {
            if (value is not null)
                request.Headers.TryAddWithoutValidation(name, value.Replace("%OWN%", $"https://{door.Url.Authority}", StringComparison.Ordinal));
        }

        using HttpResponseMessage answer = await client.SendAsync(request);
        Assert.Equal(code, (int)answer.StatusCode);
    }

    private async Task<string> Who(X509Certificate2? shown, string? token = null)
    {
        using HttpClient client = servers.Trusting(door.Url, shown);
        if (token is not null)
            client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", token);
        using HttpResponseMessage answer = await client.GetAsync("/who");
        if (!answer.IsSuccessStatusCode)
            return $"{(int)answer.StatusCode}";
        JsonNode caller = JsonNode.Parse(await answer.Content.ReadAsStringAsync())!;
        return string.Join(' ', [(string)caller["name"]!, .. caller["groups"]!.AsArray().Select(group => (string)group!)]);
    }
}
