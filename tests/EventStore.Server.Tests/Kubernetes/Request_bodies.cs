using System.Text;
using EventStore.Domain.Json;
using EventStore.Server.Kubernetes;
using EventStore.Server.Kubernetes.Requests;
using FsCheck.Xunit;
using Microsoft.AspNetCore.Http;
using static EventStore.Server.Tests.Kubernetes.SampleRequests;

namespace EventStore.Server.Tests.Kubernetes;

public sealed class Request_bodies
{
    [Theory]
    [InlineData("[]", "error decoding patch: json: cannot unmarshal array into Go value of type map[string]interface {}")]
    [InlineData("\"x\"", "error decoding patch: json: cannot unmarshal string into Go value of type map[string]interface {}")]
    [InlineData("5", "error decoding patch: json: cannot unmarshal number into Go value of type map[string]interface {}")]
    [InlineData("true", "error decoding patch: json: cannot unmarshal bool into Go value of type map[string]interface {}")]
    [InlineData("null", "Invalid JSON Patch")]
    [InlineData("", "error decoding patch: unexpected end of JSON input")]
    [InlineData(" \n", "error decoding patch: unexpected end of JSON input")]
    [InlineData("{\"a\":1}{\"b\":2}", "error decoding patch: invalid character '{' after top-level value")]
    [InlineData("metadata:\n", "error decoding patch: invalid character 'm' looking for beginning of value")]
    [InlineData("{'metadata':{}}", "error decoding patch: invalid character '\\'' looking for beginning of object key string")]
    [InlineData("{/*c*/\"metadata\":{}}", "error decoding patch: invalid character '/' looking for beginning of object key string")]
    [InlineData("{\"a\":1,}", "error decoding patch: invalid character '}' looking for beginning of object key string")]
    [InlineData("{\"a\" 1}", "error decoding patch: invalid character '1' after object key")]
    [InlineData("{\"a\":1 \"b\":2}", "error decoding patch: invalid character '\"' after object key:value pair")]
    [InlineData("{\"a\":[1 2]}", "error decoding patch: invalid character '2' after array element")]
    [InlineData("{\"a\":[1,]}", "error decoding patch: invalid character ']' looking for beginning of value")]
    [InlineData("{\"a\":tru}", "error decoding patch: invalid character '}' in literal true (expecting 'e')")]
    [InlineData("{\"a\":-}", "error decoding patch: invalid character '}' at offset 6")]
    [InlineData("{\"a\":1.}", "error decoding patch: invalid character '}' at offset 7")]
    [InlineData("{\"a\":1e}", "error decoding patch: invalid character '}' at offset 7")]
    [InlineData("{\"a\":01}", "error decoding patch: invalid character '1' at offset 6")]
    [InlineData("{\"a\":\"\\x\"}", "error decoding patch: invalid character 'x' at offset 7")]
    [InlineData("{\"a\":\"\\u12g4\"}", "error decoding patch: invalid character 'g' at offset 10")]
    [InlineData("{\"a\":\"\n\"}", "error decoding patch: invalid character '\\n' at offset 6")]
    [InlineData("{\"a\":\"", "error decoding patch: unexpected end of JSON input")]
    [InlineData("{\"a\":{}", "error decoding patch: unexpected end of JSON input")]
    [InlineData("{\"a\":\"x\\ud800y\"}", "error decoding patch: a: the text is not valid Unicode")]
    public void What_is_no_merge_patch_is_refused_in_Go_s_words(string text, string message)
    {
        Assert.False(BodyJson.TryParsePatch(Utf8(text), PyTorchJobs, "x", out _, out Status? refusal, out _));
        Assert.Equal((400, "BadRequest", message), (refusal.Code, refusal.Reason, refusal.Message));
    }

    [Fact]
    public void A_patch_is_an_object_and_its_duplicates_are_told()
    {
        Assert.True(BodyJson.TryParsePatch(
            Utf8(" {\"metadata\":{\"labels\":{\"x\":\"1\",\"x\":\"2\"}}} "), PyTorchJobs, "x", out JsonObject? patch, out _,
            out var duplicates));
        Assert.Equal("""{"metadata":{"labels":{"x":"2"}}}""", patch.ToString());
        Assert.Equal("metadata.labels.x", Assert.Single(duplicates).ToString());
    }

