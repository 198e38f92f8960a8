using System.Diagnostics;
using System.Text.Json.Nodes;
using EventStore.Server.Access;
using EventStore.Server.Access.Credentials;
using EventStore.Server.Tests.Fixtures;

namespace EventStore.Server.Tests.Access;

/// <summary>Bearer tokens of an OpenID Connect issuer, with kube-apiserver's settings and its verdicts.</summary>
[Trait("Category", "Slow")]
public sealed class Tokens_of_an_issuer : IAsyncLifetime, IDisposable
{
    private readonly AccessFolder folder = new();
    private Issuer issuer = null!;

    public async Task InitializeAsync()
    {
        issuer = await Issuer.Start();
        await File.WriteAllTextAsync(folder.PathOf("issuer.pem"), issuer.AuthorityPem);
    }

    public async Task DisposeAsync() => await issuer.DisposeAsync();

    public void Dispose() => folder.Dispose();

    [Fact]
    public async Task Are_taken_when_everything_is_right_and_in_both_headers()
    {
        await using Door door = await Open("groups-claim=roles", "groups-prefix=oidc:");
        string token = issuer.Token("""{"roles": ["dev", "ops"]}""");
        string expected = $"{issuer.Url}#alice oidc:dev oidc:ops system:authenticated";
        Assert.Equal(expected, await Who(door, token));
        Assert.Equal(expected, await Who(door, token, "X-Auth-Token"));
        Assert.Equal("root system:masters system:authenticated", await Who(door, "root-token")); // the file's go on beside them
    }

    [Theory]
    [InlineData("""{"aud": "another"}""")]
    [InlineData("""{"aud": ["another", "the-client/"]}""")]
    [InlineData("""{"aud": null}""")]
    [InlineData("""{"iss": "https://another.example.com"}""")]
    [InlineData("""{"exp": 1000000000}""")]
    [InlineData("""{"exp": null}""")]
    [InlineData("""{"nbf": 9000000000}""")]
    [InlineData("""{"sub": null}""")]
    [InlineData("""{"sub": ""}""")]
    [InlineData("""{"sub": 7}""")]
    [InlineData("{}", "first", "none")]
    [InlineData("{}", "first", "HS256")]
    [InlineData("{}", "first", "RS512")]
    [InlineData("{}", "unknown")]
    public async Task Are_refused_for_anything_that_is_wrong(string claims, string key = "first", string algorithm = "RS256")
    {
        await using Door door = await Open();
        Assert.Equal("401", await Who(door, issuer.Token(claims, key, algorithm)));
        Assert.NotEqual("401", await Who(door, issuer.Token("""{"aud": ["another", "the-client"], "nbf": 1000000000}""")));
    }

    [Theory]
    [InlineData(""","crit":["b64"],"b64":true""")]
    [InlineData(""","crit":["exp"],"exp":9000000000""")]
    [InlineData(""","crit":["http://example.com/never"],"http://example.com/never":true""")]
    [InlineData(""","crit":[]""")]
    [InlineData(""","crit":null""")]
    [InlineData(""","crit":"b64" """)]
    public async Task Are_refused_when_they_need_an_extension_that_must_be_understood(string header)
    {
        await using Door door = await Open();
        Assert.Equal("401", await Who(door, issuer.Token(header: header)));
        Assert.NotEqual("401", await Who(door, issuer.Token(header: ""","more":["b64"]""")));
    }

    [Theory]
    [InlineData("""{"sub": "a\u0000b"}""")]
    [InlineData("""{"sub": "a%HALF%"}""")]
    [InlineData("""{"groups": ["dev", "a\u0000"]}""")]
    [InlineData("""{"groups": "%HALF%"}""")]
    [InlineData("""{"sub": "%LONG%"}""")]
    [InlineData("""{"groups": ["%LONG%"]}""")]
    public async Task Are_refused_for_texts_that_cannot_be_kept(string claims)
    {
        await using Door door = await Open("username-prefix=-", "groups-claim=groups");
        Assert.Equal("401", await Who(door, issuer.Token(claims.Replace("%LONG%", new string('é', 513), StringComparison.Ordinal))));
        Assert.NotEqual("401", await Who(door, issuer.Token($$"""{"sub": "{{new string('é', 512)}}"}""")));
    }

