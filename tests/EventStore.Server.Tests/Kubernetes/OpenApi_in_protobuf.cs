using System.Buffers.Binary;
using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using EventStore.Server.Tests.Fixtures;
using EventStore.Server.Tests.Kubectl;

namespace EventStore.Server.Tests.Kubernetes;

/// <summary>
/// The documents as client-go asks for them. They are decoded here by gnostic's own <c>OpenAPIv3.proto</c>, which this test reads, and come
/// out as the JSON documents they are made of.
/// </summary>
[Trait("Category", "Slow")]
[Collection(KubectlServer.Collection)]
public sealed class OpenApi_in_protobuf(KubectlServer server)
{
    private const string MediaType = "application/com.github.proto-openapi.spec.v3.v1.0+protobuf";
    private const string OldMediaType = "application/com.github.proto-openapi.spec.v3@v1.0+protobuf";

    private static readonly Dictionary<string, Dictionary<int, (string Type, string Name, bool Repeated)>> Messages = ReadProto();

    [Fact]
    public async Task Says_the_same_as_the_JSON()
    {
        JsonObject index = (await server.Admin.Get("/openapi/v3"))["paths"]!.AsObject();
        Assert.Contains("apis/kubeflow.org/v1", index.Select(version => version.Key));
        foreach (string url in index.Select(version => (string)version.Value!["serverRelativeURL"]!))
        {
            using HttpResponseMessage answer = await Get(url, OldMediaType);
            Assert.Equal((HttpStatusCode.OK, MediaType), (answer.StatusCode, answer.Content.Headers.ContentType!.ToString()));
            Assert.Equal("public, immutable", answer.Headers.CacheControl!.ToString()); // asked for by the hash of the index
            JsonNode decoded = Decode("Document", await answer.Content.ReadAsByteArrayAsync());
            JsonNode json = await server.Admin.Get(url);
            foreach (JsonNode? path in json["paths"]!.AsObject().Select(each => each.Value).Where(
                path => path!["parameters"] is JsonArray { Count: 0 }))
                path!.AsObject().Remove("parameters"); // protobuf does not tell an empty list from none
            Assert.True(JsonNode.DeepEquals(json, decoded), $"{url}\n{json.ToJsonString()}\n{decoded.ToJsonString()}");
        }
    }

    [Theory]
    [InlineData(OldMediaType, MediaType)]
    [InlineData(MediaType, MediaType)]
    [InlineData(MediaType + ",*/*", MediaType)]
    [InlineData("application/json;q=0.5," + OldMediaType, MediaType)]
    [InlineData("application/json", "application/json")]
    [InlineData("application/json," + MediaType, "application/json")]
    [InlineData("application/yaml,*/*", "application/json")]
    public async Task Comes_in_the_form_asked_for(string accept, string contentType)
    {
        using HttpResponseMessage answer = await Get("/openapi/v3/apis/kubeflow.org/v1", accept);
        Assert.Equal(contentType, answer.Content.Headers.ContentType!.ToString());
        using HttpResponseMessage again = await Get("/openapi/v3/apis/kubeflow.org/v1", accept, answer.Headers.ETag!.Tag);
        Assert.Equal(HttpStatusCode.NotModified, again.StatusCode);
    }

    [Fact]
    public async Task Is_not_the_form_of_the_index_and_another_form_there_is_not()
    {
        using HttpResponseMessage index = await Get("/openapi/v3", MediaType);
        Assert.Equal(("application/json", HttpStatusCode.OK), (index.Content.Headers.ContentType!.ToString(), index.StatusCode));
        using HttpResponseMessage refused = await Get("/openapi/v3/apis/kubeflow.org/v1", "application/yaml");
        Assert.Equal(HttpStatusCode.NotAcceptable, refused.StatusCode);
        Assert.Contains(OldMediaType, await refused.Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }

    private async Task<HttpResponseMessage> Get(string path, string accept, string? known = null)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, path);
        request.Headers.TryAddWithoutValidation("Accept", accept);
        if (known is not null)
            request.Headers.TryAddWithoutValidation("If-None-Match", known);
        return await server.Admin.SendAsync(request);
    }

    private static Dictionary<string, Dictionary<int, (string Type, string Name, bool Repeated)>> ReadProto() =>
        Regex.Matches(
            File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "Kubernetes", "OpenAPIv3.proto")), @"(?ms)^message (\w+) \{(.*?)^\}")
            .ToDictionary(message => message.Groups[1].Value, message => Regex.Matches(
                message.Groups[2].Value, @"(repeated )?([\w.]+) (\w+) = (\d+);")
                .ToDictionary(
                    field => int.Parse(field.Groups[4].Value),
                    field => (field.Groups[2].Value, field.Groups[3].Value, field.Groups[1].Success)));

    /// <summary>A message as the part of an OpenAPI document that gnostic reads into it.</summary>
    private static JsonNode Decode(string type, byte[] bytes)
    {
        var message = new List<(string Name, bool Repeated, string Type, JsonNode Value)>();
        for (int at = 0; at < bytes.Length;)
        {
            ulong tag = Varint(bytes, ref at);
            (string of, string name, bool repeated) = Messages[type][(int)(tag >> 3)];
            message.Add((name, repeated, of, (tag & 7) switch
            {
                0 when of == "bool" => Varint(bytes, ref at) == 1,
                1 when of == "double" => Number(BinaryPrimitives.ReadDoubleLittleEndian(Take(bytes, ref at, 8))),
                2 when of == "string" => Encoding.UTF8.GetString(Take(bytes, ref at, (int)Varint(bytes, ref at))),
                2 when Messages.ContainsKey(of) => Decode(of, Take(bytes, ref at, (int)Varint(bytes, ref at))),
                _ => throw new InvalidDataException($"{type}.{name} of wire type {tag & 7}"),
            }));
        }

        return type switch
        {
            "Any" => JsonNode.Parse((string)message.Single(field => field.Name == "yaml").Value!)!,
            _ when type.StartsWith("Named", StringComparison.Ordinal) => new JsonObject { [(string)message[0].Value!] = message[1].Value },
            // What is one of several, and a list that can only have one item.
            _ when type.Contains("Or", StringComparison.Ordinal) && !type.EndsWith('s')
                || type is "ItemsItem" or "AdditionalPropertiesItem" => message.Single().Value,
            _ => Joined(message),
        };
    }

    private static JsonObject Joined(List<(string Name, bool Repeated, string Type, JsonNode Value)> message)
    {
        var joined = new JsonObject();
        foreach ((string name, bool repeated, string of, JsonNode value) in message)
        {
            if (of.StartsWith("Named", StringComparison.Ordinal))
                joined.Add(value.AsObject().Single().Key, value.AsObject().Single().Value!.DeepClone()); // members of this very object
            else if (!repeated)
                joined.Add(Json(name), value);
            else if (joined[Json(name)] is JsonArray items)
                items.Add(value);
            else
                joined.Add(Json(name), new JsonArray(value));
        }

        return joined;
    }

    private static string Json(string name) =>
        name == "_ref" ? "$ref" : Regex.Replace(name, "_([a-z])", match => match.Groups[1].Value.ToUpperInvariant());

    private static JsonValue Number(double value) => JsonValue.Create((long)value);

    private static byte[] Take(byte[] bytes, ref int at, int count) => bytes[at..(at += count)];

    private static ulong Varint(byte[] bytes, ref int at)
    {
        ulong value = 0;
        for (int shift = 0; ; shift += 7)
        {
            byte next = bytes[at++];
            value |= (ulong)(next & 0x7F) << shift;
            if (next < 0x80)
                return value;
        }
    }
}