    [Theory]
    [InlineData("{\"metadata\":{\"annotations\":{\"a\":\"\\u0000\"}}}", "metadata.annotations.a")]
    [InlineData("{\"spec\":{\"ttlSecondsAfterFinished\":1e100000}}", "spec.ttlSecondsAfterFinished")]
    public void What_cannot_be_stored_is_422_with_its_field(string text, string field)
    {
        Assert.False(BodyJson.TryParsePatch(Utf8(text), PyTorchJobs, "x", out _, out Status? refusal, out _));
        Assert.Equal((422, "Invalid", field), (refusal.Code, refusal.Reason, Assert.Single(refusal.Details!.Causes).Field));
    }

    [Theory]
    [InlineData("nope", "couldn't get version/kind; json parse error: invalid character 'o' in literal null (expecting 'u') (6e6f7065)")]
    [InlineData("", "couldn't get version/kind; json parse error: unexpected end of JSON input (<empty>)")]
    [InlineData("null", "Object 'Kind' is missing in 'null' (6e756c6c)")]
    [InlineData("{\"metadata\": {\"name\": \"g-192-aaa\"}, \"spec\": {}}", "Object 'Kind' is missing in '{\"metadata\": {\"name\": \"g-192-aaa\"}, \"spec\": {}}' ({\"metadata\": {\"name\": \"g-192-a ...)")]
    [InlineData("{\"kind\":\"PyTorchJob\"}", "Object 'apiVersion' is missing in '{\"kind\":\"PyTorchJob\"}' ({\"kind\":\"PyTorchJob\"})")]
    [InlineData("{\"kind\":1}", "couldn't get version/kind; json parse error: json: cannot unmarshal number into Go struct field .kind of type string ({\"kind\":1})")]
    public void What_is_no_object_of_some_kind_is_refused_in_upstream_s_words(string text, string message)
    {
        Assert.False(BodyJson.TryParseObject(Utf8(text), PyTorchJobs, "", out _, out Status? refusal, out _));
        Assert.Equal(
            (400, "the object provided is unrecognized (must be of type PyTorchJob): " + message), (refusal.Code, refusal.Message));
    }

    [Fact]
    public void An_object_that_says_what_it_is_is_understood() =>
        Assert.True(BodyJson.TryParseObject(Utf8("""{"apiVersion":"other/v9","kind":"Other"}"""), PyTorchJobs, "", out _, out _, out _));

    [Fact]
    public void Three_megabytes_of_brackets_are_refused_without_a_deep_stack()
    {
        byte[] brackets = Encoding.ASCII.GetBytes(new string('[', RequestBody.BytesMax));
        Assert.False(BodyJson.TryParsePatch(brackets, PyTorchJobs, "x", out _, out Status? refusal, out _));
        Assert.Equal(400, refusal.Code);
    }

    [Property]
    public void No_text_is_beyond_an_answer(string? text, byte[]? bytes)
    {
        Assert.NotEqual(
            BodyJson.TryParsePatch(Utf8(text ?? ""), PyTorchJobs, "x", out JsonObject? patch, out Status? refusal, out _),
            refusal is not null && patch is null);
        Assert.NotEqual(
            BodyJson.TryParseObject(bytes ?? [], PyTorchJobs, "x", out JsonObject? manifest, out refusal, out _),
            refusal is not null && manifest is null);
    }

    [Theory]
    [InlineData(10, 0, null)]
    [InlineData(10, 10, null)]
    [InlineData(10, 11, 413)]
    [InlineData(10_000, 9_999, null)]
    [InlineData(10_000, 10_000, null)]
    [InlineData(10_000, 10_001, 413)]
    public async Task A_body_may_have_as_many_bytes_as_the_limit_says(int limit, int length, int? code)
    {
        foreach (bool saysLength in (bool[])[true, false])
        {
            byte[] sent = [.. Enumerable.Range(0, length).Select(i => (byte)i)];
            var context =
                new DefaultHttpContext { Request = { Body = new MemoryStream(sent), ContentLength = saysLength ? length : null } };
            (ReadOnlyMemory<byte> bytes, Status? refusal) = await RequestBody.Read(context.Request, limit);
            Assert.Equal(code, refusal?.Code);
            if (code is null)
                Assert.Equal(sent, bytes.ToArray());
        }
    }