    [Fact]
    public async Task Are_refused_when_anything_of_them_was_changed()
    {
        await using Door door = await Open();
        string[] parts = issuer.Token().Split('.'), others = issuer.Token("""{"sub": "root"}""").Split('.');
        foreach (string token in (string[])[$"{parts[0]}.{others[1]}.{parts[2]}", $"{parts[0]}.{parts[1]}.", $"{parts[0]}.{parts[1]}",
            $"{parts[0]}..{parts[2]}", "a.b.c", "..", "...."])
            Assert.Equal("401", await Who(door, token));
    }

    [Fact]
    public async Task Follow_the_keys_of_the_issuer()
    {
        await using Door door = await Open();
        Assert.NotEqual("401", await Who(door, issuer.Token()));
        issuer.NewKey("second");
        string renewed = issuer.Token(key: "second");
        await Eventually.Holds(() => Who(door, renewed), who => who != "401", "the new key is known");
        Assert.NotEqual("401", await Who(door, issuer.Token()));
    }

    [Fact]
    public async Task With_keys_nobody_knows_do_not_send_this_server_to_the_issuer_each_time()
    {
        var waited = Stopwatch.StartNew();
        await using Door door = await Open();
        Assert.NotEqual("401", await Who(door, issuer.Token()));
        for (int i = 0; i < 50; i++)
            Assert.Equal("401", await Who(door, issuer.Token(key: $"unknown-{i}")));
        for (int i = 0; i < 5; i++)
            Assert.Equal("401", await Who(door, issuer.Token("""{"iss": "https://another.example.com"}""", key: $"unknown-{i}")));
        Assert.InRange(issuer.Asked, 1, 2 * (2 + (int)(waited.Elapsed / Oidc.AskAgainAfter))); // for its configuration and its keys
    }

    [Fact]
    public async Task Are_not_taken_of_whom_the_issuer_calls_itself()
    {
        issuer.ClaimedUrl = "https://another.example.com";
        await using Door door = await Open();
        Assert.Equal("401", await Who(door, issuer.Token("""{"iss": "https://another.example.com"}""")));
    }

    [Fact]
    public async Task Are_refused_while_the_issuer_is_away_or_not_trusted_and_others_are_not()
    {
        using var strangers = new TestAuthority("strangers");
        await File.WriteAllTextAsync(folder.PathOf("issuer.pem"), strangers.Pem);
        await using Door door = await Open();
        Assert.Equal("401", await Who(door, issuer.Token()));
        Assert.Equal("root system:masters system:authenticated", await Who(door, "root-token"));
    }

    [Theory]
    [InlineData("username-claim=email", """{"email": "a@b.c", "email_verified": true}""", "a@b.c system:authenticated")]
    [InlineData("username-claim=email", """{"email": "a@b.c"}""", "a@b.c system:authenticated")]
    [InlineData("username-claim=email", """{"email": "a@b.c", "email_verified": false}""", "401")]
    [InlineData("username-claim=email", """{"email": "a@b.c", "email_verified": "true"}""", "401")]
    [InlineData("username-claim=email,username-prefix=x:", """{"email": "a@b.c"}""", "x:a@b.c system:authenticated")]
    [InlineData("username-prefix=-", "{}", "alice system:authenticated")]
    [InlineData("username-prefix=x:", "{}", "x:alice system:authenticated")]
    [InlineData("username-claim=name,username-prefix=-", """{"name": "al"}""", "al system:authenticated")]
    [InlineData("username-prefix=-,groups-claim=groups", """{"groups": "dev"}""", "alice dev system:authenticated")]
    [InlineData("username-prefix=-,groups-claim=groups", """{"groups": []}""", "alice system:authenticated")]
    [InlineData("username-prefix=-,groups-claim=groups", "{}", "alice system:authenticated")]
    [InlineData("username-prefix=-,groups-claim=groups", """{"groups": ["dev", 7]}""", "401")]
    [InlineData("username-prefix=-,groups-claim=groups", """{"groups": {"dev": true}}""", "401")]
    [InlineData("username-prefix=-", """{"group": "system:masters", "groups": ["system:masters"], "role": "system:masters"}""", "alice system:authenticated")]
    [InlineData("username-prefix=-,required-claim=hd=example.com", """{"hd": "example.com"}""", "alice system:authenticated")]
    [InlineData("username-prefix=-,required-claim=hd=example.com", """{"hd": "example.org"}""", "401")]
    [InlineData("username-prefix=-,required-claim=hd=example.com", "{}", "401")]
    public async Task Name_their_user_as_the_settings_say(string settings, string claims, string expected)
    {
        await using Door door = await Open(settings.Split(','));
        Assert.Equal(expected, await Who(door, issuer.Token(claims)));
    }

