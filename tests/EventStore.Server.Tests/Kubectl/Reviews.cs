using System.Net;
using System.Net.Http.Headers;
using System.Text.Json.Nodes;
using EventStore.Server.Tests.Fixtures;

namespace EventStore.Server.Tests.Kubectl;

/// <summary>Questions about oneself as other clients than kubectl ask them, and as nobody should.</summary>
[Collection(KubectlServer.Collection)]
[Trait("Category", "Slow")]
public sealed class Reviews(KubectlServer server)
{
    private const string AccessPath = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
    private const string RulesPath = "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews";
    private const string Protobuf = "application/vnd.kubernetes.protobuf";

    [SkippableTheory]
    [InlineData("""{"resourceAttributes":{"namespace":"ns","verb":"patch","group":"kubeflow.org","resource":"pytorchjobs","name":"x"}}""", true, false)]
    [InlineData("""{"resourceAttributes":{"verb":"create","group":"authentication.k8s.io","resource":"selfsubjectreviews"}}""", true, true)]
    [InlineData("""{"nonResourceAttributes":{"verb":"get","path":"/version"}}""", true, true)]
    [InlineData("""{"nonResourceAttributes":{"verb":"get","path":"/metrics"}}""", true, false)]
    [InlineData("""{"resourceAttributes":{}}""", true, false)]
    public async Task Access_is_answered_with_the_question_repeated(string spec, bool admin, bool alice)
    {
        foreach ((string token, bool allowed) in ((string, bool)[])[(ServerProcess.AdminToken, admin), (ServerProcess.AliceToken, alice)])
        {
            using HttpClient client = server.Process.Client(token);
            using HttpResponseMessage answer = await client.PostAsync(AccessPath, Sample.Body(Access(spec)));
            JsonNode review = await answer.Manifest(201);
            Assert.Equal(("SelfSubjectAccessReview", allowed), ((string)review["kind"]!, (bool)review["status"]!["allowed"]!));
            Assert.True(JsonNode.DeepEquals(JsonNode.Parse(spec), review["spec"]));
        }
    }

    [SkippableTheory]
    [InlineData("{}", "exactly one of nonResourceAttributes or resourceAttributes must be specified")]
    [InlineData("""{"resourceAttributes":{"verb":"get"},"nonResourceAttributes":{"verb":"get"}}""", "cannot be specified in combination with resourceAttributes")]
    public async Task It_is_about_a_resource_or_about_a_path(string spec, string expected)
    {
        using HttpResponseMessage answer = await server.Admin.PostAsync(AccessPath, Sample.Body(Access(spec)));
        Assert.Contains(expected, (string)(await answer.Manifest(422))["message"]!, StringComparison.Ordinal);
    }

    [SkippableTheory]
    [InlineData("", 400)]
    [InlineData("[]", 400)]
    [InlineData("""{"apiVersion":"authorization.k8s.io/v1","kind":"SelfSubjectRulesReview","spec":{}}""", 400)]
    [InlineData("""{"apiVersion":"authorization.k8s.io/v1","kind":"SelfSubjectAccessReview","spec":{"resourceAttributes":{"verb":7}}}""", 400)]
    [InlineData("""{"apiVersion":"authorization.k8s.io/v1","kind":"SelfSubjectAccessReview","spec":"x"}""", 400)]
    public async Task What_cannot_be_understood_is_refused(string body, int code)
    {
        using HttpResponseMessage answer = await server.Admin.PostAsync(AccessPath, Sample.Body(body));
        await answer.Manifest(code);
    }

    [SkippableFact]
    public async Task Rules_need_a_namespace()
    {
        const string head = """{"apiVersion":"authorization.k8s.io/v1","kind":"SelfSubjectRulesReview","spec":""";
        Assert.Equal(
            "no namespace on request",
            (string)(await (await server.Admin.PostAsync(RulesPath, Sample.Body(head + "{}}"))).Manifest(400))["message"]!);
        JsonNode review = await (await server.Admin.PostAsync(RulesPath, Sample.Body(head + """{"namespace":"ns"}}"""))).Manifest(201);
        Assert.Equal("*", (string)review["status"]!["resourceRules"]![0]!["verbs"]![0]!);
        Assert.False((bool)review["status"]!["incomplete"]!);
    }

    [SkippableTheory]
    [InlineData("")]
    [InlineData("k8s")]
    [InlineData("{}")]
    [InlineData("k8s\0")]
    [InlineData("k8s\0\u000a\u00ff")]
    public async Task Protobuf_that_is_none_is_refused(string body)
    {
        using var content =
            new ByteArrayContent([.. body.Select(c => (byte)c)]) { Headers = { ContentType = new MediaTypeHeaderValue(Protobuf) } };
        using HttpResponseMessage answer = await server.Admin.PostAsync(AccessPath, content);
        Assert.Equal("BadRequest", (string)(await answer.Manifest(400))["reason"]!);
    }

    [SkippableFact]
    public async Task A_body_too_large_is_refused()
    {
        using var content = new ByteArrayContent(new byte[65 * 1024]) { Headers = { ContentType = new MediaTypeHeaderValue(Protobuf) } };
        Assert.Equal(HttpStatusCode.RequestEntityTooLarge, (await server.Admin.PostAsync(AccessPath, content)).StatusCode);
    }

    [SkippableTheory]
    [InlineData("text/plain", "application/json", HttpStatusCode.UnsupportedMediaType)]
    [InlineData("application/yaml", "application/json", HttpStatusCode.Created)]
    [InlineData("application/json", Protobuf, HttpStatusCode.NotAcceptable)]
    [InlineData("application/json", Protobuf + ",application/json", HttpStatusCode.Created)]
    public async Task Media_types_are_kept_to(string contentType, string accept, HttpStatusCode expected)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, AccessPath)
        {
            Content = Sample.Body(Access("""{"nonResourceAttributes":{"verb":"get","path":"/"}}"""), contentType),
        };
        request.Headers.TryAddWithoutValidation("Accept", accept);
        Assert.Equal(expected, (await server.Admin.SendAsync(request)).StatusCode);
    }

    [SkippableTheory]
    [InlineData("GET", AccessPath, 405)]
    [InlineData("DELETE", RulesPath, 405)]
    public async Task There_is_nothing_to_read_or_delete(string method, string path, int code) =>
        await (await server.Admin.SendAsync(new HttpRequestMessage(new HttpMethod(method), path))).Manifest(code);

    [SkippableFact]
    public async Task Who_shows_no_credential_is_not_answered()
    {
        using var nobody = new HttpClient { BaseAddress = server.Process.Url };
        using HttpResponseMessage answer = await nobody.PostAsync(AccessPath, Sample.Body(Access("{}")));
        Assert.Equal(HttpStatusCode.Unauthorized, answer.StatusCode);
    }

    private static string Access(string spec) =>
        $$"""{"apiVersion":"authorization.k8s.io/v1","kind":"SelfSubjectAccessReview","spec":{{spec}}}""";
}
