using System.Buffers.Text;
using System.Text;
using EventStore.Server.Kubernetes;
using EventStore.Server.Kubernetes.Requests;
using EventStore.Server.Kubernetes.Selectors;
using FsCheck.Xunit;
using static EventStore.Server.Tests.Kubernetes.SampleRequests;

namespace EventStore.Server.Tests.Kubernetes;

public sealed class List_options
{
    private static readonly string[] Names = ["metadata.name"];

    [Fact]
    public void List_options_are_read()
    {
        string token = Uri.EscapeDataString(ContinueToken.After("ns/a", 7).ToString());
        Assert.True(Read(
            $"?labelSelector=a%3Db&fieldSelector=metadata.name%3Dx&limit=2&continue={token}&timeoutSeconds=5", out ListOptions? options,
            out _));
        Assert.Equal(
            ("a=b", "metadata.name=x", 2L, "ns/a", 5L),
            (options.Labels.ToString(), options.Fields.ToString(), options.Limit, options.Continue?.LastKey, options.TimeoutSeconds));
        Assert.Equal((7L, "ns/a\0"), (options.Continue!.Revision, options.Continue.Start));
        Assert.False(options.Watch);
    }

    [Fact]
    public void Nothing_said_is_everything_at_the_latest_revision()
    {
        Assert.True(Read("", out ListOptions? options, out _));
        Assert.Equal(new ListOptions(LabelSelector.Everything, FieldSelector.Everything, null, null, null, RevisionMatch.Unset), options);
    }

    [Theory]
    [InlineData("?limit=-1")]
    [InlineData("?limit=0")]
    public void A_limit_below_one_is_none(string query)
    {
        Assert.True(Read(query, out ListOptions? options, out _));
        Assert.Null(options.Limit);
    }

    [Fact]
    public void A_watch_is_read()
    {
        Assert.True(Read("?watch&allowWatchBookmarks=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&resourceVersion=5",
            out ListOptions? options, out _));
        Assert.Equal(
            (true, true, true, RevisionMatch.NotOlderThan, 5L),
            (options.Watch, options.AllowWatchBookmarks, options.SendInitialEvents, options.Match, options.ResourceVersion));
        Assert.True(Read("?watch=false", out options, out _));
        Assert.False(options.Watch);
    }

    [Theory]
    [InlineData("?limit=x", 400, "strconv.ParseInt: parsing \"x\": invalid syntax")]
    [InlineData("?timeoutSeconds=99999999999999999999", 400, "strconv.ParseInt: parsing \"99999999999999999999\": value out of range")]
    [InlineData("?labelSelector=a%3Db%3Dc", 400, "found '=', expected: ',' or 'end of string'")]
    [InlineData("?fieldSelector=spec.foo%3D1", 400, "field label not supported: spec.foo")]
    [InlineData("?watch=true&resourceVersion=abc", 400, "invalid resource version: resourceVersion: Invalid value: \"abc\": strconv.ParseUint: parsing \"abc\": invalid syntax")]
    [InlineData("?limit=1&continue=zzz", 400, "invalid continue token: continue key is not valid: invalid character 'Ï' looking for beginning of value")]
    [InlineData("?continue=a!b", 400, "invalid continue token: continue key is not valid: illegal base64 data at input byte 1")]
    [InlineData("?resourceVersionMatch=Exact", 422, "resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden unless resourceVersion is provided")]
    [InlineData("?resourceVersionMatch=Exact&resourceVersion=0", 422, "resourceVersionMatch: Forbidden: resourceVersionMatch \"exact\" is forbidden for resourceVersion \"0\"")]
    [InlineData("?resourceVersionMatch=x&resourceVersion=1", 422, "resourceVersionMatch: Unsupported value: \"x\": supported values: \"Exact\", \"NotOlderThan\", \"\"")]
    [InlineData("?resourceVersionMatch=Exact&resourceVersion=1&continue=x", 422, "resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden when continue is provided")]
    [InlineData("?sendInitialEvents=false", 422, "sendInitialEvents: Forbidden: sendInitialEvents is forbidden for list")]
    [InlineData("?watch=1&sendInitialEvents=true", 422, "resourceVersionMatch: Forbidden: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan")]
    [InlineData("?watch=1&resourceVersionMatch=NotOlderThan", 422, "resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided")]
    public void What_makes_no_sense_is_refused_in_upstream_s_words(string query, int code, string message)
    {
        Assert.False(Read(query, out _, out Status? refusal));
        Assert.Equal((code, (code == 422 ? "ListOptions.meta.k8s.io \"\" is invalid: " : "") + message), (refusal.Code, refusal.Message));
    }

    [Theory]
    [InlineData("{\"v\":\"meta.k8s.io/v1\",\"rv\":0,\"start\":\"a\"}", ": incorrect encoded start resourceVersion (version meta.k8s.io/v1)")]
    [InlineData("{\"v\":\"meta.k8s.io/v1\",\"rv\":1,\"start\":\"\"}", ": encoded start key empty (version meta.k8s.io/v1)")]
    [InlineData("{\"v\":\"meta.k8s.io/v9\",\"rv\":1,\"start\":\"a\"}", ": server does not recognize this encoded version meta.k8s.io/v9")]
    [InlineData("{\"v\":\"meta.k8s.io/v1\",\"rv\":1,\"start\":\"../a\"}", ": ../a")]
    [InlineData("{\"v\":\"meta.k8s.io/v1\",\"rv\":1,\"start\":\"a//b\"}", ": a//b")]
    [InlineData("{\"v\":\"meta.k8s.io/v1\",\"rv\":1,\"start\":\"\\ud800\"}", ": the text is not valid Unicode")]
    [InlineData("[]", ": json: cannot unmarshal array into Go value of type storage.continueToken")]
    public void A_token_made_up_by_hand_is_refused(string json, string message)
    {
        Assert.False(ContinueToken.TryParse(Base64Url.EncodeToString(Encoding.UTF8.GetBytes(json)), out _, out Status? refusal));
        Assert.Equal((400, "invalid continue token: continue key is not valid" + message), (refusal.Code, refusal.Message));
    }

    [Fact]
    public void A_token_has_upstream_s_form() => Assert.Equal(
        """{"v":"meta.k8s.io/v1","rv":7,"start":"ns/a\u0000"}""",
        Encoding.UTF8.GetString(Base64Url.DecodeFromChars(ContinueToken.After("ns/a", 7).ToString())));

    [Fact]
    public void A_revision_and_a_token_exclude_each_other()
    {
        string token = ContinueToken.After("ns/a", 7).ToString();
        Assert.False(Read($"?continue={token}&resourceVersion=5", out _, out Status? refusal));
        Assert.Equal("specifying resource version is not allowed when using continue", refusal.Message);
        Assert.True(Read($"?continue={token}&resourceVersion=0", out _, out _));
    }

    [Property]
    public void No_token_is_beyond_an_answer(string? text, byte[]? bytes)
    {
        Assert.Equal(ContinueToken.TryParse(text ?? "", out ContinueToken? token, out Status? refusal), refusal is null);
        Assert.Equal(token is null, refusal is not null);
        Assert.Equal(ContinueToken.TryParse(Base64Url.EncodeToString(bytes), out token, out refusal), refusal is null);
    }

    private static bool Read(
        string query,
        [System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out ListOptions? options,
        [System.Diagnostics.CodeAnalysis.NotNullWhen(false)] out Status? refusal) =>
        ListOptions.TryRead(Query(query).Query, Names, out options, out refusal);
}