    [Theory]
    [InlineData("oidc-issuer-url=https://a", "--oidc-issuer-url and --oidc-client-id must be given together, and with any other --oidc option")]
    [InlineData("oidc-groups-claim=x", "--oidc-issuer-url and --oidc-client-id must be given together, and with any other --oidc option")]
    [InlineData("oidc-issuer-url=http://a oidc-client-id=c", "--oidc-issuer-url must be an https URL")]
    [InlineData("oidc-issuer-url=https://a?b oidc-client-id=c", "--oidc-issuer-url must have no user, no query and no fragment")]
    [InlineData("oidc-issuer-url=https://u@a oidc-client-id=c", "--oidc-issuer-url must have no user, no query and no fragment")]
    [InlineData("oidc-issuer-url=https://a oidc-client-id=c oidc-signing-algs=none", "--oidc-signing-algs: there is no none; there are RS256, RS384, RS512, ES256, ES384, ES512, PS256, PS384, PS512")]
    [InlineData("oidc-issuer-url=https://a oidc-client-id=c oidc-required-claim=x", "--oidc-required-claim: 'x' is not like claim=value")]
    [InlineData("oidc-issuer-url=https://a oidc-client-id=c oidc-ca-file=/nowhere.pem", "--oidc-ca-file: Could not find file '/nowhere.pem'.")]
    public void Need_settings_that_make_sense(string given, string expected)
    {
        Dictionary<string, string> settings = given.Split(' ')
            .ToDictionary(pair => pair[..pair.IndexOf('=')], pair => pair[(pair.IndexOf('=') + 1)..]);
        var wrong = Assert.Throws<OperatorException>(() => OidcSettings.Read(settings.GetValueOrDefault));
        Assert.StartsWith(expected + "\n", wrong.Message, StringComparison.Ordinal);
    }

    private async Task<Door> Open(params string[] more)
    {
        Dictionary<string, string> settings = more.ToDictionary(
            pair => "oidc-" + pair[..pair.IndexOf('=')], pair => pair[(pair.IndexOf('=') + 1)..]);
        (settings["oidc-issuer-url"], settings["oidc-client-id"], settings["oidc-ca-file"]) =
            (issuer.Url, "the-client", folder.PathOf("issuer.pem"));
        return await Door.Open(new AccessSources(folder.Tokens("root-token,root,1,\"system:masters\""), folder.Rules("""
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
            """), Oidc: OidcSettings.Read(settings.GetValueOrDefault)));
    }

    private static async Task<string> Who(Door door, string token, string header = "Authorization")
    {
        using HttpClient client = door.Client();
        client.DefaultRequestHeaders.TryAddWithoutValidation(header, header == "Authorization" ? "Bearer " + token : token);
        using HttpResponseMessage answer = await client.GetAsync("/who");
        if (!answer.IsSuccessStatusCode)
            return $"{(int)answer.StatusCode}";
        JsonNode caller = JsonNode.Parse(await answer.Content.ReadAsStringAsync())!;
        return string.Join(' ', [(string)caller["name"]!, .. caller["groups"]!.AsArray().Select(group => (string)group!)]);
    }
}
