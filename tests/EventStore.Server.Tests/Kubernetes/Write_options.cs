using EventStore.Domain.Json;
using EventStore.Server.Kubernetes;
using EventStore.Server.Kubernetes.Answers;
using EventStore.Server.Kubernetes.Requests;
using Microsoft.AspNetCore.Http;
using static EventStore.Server.Tests.Kubernetes.SampleRequests;

namespace EventStore.Server.Tests.Kubernetes;

public sealed class Write_options
{
    [Theory]
    [InlineData("", "", false)]
    [InlineData("?pretty=true", "", true)]
    [InlineData("?pretty=1", "kubectl/1.32", true)]
    [InlineData("?pretty=yes", "", false)]
    [InlineData("?pretty=false", "curl/8", false)]
    [InlineData("?pretty", "curl/8", true)]
    [InlineData("", "curl/8", true)]
    [InlineData("", "Wget/1", true)]
    [InlineData("", "Mozilla/5.0 (X11)", true)]
    [InlineData("", "Mozilla/4.0", false)]
    [InlineData("", "xcurl", false)]
    public void A_person_s_tool_gets_indented_answers_unless_the_query_says_otherwise(string query, string agent, bool wanted)
    {
        HttpRequest request = Query(query);
        request.Headers.UserAgent = agent;
        Assert.Equal(wanted, Pretty.IsWanted(request));
    }

    [Fact]
    public void Write_options_are_read()
    {
        Assert.True(WriteOptions.TryRead(
            Query("?dryRun=All&fieldManager=me&fieldValidation=Strict&zzz=1"), WriteKind.Patch, out WriteOptions? options, out _));
        Assert.Equal(new WriteOptions(true, "me", FieldValidation.Strict), options);
        Assert.True(WriteOptions.TryRead(Query(""), WriteKind.Patch, out options, out _));
        Assert.Equal(new WriteOptions(false, "", FieldValidation.Warn), options);
    }

    [Theory]
    [InlineData("?dryRun=", "dryRun: Unsupported value: [\"\"]: supported values: \"All\"")]
    [InlineData("?dryRun=All&dryRun=x", "dryRun: Unsupported value: [\"All\",\"x\"]: supported values: \"All\"")]
    [InlineData("?fieldManager=a%01b", "fieldManager: Invalid value: \"a\\x01b\": invalid character U+0001 (at position 1)")]
    [InlineData("?fieldValidation=bad", "fieldValidation: Unsupported value: \"bad\": supported values: \"\", \"Ignore\", \"Strict\", \"Warn\"")]
    [InlineData("?force=false", "force: Forbidden: may not be specified for non-apply patch")]
    [InlineData("?force&dryRun=x", "[force: Forbidden: may not be specified for non-apply patch, dryRun: Unsupported value: [\"x\"]: supported values: \"All\"]")]
    public void Every_option_that_is_wrong_is_named_at_once(string query, string errors)
    {
        Assert.False(WriteOptions.TryRead(Query(query), WriteKind.Patch, out _, out Status? refusal));
        Assert.Equal(
            (422, "Invalid", "PatchOptions.meta.k8s.io \"\" is invalid: " + errors), (refusal.Code, refusal.Reason, refusal.Message));
        Assert.Equal(("", "meta.k8s.io", "PatchOptions"), (refusal.Details!.Name, refusal.Details.Group, refusal.Details.Kind));
    }

    [Fact]
    public void A_field_manager_has_at_most_128_bytes()
    {
        Assert.True(WriteOptions.TryRead(Query("?fieldManager=" + new string('m', 128)), WriteKind.Create, out _, out _));
        Assert.False(WriteOptions.TryRead(
            Query("?fieldManager=" + new string('m', 126) + "%E2%9C%93"), WriteKind.Create, out _, out Status? refusal));
        Assert.Equal("CreateOptions.meta.k8s.io \"\" is invalid: fieldManager: Too long: may not be more than 128 bytes", refusal.Message);
    }

