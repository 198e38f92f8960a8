using System.IO.Compression;
using System.Text;
using EventStore.Server.Kubernetes.Answers;
using Microsoft.AspNetCore.Http;

namespace EventStore.Server.Tests.Kubernetes;

public sealed class Json_replies
{
    private const string Compact = """{"a":[1.10,{"b":"x,{\"y:[]}"},[],{}],"c":{},"d":9007199254740993,"e":null}""";

    [Fact]
    public async Task Stored_bytes_go_out_as_they_are()
    {
        (HttpResponse response, byte[] body) = await Reply(Compact, "");
        Assert.Equal(Compact, Encoding.UTF8.GetString(body));
        Assert.Equal((200, "application/json", (long?)body.Length), (response.StatusCode, response.ContentType, response.ContentLength));
        Assert.Equal(
            ("no-cache, private", "nosniff"), (response.Headers.CacheControl.ToString(), response.Headers.XContentTypeOptions.ToString()));
    }

    [Fact]
    public async Task A_person_sees_a_line_for_each_member()
    {
        (_, byte[] body) = await Reply(Compact, "", "?pretty=true");
        const string indented = """
            {
              "a": [
                1.10,
                {
                  "b": "x,{\"y:[]}"
                },
                [],
                {}
              ],
              "c": {},
              "d": 9007199254740993,
              "e": null
            }
            """;
        Assert.Equal(indented.ReplaceLineEndings("\n"), Encoding.UTF8.GetString(body));
    }

    [Theory]
    [InlineData("gzip", 128 * 1024, false)]
    [InlineData("gzip", (128 * 1024) + 1, true)]
    [InlineData("deflate, gzip", 200_000, true)]
    [InlineData("gzip;q=0", 200_000, false)]
    [InlineData("", 200_000, false)]
    public async Task Only_a_long_answer_is_compressed_and_only_for_those_who_take_it(string accepts, int length, bool compressed)
    {
        string text = $"\"{new string('x', length - 2)}\"";
        (HttpResponse response, byte[] body) = await Reply(text, accepts);
        Assert.Equal(compressed ? "gzip" : "", response.Headers.ContentEncoding.ToString());
        Assert.Equal(compressed ? "Accept-Encoding" : "", response.Headers.Vary.ToString());
        using Stream plain = compressed ? new GZipStream(new MemoryStream(body), CompressionMode.Decompress) : new MemoryStream(body);
        Assert.Equal(text, await new StreamReader(plain).ReadToEndAsync());
    }

    private static async Task<(HttpResponse Response, byte[] Body)> Reply(string json, string acceptEncoding, string query = "")
    {
        var body = new MemoryStream();
        var context = new DefaultHttpContext { Response = { Body = body }, Request = { QueryString = new QueryString(query) } };
        context.Request.Headers.AcceptEncoding = acceptEncoding;
        await new JsonReply(200, Encoding.UTF8.GetBytes(json)).ExecuteAsync(context);
        return (context.Response, body.ToArray());
    }
}