    [Fact]
    public async Task A_body_that_says_it_is_too_large_is_not_read()
    {
        var context = new DefaultHttpContext
        {
            Request = { ContentLength = RequestBody.BytesMax + 1L, Body = new Unreadable(new InvalidOperationException()) },
        };
        Assert.Equal(
            "Request entity too large: limit is 3145728", (await RequestBody.Read(context.Request, RequestBody.BytesMax)).Refusal?.Message);
    }

    [Theory]
    [InlineData(400)]
    [InlineData(408)]
    [InlineData(413)]
    public async Task What_the_web_server_finds_wrong_is_answered(int code)
    {
        var context = new DefaultHttpContext { Request = { Body = new Unreadable(new BadHttpRequestException("broken", code)) } };
        Assert.Equal(code, (await RequestBody.Read(context.Request, RequestBody.BytesMax)).Refusal?.Code);
    }

    [Fact]
    public async Task A_connection_that_breaks_is_a_refusal_and_no_exception()
    {
        var context = new DefaultHttpContext { Request = { Body = new Unreadable(new IOException("reset")) } };
        Assert.Equal(400, (await RequestBody.Read(context.Request, RequestBody.BytesMax)).Refusal?.Code);
    }

    [Fact]
    public async Task A_body_of_many_small_values_is_refused_before_it_is_parsed()
    {
        byte[] ones = Encoding.ASCII.GetBytes("[" + string.Join(',', Enumerable.Repeat(1, 100_000)) + "]");
        Assert.Equal(
            (413, "Request entity too large: the body has more than 50000 JSON values"),
            await Refusal(ones, valuesMax: 50_000));
        Assert.Null(await Refusal(ones, valuesMax: 100_001));
        Assert.Equal(100_001, BodyBudget.CountValues(ones, int.MaxValue));
        Assert.Equal(5, BodyBudget.CountValues(Utf8($$"""{"a":["b",null],{{new string(' ', 40_000)}} wrong"""), int.MaxValue));
    }

    [Theory]
    [InlineData("gzip", 415)]
    [InlineData("br", 415)]
    [InlineData("identity", null)]
    [InlineData("", null)]
    public async Task A_body_that_is_compressed_is_refused_and_not_passed_over(string encoding, int? code)
    {
        var context = new DefaultHttpContext { Request = { Body = new MemoryStream("{}"u8.ToArray()) } };
        context.Request.Headers.ContentEncoding = encoding;
        Assert.Equal(code, (await RequestBody.Read(context.Request, 100)).Refusal?.Code);
    }

    [Theory]
    [InlineData("{}", """{"apiVersion":"v1","kind":"Review"}""")]
    [InlineData("""{"kind":"","apiVersion":null,"spec":{}}""", """{"apiVersion":"v1","kind":"Review","spec":{}}""")]
    [InlineData("""{"kind":"Other"}""", """{"apiVersion":"v1","kind":"Other"}""")]
    public void A_review_is_of_its_endpoint_s_kind_where_it_does_not_say_its_own(string sent, string read)
    {
        Assert.True(
            BodyJson.TryParseReview(Utf8(sent), new ApiResource("", "v1", "reviews", "review", "Review"), out JsonObject? review, out _));
        Assert.Equal(read, review.ToString());
    }

    private static async Task<(int, string)?> Refusal(byte[] sent, int valuesMax)
    {
        var context = new DefaultHttpContext { Request = { Body = new MemoryStream(sent) } };
        return (await RequestBody.Read(context.Request, sent.Length, valuesMax)).Refusal is { } refusal ? (refusal.Code, refusal.Message)
            : null;
    }

    private sealed class Unreadable(Exception why) : MemoryStream
    {
        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
            ValueTask.FromException<int>(why);
    }
}