    [Fact]
    public void Force_means_nothing_to_a_PUT() => Assert.True(WriteOptions.TryRead(Query("?force=true"), WriteKind.Update, out _, out _));

    [Theory]
    [InlineData("", "{\"preconditions\":{\"uid\":\"u\",\"resourceVersion\":\"7\"},\"propagationPolicy\":\"Foreground\",\"new\":1}", false, Propagation.Foreground, "u", "7")]
    [InlineData("", "{\"kind\":\"DeleteOptions\",\"apiVersion\":\"v1\",\"orphanDependents\":true,\"dryRun\":[\"All\"],\"gracePeriodSeconds\":0}", true, Propagation.Orphan, null, null)]
    [InlineData("", "{\"kind\":\"DeleteOptions\",\"apiVersion\":\"kubeflow.org/v1\",\"preconditions\":null}", false, null, null, null)]
    [InlineData("?propagationPolicy=Background&uid=u&resourceVersion=7&dryRun=All", "", true, Propagation.Background, "u", "7")]
    [InlineData("?orphanDependents=false", "", false, Propagation.Background, null, null)]
    [InlineData("?propagationPolicy=Orphan&uid=other", "{}", false, null, null, null)]
    [InlineData("", "", false, null, null, null)]
    public void Delete_options_come_from_the_body_or_else_from_the_query(
        string query, string body, bool dryRun, Propagation? propagation, string? uid, string? version)
    {
        Assert.True(DeleteOptions.TryRead(Query(query), Utf8(body), PyTorchJobs, out DeleteOptions? options, out _));
        Assert.Equal(new DeleteOptions(dryRun, propagation, uid, version), options);
    }

    [Theory]
    [InlineData("", "{\"kind\":\"Pod\",\"apiVersion\":\"v1\"}", 400, "decoded object cannot be converted to DeleteOptions")]
    [InlineData("", "{\"kind\":\"DeleteOptions\",\"apiVersion\":\"apps/v1\"}", 400, "decoded object cannot be converted to DeleteOptions")]
    [InlineData("", "[]", 400, "decoded object cannot be converted to DeleteOptions")]
    [InlineData("", "nope", 400, "couldn't get version/kind; json parse error: invalid character 'o' in literal null (expecting 'u')")]
    [InlineData("", "{\"gracePeriodSeconds\":\"1\"}", 400, "json: cannot unmarshal string into Go struct field DeleteOptions.gracePeriodSeconds of type int64")]
    [InlineData("", "{\"preconditions\":{\"uid\":1}}", 400, "json: cannot unmarshal number into Go struct field DeleteOptions.preconditions.uid of type string")]
    [InlineData("", "{\"preconditions\":1}", 400, "json: cannot unmarshal number into Go struct field DeleteOptions.preconditions of type Preconditions")]
    [InlineData("", "{\"dryRun\":[1]}", 400, "json: cannot unmarshal array into Go struct field DeleteOptions.dryRun of type []string")]
    [InlineData("?gracePeriodSeconds=x", "", 400, "strconv.ParseInt: parsing \"x\": invalid syntax")]
    [InlineData("?gracePeriodSeconds=-1", "", 422, "DeleteOptions.meta.k8s.io \"\" is invalid: gracePeriodSeconds: Invalid value: -1: must be greater than or equal to 0")]
    [InlineData("?propagationPolicy=x", "", 422, "DeleteOptions.meta.k8s.io \"\" is invalid: propagationPolicy: Unsupported value: \"x\": supported values: \"Foreground\", \"Background\", \"Orphan\", \"nil\"")]
    [InlineData("?propagationPolicy=Orphan&orphanDependents=true", "", 422, "DeleteOptions.meta.k8s.io \"\" is invalid: propagationPolicy: Invalid value: \"Orphan\": orphanDependents and deletionPropagation cannot be both set")]
    [InlineData("?dryRun=x", "", 422, "DeleteOptions.meta.k8s.io \"\" is invalid: dryRun: Unsupported value: [\"x\"]: supported values: \"All\"")]
    public void Delete_options_that_make_no_sense_are_refused(string query, string body, int code, string message)
    {
        Assert.False(DeleteOptions.TryRead(Query(query), Utf8(body), PyTorchJobs, out _, out Status? refusal));
        Assert.Equal((code, message), (refusal.Code, refusal.Message));
    }

