using System.Text;
using EventStore.Domain.Json;
using EventStore.Server.Kubernetes;
using EventStore.Server.Kubernetes.Requests;
using FsCheck.Xunit;
using Microsoft.AspNetCore.Http;
using static EventStore.Server.Tests.Kubernetes.Known;

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
    [InlineData("{\"a\":-}", "error decoding patch: invalid character '}' in numeric literal")]
    [InlineData("{\"a\":1.}", "error decoding patch: invalid character '}' after decimal point in numeric literal")]
    [InlineData("{\"a\":1e}", "error decoding patch: invalid character '}' in exponent of numeric literal")]
    [InlineData("{\"a\":01}", "error decoding patch: invalid character '1' after object key:value pair")]
    [InlineData("{\"a\":\"\\x\"}", "error decoding patch: invalid character 'x' in string escape code")]
    [InlineData("{\"a\":\"\\u12g4\"}", "error decoding patch: invalid character 'g' in \\u hexadecimal character escape")]
    [InlineData("{\"a\":\"\n\"}", "error decoding patch: invalid character '\\n' in string literal")]
    [InlineData("{\"a\":\"", "error decoding patch: unexpected end of JSON input")]
    [InlineData("{\"a\":{}", "error decoding patch: unexpected end of JSON input")]
    [InlineData("{\"a\":\"x\\ud800y\"}", "error decoding patch: a: the text is not valid Unicode")]
    public void What_is_no_merge_patch_is_refused_in_Go_s_words(string text, string message)
    {
        Assert.False(RequestBody.TryParsePatch(Utf8(text), PyTorchJobs, "x", out _, out Status? refusal, out _));
        Assert.Equal((400, "BadRequest", message), (refusal.Code, refusal.Reason, refusal.Message));
    }

    [Fact]
    public void A_patch_is_an_object_and_its_duplicates_are_told()
    {
        Assert.True(RequestBody.TryParsePatch(Utf8(" {\"metadata\":{\"labels\":{\"x\":\"1\",\"x\":\"2\"}}} "), PyTorchJobs, "x", out JsonObject? patch, out _, out var duplicates));
        Assert.Equal("""{"metadata":{"labels":{"x":"2"}}}""", patch.ToString());
        Assert.Equal("metadata.labels.x", Assert.Single(duplicates).ToString());
    }

    [Theory]
    [InlineData("{\"metadata\":{\"annotations\":{\"a\":\"\\u0000\"}}}", "metadata.annotations.a")]
    [InlineData("{\"spec\":{\"ttlSecondsAfterFinished\":1e100000}}", "spec.ttlSecondsAfterFinished")]
    public void What_cannot_be_stored_is_422_with_its_field(string text, string field)
    {
        Assert.False(RequestBody.TryParsePatch(Utf8(text), PyTorchJobs, "x", out _, out Status? refusal, out _));
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
        Assert.False(RequestBody.TryParseObject(Utf8(text), PyTorchJobs, "", out _, out Status? refusal, out _));
        Assert.Equal((400, "the object provided is unrecognized (must be of type PyTorchJob): " + message), (refusal.Code, refusal.Message));
    }

    [Fact]
    public void An_object_that_says_what_it_is_is_understood() =>
        Assert.True(RequestBody.TryParseObject(Utf8("""{"apiVersion":"other/v9","kind":"Other"}"""), PyTorchJobs, "", out _, out _, out _));

    [Fact]
    public void Three_megabytes_of_brackets_are_refused_without_a_deep_stack()
    {
        byte[] brackets = Encoding.ASCII.GetBytes(new string('[', RequestBody.BytesMax));
        Assert.False(RequestBody.TryParsePatch(brackets, PyTorchJobs, "x", out _, out Status? refusal, out _));
        Assert.Equal(400, refusal.Code);
    }

    [Property]
    public void No_text_is_beyond_an_answer(string? text, byte[]? bytes)
    {
        Assert.NotEqual(
            RequestBody.TryParsePatch(Utf8(text ?? ""), PyTorchJobs, "x", out JsonObject? patch, out Status? refusal, out _),
            refusal is not null && patch is null);
        Assert.NotEqual(RequestBody.TryParseObject(bytes ?? [], PyTorchJobs, "x", out JsonObject? manifest, out refusal, out _), refusal is not null && manifest is null);
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
            var context = new DefaultHttpContext { Request = { Body = new MemoryStream(sent), ContentLength = saysLength ? length : null } };
            (ReadOnlyMemory<byte> bytes, Status? refusal) = await RequestBody.Read(context.Request, limit);
            Assert.Equal(code, refusal?.Code);
            if (code is null)
                Assert.Equal(sent, bytes.ToArray());
        }
    }

    [Fact]
    public async Task A_body_that_says_it_is_too_large_is_not_read()
    {
        var context = new DefaultHttpContext { Request = { ContentLength = RequestBody.BytesMax + 1L, Body = new Unreadable(new InvalidOperationException()) } };
        Assert.Equal("Request entity too large: limit is 3145728", (await RequestBody.Read(context.Request, RequestBody.BytesMax)).Refusal?.Message);
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

    private sealed class Unreadable(Exception why) : MemoryStream
    {
        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) => ValueTask.FromException<int>(why);
    }
}
