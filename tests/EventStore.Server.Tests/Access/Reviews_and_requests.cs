using System.Net;
using System.Net.Http.Json;
using System.Text.Json.Nodes;
using EventStore.Server.Access;
using FsCheck;
using FsCheck.Xunit;

namespace EventStore.Server.Tests.Access;

/// <summary>
/// What <c>auth can-i</c> and <c>auth can-i --list</c> say is what then happens: each asked over HTTP, the list read by a reader of the
/// test's own, on random rules.
/// </summary>
public sealed class Reviews_and_requests
{
    private const string Tokens =
        "alice,alice,1,devs\nbob,bob,2\noperator,system:serviceaccount:ml:operator,3\nroot,root,4,\"system:masters\"\n";

    // The seeds that grow with the tests' size are few, and the same ones again and again.
    [Property(MaxTest = 30)]
    public bool Never_disagree(DoNotSize<int> seed) => Agree(seed.Item);

    [Fact]
    public async Task Say_yes_and_no()
    {
        bool[] verdicts = await Compare(7, 300);
        Assert.InRange(verdicts.Count(allowed => allowed), 30, 270);
    }

    /// <summary>A failure is thrown here, where it is seen, with what was asked.</summary>
    private static bool Agree(int seed) => Compare(seed, 48).GetAwaiter().GetResult().Length > 0;

    private static async Task<bool[]> Compare(int seed, int requests)
    {
        var random = new RandomAccess(seed);
        using var folder = new AccessFolder();
        await using Door door = await Door.Open(new AccessSources(folder.Tokens(Tokens), folder.Rules(random.Rules())));
        var verdicts = new List<bool>();
        foreach (string token in (string[])["alice", "bob", "operator", "root"])
        {
            using HttpClient client = door.Client(token);
            Dictionary<string, JsonNode> lists = new() { ["ml"] = await List(client, "ml"), ["nlp"] = await List(client, "nlp") };
            for (int i = requests / 4; i > 0; i--)
            {
                AskedRequest asked = random.Request();
                bool happens = await Happens(client, asked);
                Assert.True(happens == await CanI(client, asked), $"{token} {asked}: can-i says {!happens}");
                if (asked.Namespace is { } @namespace)
                {
                    bool listed = Covers(lists[@namespace.Length == 0 ? "ml" : @namespace], asked.Attributes);
                    Assert.True(happens == listed, $"{token} {asked}: the list says {listed}");
                }

                verdicts.Add(happens);
            }
        }

        return [.. verdicts];
    }

    private static async Task<bool> Happens(HttpClient client, AskedRequest asked)
    {
        using HttpResponseMessage answer = await client.SendAsync(new HttpRequestMessage(new HttpMethod(asked.Method), asked.Path));
        Assert.True(answer.StatusCode is HttpStatusCode.OK or HttpStatusCode.Forbidden, $"{asked}: {answer.StatusCode}");
        return answer.StatusCode == HttpStatusCode.OK;
    }

    private static async Task<bool> CanI(HttpClient client, AskedRequest asked) =>
        (bool)(await Review(client, "SelfSubjectAccessReview", asked.Attributes.DeepClone()))["allowed"]!;

    private static Task<JsonNode> List(HttpClient client, string @namespace) =>
        Review(client, "SelfSubjectRulesReview", new JsonObject { ["namespace"] = @namespace });

    private static async Task<JsonNode> Review(HttpClient client, string kind, JsonNode spec)
    {
        var body = new JsonObject { ["apiVersion"] = "authorization.k8s.io/v1", ["kind"] = kind, ["spec"] = spec };
        using HttpResponseMessage answer = await client.PostAsJsonAsync($"/apis/authorization.k8s.io/v1/{kind.ToLowerInvariant()}s", body);
        Assert.Equal(HttpStatusCode.Created, answer.StatusCode);
        return JsonNode.Parse(await answer.Content.ReadAsStringAsync())!["status"]!;
    }

    /// <summary>Reads a list of rules as the documentation of RBAC tells a person to.</summary>
    private static bool Covers(JsonNode list, JsonObject attributes)
    {
        if (attributes["nonResourceAttributes"] is { } path)
            return list["nonResourceRules"]!.AsArray().Any(rule => Has(rule!, "verbs", path["verb"])
                && Texts(rule!, "nonResourceURLs").Any(url => IsBelow(url, (string)path["path"]!)));
        JsonNode asked = attributes["resourceAttributes"]!;
        string part = (string)asked["subresource"]!, whole = (string)asked["resource"]!;
        return list["resourceRules"]!.AsArray().Any(rule =>
            Has(rule!, "verbs", asked["verb"]) && Has(rule!, "apiGroups", asked["group"])
            && (Has(rule!, "resources", part.Length == 0 ? whole : $"{whole}/{part}")
                || (part.Length > 0 && Texts(rule!, "resources").Contains($"*/{part}")))
            && (Texts(rule!, "resourceNames") is [] || Texts(rule!, "resourceNames").Contains((string)asked["name"]!)));
    }

    private static bool IsBelow(string url, string path) =>
        url == path || (url.EndsWith('*') && path.StartsWith(url[..^1], StringComparison.Ordinal));

    private static bool Has(JsonNode rule, string field, JsonNode? value) => Texts(rule, field).Intersect(["*", (string)value!]).Any();

    private static string[] Texts(JsonNode rule, string field) => [.. rule[field]?.AsArray().Select(text => (string)text!) ?? []];
}