    [Fact]
    public void Delete_options_in_protobuf_are_415()
    {
        HttpRequest request = Query("");
        request.Headers.ContentType = "application/vnd.kubernetes.protobuf";
        Assert.False(DeleteOptions.TryRead(request, Utf8("k8s"), PyTorchJobs, out _, out Status? refusal));
        Assert.Equal(415, refusal.Code);
    }

    [Theory]
    [InlineData("", null, RevisionMatch.Unset)]
    [InlineData("?resourceVersion=0", 0L, RevisionMatch.Unset)]
    [InlineData("?resourceVersion=7&resourceVersionMatch=Exact", 7L, RevisionMatch.Exact)]
    public void One_object_may_be_read_as_of_a_revision(string query, long? revision, RevisionMatch match)
    {
        Assert.True(GetOptions.TryRead(Query(query), out GetOptions? options, out _));
        Assert.Equal(new GetOptions(revision, match), options);
    }

    [Theory]
    [InlineData("?resourceVersion=abc", 400, "invalid resource version: resourceVersion: Invalid value: \"abc\": strconv.ParseUint: parsing \"abc\": invalid syntax")]
    [InlineData("?resourceVersion=-1", 400, "invalid resource version: resourceVersion: Invalid value: \"-1\": strconv.ParseUint: parsing \"-1\": invalid syntax")]
    [InlineData("?resourceVersion=99999999999999999999", 400, "invalid resource version: resourceVersion: Invalid value: \"99999999999999999999\": strconv.ParseUint: parsing \"99999999999999999999\": value out of range")]
    [InlineData("?resourceVersionMatch=Exact", 422, "GetOptions.meta.k8s.io \"\" is invalid: resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden unless resourceVersion is provided")]
    public void A_revision_that_makes_no_sense_is_refused(string query, int code, string message)
    {
        Assert.False(GetOptions.TryRead(Query(query), out _, out Status? refusal));
        Assert.Equal((code, message), (refusal.Code, refusal.Message));
    }

    [Fact]
    public void Strict_decoding_refuses_in_upstream_s_words()
    {
        IReadOnlyList<string> texts = StrictDecoding.Texts([FieldPath.Of("spec", "foo")], [FieldPath.Of("metadata", "labels", "x")]);
        Assert.Equal(
            "PyTorchJob in version \"v1\" cannot be handled as a PyTorchJob: strict decoding error: duplicate field \"metadata.labels.x\", unknown field \"spec.foo\"",
            StrictDecoding.RefuseObject(PyTorchJobs, texts).Message);
        Status patch = StrictDecoding.RefusePatch(JsonValue("{}"), texts);
        Assert.Equal(422, patch.Code);
        Assert.Equal(
            " \"\" is invalid: patch: Invalid value: \"{}\": strict decoding error: duplicate field \"metadata.labels.x\", unknown field \"spec.foo\"",
            patch.Message);
    }

    [Fact]
    public void Warnings_are_headers_each_once_quoted_and_bounded()
    {
        var headers = new HeaderDictionary();
        StrictDecoding.Warn(headers, ["unknown field \"spec.foo\"", "unknown field \"spec.foo\"", "a\nb"]);
        Assert.Equal("299 - \"unknown field \\\"spec.foo\\\"\"", headers["Warning"]);

        headers = [];
        StrictDecoding.Warn(headers, [.. Enumerable.Range(0, 1000).Select(i => $"{i}" + new string('x', 1000))]);
        Assert.Equal(16, headers["Warning"].Count);
        Assert.All(headers["Warning"], header => Assert.Equal(256 + 8, header!.Length));
    }
}
