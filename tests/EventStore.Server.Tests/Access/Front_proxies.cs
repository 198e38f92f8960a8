using System.Net.Http.Headers;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json.Nodes;
using EventStore.Server.Access;
using EventStore.Server.Access.Credentials;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Primitives;

namespace EventStore.Server.Tests.Access;

/// <summary>A proxy that names users in headers is believed by its client certificate alone.</summary>
public sealed class Front_proxies : IAsyncLifetime, IDisposable
{
    private const string Name = "2.5.4.3";
    private readonly AccessFolder folder = new();
    private readonly TestAuthority servers = new("servers"), proxies = new("proxies"), clients = new("clients"),
        strangers = new("strangers");
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
                """), folder.Authorities(clients.Pem, "client-ca"))
            {
                ProxyAuthorities = folder.Authorities(proxies.Pem, "proxy-ca"),
                ProxyHeaders = new RequestHeaderSettings { AllowedNames = ["front-proxy-client"] },
            },
            served);
    }

    public async Task DisposeAsync() => await door.DisposeAsync();

    public void Dispose()
    {
        served.Dispose();
        folder.Dispose();
        foreach (TestAuthority authority in (TestAuthority[])[servers, proxies, clients, strangers])
            authority.Dispose();
    }

    [Fact]
    public async Task Name_the_user_with_groups_uid_and_extras()
    {
        using X509Certificate2 proxy = proxies.ForClient("front-proxy-client");
        JsonNode who = (await Who(
            proxy, ["x-remote-user: carol", "X-REMOTE-GROUP: dev", "X-Remote-Uid: 7", "X-Remote-Extra-Example.com%2fScopes: a b"]))!;
        Assert.Equal(("carol", "7"), ((string)who["name"]!, (string)who["uid"]!));
        Assert.Equal(["dev", "system:authenticated"], Groups(who));
        Assert.Equal(["example.com/scopes"], who["extra"]!.AsObject().Select(pair => pair.Key));
        var anonymous = new HeaderDictionary { ["X-Remote-User"] = "system:anonymous", ["X-Remote-Group"] = "system:unauthenticated" };
        var front = new FrontProxy(folder.Authorities(proxies.Pem, "proxy-ca").Current, new RequestHeaderSettings());
        Assert.Equal(["system:unauthenticated"], front.Take(anonymous, proxy, DateTimeOffset.UtcNow)!.Groups);
    }

    [Fact]
    public async Task Are_believed_by_nothing_but_a_certificate_of_their_authority_with_an_allowed_name()
    {
        string[] forged = ["X-Remote-User: root", "X-Remote-Group: system:masters"];
        using X509Certificate2 another = proxies.ForClient("another"), client = clients.ForClient("front-proxy-client"),
            stranger = strangers.ForClient("front-proxy-client");
        using X509Certificate2 old = proxies.ForClient(
            TestAuthority.Subject([(Name, "front-proxy-client")]), until: DateTimeOffset.UtcNow.AddHours(-1));
        using X509Certificate2 server = proxies.ForClient(
            TestAuthority.Subject([(Name, "front-proxy-client")]), usage: "1.3.6.1.5.5.7.3.1");
        foreach (X509Certificate2? shown in (X509Certificate2?[])[null, another, stranger, old, server])
        {
            Assert.Null(await Who(shown, forged));
            Assert.Equal("alice", (string)(await Who(shown, forged, "alice-token"))!["name"]!);
        }

        // The other authority's certificate is a user of its own, whatever the headers say.
        Assert.Equal("front-proxy-client", (string)(await Who(client, forged))!["name"]!);
    }

    [Theory]
    [InlineData("X-Remote-Group: system:masters")]
    [InlineData("X-Remote-User: ")]
    [InlineData("X-Remote-User: %LONG%")]
    public async Task That_name_no_user_are_no_credential(string header)
    {
        using X509Certificate2 proxy = proxies.ForClient("front-proxy-client");
        Assert.Null(await Who(proxy, [header.Replace("%LONG%", new string('x', 1025), StringComparison.Ordinal)]));
    }

    [Fact]
    public void Are_never_believed_in_100_000_forgeries_and_their_headers_never_stay()
    {
        var random = new Random(1);
        string[] names = ["front-proxy-client", "Front-Proxy-Client", "front-proxy-client ", "kube-apiserver", "x"];
        X509Certificate2?[] shown =
        [
            null,
            .. names.Select(name => strangers.ForClient(name)), .. names.Select(name => clients.ForClient(name)),
            .. names.Skip(1).Select(name => proxies.ForClient(name)),
            proxies.ForClient(TestAuthority.Subject([(Name, "front-proxy-client")], [(Name, "x")])), // of two common names the last counts
            proxies.ForClient(TestAuthority.Subject([("2.5.4.10", "front-proxy-client")])),
            proxies.ForClient(TestAuthority.Subject([(Name, "front-proxy-client")]), until: DateTimeOffset.UtcNow.AddMinutes(-5)),
            proxies.ForClient(TestAuthority.Subject([(Name, "front-proxy-client")]), usage: "1.3.6.1.5.5.7.3.1"),
        ];
        var settings = new RequestHeaderSettings { AllowedNames = ["front-proxy-client"] };
        ClientAuthorities authorities = folder.Authorities(proxies.Pem, "proxy-ca").Current;
        string[] headers =
        [
            "X-Remote-User", "x-remote-user", "X-Remote-Group", "X-Remote-Uid", "X-Remote-Extra-Scopes", "X-Remote-Extra-",
            "X-REMOTE-EXTRA-%2f",
        ];
        string[] values = ["root", "system:masters", "front-proxy-client", "", "a,b", "\0", "é"];
        for (int i = 0; i < 100_000; i++)
        {
            var forged = new HeaderDictionary { ["Accept"] = "*/*", ["X-Remote-User"] = "root" };
            for (int more = random.Next(4); more > 0; more--)
                forged[headers[random.Next(headers.Length)]] = new StringValues(
                    [values[random.Next(values.Length)], values[random.Next(values.Length)]]);
            Assert.Null(new FrontProxy(authorities, settings).Take(forged, shown[random.Next(shown.Length)], DateTimeOffset.UtcNow));
            Assert.Equal(["Accept"], forged.Keys);
        }

        // The same headers of the right proxy are believed: the test above can fail.
        using X509Certificate2 proxy = proxies.ForClient("front-proxy-client");
        Assert.Equal("root", new FrontProxy(authorities, settings)
            .Take(new HeaderDictionary { ["X-Remote-User"] = "root" }, proxy, DateTimeOffset.UtcNow)!.Name);
        foreach (X509Certificate2? certificate in shown)
            certificate?.Dispose();
    }

    [Theory]
    [InlineData("requestheader-allowed-names=a", "--requestheader-allowed-names counts for nothing without --requestheader-client-ca-file")]
    [InlineData("requestheader-uid-headers=a", "--requestheader-uid-headers counts for nothing without --requestheader-client-ca-file")]
    [InlineData("requestheader-client-ca-file=f requestheader-allowed-names=a,,b requestheader-username-headers=X-User,X-Name", null)]
    [InlineData("", null)]
    public void Settings_are_kube_apiservers(string given, string? expected)
    {
        Dictionary<string, string> settings = given.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(pair => pair.Split('='))
            .ToDictionary(pair => pair[0], pair => pair[1]);
        if (expected is not null)
        {
            var wrong = Assert.Throws<OperatorException>(() => RequestHeaderSettings.Read(settings.GetValueOrDefault));
            Assert.StartsWith(expected + "\n", wrong.Message, StringComparison.Ordinal);
            return;
        }

        var headers = RequestHeaderSettings.Read(settings.GetValueOrDefault);
        bool named = settings.Count > 0;
        Assert.Equal(named ? "a b" : "", string.Join(' ', headers.AllowedNames));
        Assert.Equal(named ? "X-User X-Name" : "X-Remote-User", string.Join(' ', headers.UsernameHeaders));
        Assert.Equal("X-Remote-Group X-Remote-Uid X-Remote-Extra-", string.Join(
            ' ', (string[])[.. headers.GroupHeaders, .. headers.UidHeaders, .. headers.ExtraPrefixes]));
    }

    private static IEnumerable<string> Groups(JsonNode who) => who["groups"]!.AsArray().Select(group => (string)group!);

    /// <summary>Who the server takes the request for; null when it answers 401.</summary>
    private async Task<JsonNode?> Who(X509Certificate2? shown, string[] headers, string? token = null)
    {
        using HttpClient client = servers.Trusting(door.Url, shown);
        if (token is not null)
            client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", token);
        using var request = new HttpRequestMessage(HttpMethod.Get, "/who");
        foreach (string[] header in headers.Select(header => header.Split(": ", 2)))
            Assert.True(request.Headers.TryAddWithoutValidation(header[0], header[1]));
        using HttpResponseMessage answer = await client.SendAsync(request);
        string body = await answer.Content.ReadAsStringAsync();
        Assert.True((int)answer.StatusCode is 200 or 401, body);
        return answer.IsSuccessStatusCode ? JsonNode.Parse(body) : null;
    }
}
