using EventStore.Domain.Jobs;
using EventStore.Domain.Json;

namespace EventStore.Domain.Tests.Jobs;

/// <summary>Whether a request speaks of this job, of this incarnation and of this revision; and in which order it is asked.</summary>
public sealed class Identities
{
    private const string NoName = "the name of the object (pytorch-test based on URL) was undeterminable: name must be provided";
    private const string OtherName = "the name of the object (other) does not match the name on the URL (pytorch-test)";
    private const string OtherNamespace = "the namespace of the provided object does not match the namespace sent on the request";
    private const string NotAnObject = "metadata: Invalid value: \"string\": metadata in body must be of type object: \"string\"";
    private const string NotAText =
        "metadata.labels: Invalid value: \"integer\": metadata.labels.a in body must be of type string: \"integer\"";
    private const string Unreadable = "PyTorchJob in version \"v1\" cannot be handled as a PyTorchJob: ";

    [Theory]
    [InlineData("""{"kind":null}""", "Object 'Kind' is missing")]
    [InlineData("""{"kind":5}""", "Object 'Kind' is missing")]
    [InlineData("""{"apiVersion":"apps/v1"}""", "the API version in the data (apps/v1) does not match the expected API version (kubeflow.org/v1)")]
    [InlineData("""{"apiVersion":null}""", "the API version in the data () does not match the expected API version (kubeflow.org/v1)")]
    [InlineData("""{"metadata":null}""", NoName)]
    [InlineData("""{"metadata":{"name":null}}""", NoName)]
    [InlineData("""{"metadata":{"name":""}}""", NoName)]
    [InlineData("""{"metadata":{"name":"other"}}""", OtherName)]
    [InlineData("""{"metadata":{"namespace":"other"}}""", OtherNamespace)]
    public void Who_speaks_of_another_object_is_refused(string patch, string message)
    {
        foreach (Story story in (Story[])[.. Patched(patch), .. Put(patch)])
            story.ThenRefused<Rejection.BadRequest>(message);
    }

    [Fact]
    public void Another_kind_is_an_invalid_value()
    {
        foreach (Story story in (Story[])[.. Patched("""{"kind":"TFJob"}"""), .. Put("""{"kind":"TFJob"}""")])
            story.ThenRefused<Rejection.Invalid>("kind: Invalid value: \"TFJob\": must be PyTorchJob");
    }

    [Theory]
    [InlineData("""{"metadata":"x"}""", NotAnObject)]
    [InlineData("""{"metadata":{"labels":{"a":1}}}""", NotAText)]
    public void What_Go_cannot_decode_is_invalid_in_a_patch_and_a_bad_request_in_a_put(string patch, string error)
    {
        foreach (Story story in Patched(patch))
            story.ThenRefused<Rejection.Invalid>(error);
        foreach (Story story in Put(patch))
            story.ThenRefused<Rejection.BadRequest>(Unreadable + error);
    }

    [Fact]
    public void Another_uid_is_an_invalid_value_in_a_patch_and_a_conflict_in_a_put()
    {
        const string otherUid = $$$"""{"metadata":{"uid":"{{{Ask.OtherUid}}}"}}""";
        foreach (Story story in Patched(otherUid))
            story.ThenRefused<Rejection.Invalid>($"metadata.uid: Invalid value: \"{Ask.OtherUid}\": field is immutable");
        foreach (Story story in Put(otherUid))
            story.ThenRefused<Rejection.UidMismatch>(Ask.OtherUid, Ask.Uid.ToString());
    }

    [Fact]
    public void The_same_uid_is_fine() =>
        Story.Given(Ask.Created()).When(Ask.Patch($$$"""{"metadata":{"uid":"{{{Ask.Uid}}}"}}""")).ThenNothing();

    [Fact]
    public void There_is_nothing_to_change_where_there_is_no_job()
    {
        Story.Given().When(Ask.Patch("""{"metadata":{"name":"other"}}""")).ThenRefused<Rejection.NotFound>();
        Story.Given().When(Ask.PatchStatus("{}")).ThenRefused<Rejection.NotFound>();
        Story.Given().When(Ask.Delete()).ThenRefused<Rejection.NotFound>();
        JsonObject shown = Ask.Shown(Story.Given(Ask.Created()).Job!);
        Story.Given().When(Ask.PutExactly((JsonObject)MergePatch.Apply(shown, Manifests.Given.Json("""{"metadata":{"uid":null}}"""))))
            .ThenRefused<Rejection.NotFound>();
        Story.Given().When(Ask.PutExactly(shown)).ThenRefused<Rejection.UidMismatch>(Ask.Uid.ToString(), "");
        Story.Given().When(Ask.PutExactly(shown.Without("metadata"))).ThenRefused<Rejection.BadRequest>(NoName);
    }

    [Theory]
    [InlineData("\"10\"")]
    [InlineData("\"010\"")]
    [InlineData("\"00000000000000000000000000000010\"")]
    public void The_current_revision_is_the_current_one(string revision)
    {
        string patch = Revision(revision, """ "labels":{"a":"b"} """);
        Story.Given(Ask.Created()).When(Ask.Patch(patch))
            .Then(Ask.Patched("""{"metadata":{"labels":{"a":"b"}}}""", """{"metadata":{"labels":null}}""", "metadata.labels.a"));
        Story.Given(Ask.Created()).When(Ask.Put(patch))
            .Then(Ask.Replaced("""{"metadata":{"labels":{"a":"b"}}}""", """{"metadata":{"labels":null}}""", "metadata.labels.a"));
    }

    [Theory]
    [InlineData("\"9\"")]
    [InlineData("\"11\"")]
    [InlineData("\"1\"")]
    [InlineData("\"9223372036854775808\"")]
    [InlineData("\"18446744073709551615\"")]
    public void Another_revision_is_stale(string revision)
    {
        foreach (Story story in AllWays(Revision(revision)))
            story.ThenRefused<Rejection.Stale>();
    }

    [Theory]
    [InlineData("\"\"")]
    [InlineData("\"0\"")]
    [InlineData("\"000\"")]
    public void Zero_is_no_revision(string revision)
    {
        foreach (Story story in AllWays(Revision(revision)))
            story.ThenRefused<Rejection.RevisionMissing>();
    }

    [Fact]
    public void Null_is_no_revision_either()
    {
        foreach (Story story in AllWays(Revision("null")))
            story.ThenRefused<Rejection.RevisionMissing>();
    }

    [Theory]
    [InlineData("abc")]
    [InlineData("-1")]
    [InlineData("+10")]
    [InlineData(" 10")]
    [InlineData("10.0")]
    [InlineData("0x10")]
    [InlineData("1e1")]
    [InlineData("١٠")]
    [InlineData("18446744073709551616")]
    public void What_is_no_number_is_a_bad_request(string revision)
    {
        foreach (Story story in AllWays(Revision($"\"{revision}\"")))
            story.ThenRefused<Rejection.BadRequest>(
                $"metadata.resourceVersion: Invalid value: \"{revision}\": must be the decimal number of a revision");
    }

    [Fact]
    public void A_revision_is_text()
    {
        const string error =
            "metadata.resourceVersion: Invalid value: \"integer\": metadata.resourceVersion in body must be of type string: \"integer\"";
        foreach (Story story in Patched(Revision("10")))
            story.ThenRefused<Rejection.Invalid>(error);
        foreach (Story story in Put(Revision("10")))
            story.ThenRefused<Rejection.BadRequest>(Unreadable + error);
    }

    [Fact]
    public void A_patch_need_not_name_a_revision_but_a_put_must()
    {
        Story.Given(Ask.Created()).When(Ask.Patch("""{"metadata":{"labels":null}}""")).ThenNothing();
        Story.Given(Ask.Created()).When(Ask.Put(read => (JsonObject)MergePatch.Apply(read, Manifests.Given.Json(Revision("null")))))
            .ThenRefused<Rejection.RevisionMissing>();
    }

    [Fact]
    public void The_revision_is_the_lock_even_of_a_patch_that_changes_nothing() =>
        Story.Given(Ask.Created(), Ask.Patched("{}", "{}")).When(Ask.Patch(Revision("\"10\""))).ThenRefused<Rejection.Stale>();

    // Each row violates two rules that follow one another; the first is the verdict.
    [Theory]
    [InlineData("""{"kind":5,"metadata":{"labels":{"a":1}}}""", nameof(Rejection.Invalid))] // can it be read, then what is it
    [InlineData("""{"kind":null,"metadata":{"name":"other"}}""", nameof(Rejection.BadRequest), "Object 'Kind' is missing")]
    [InlineData("""{"kind":"TFJob","apiVersion":"apps/v1"}""", nameof(Rejection.BadRequest), "the API version in the data (apps/v1) does not match the expected API version (kubeflow.org/v1)")]
    [InlineData("""{"kind":"TFJob","metadata":{"name":"other"}}""", nameof(Rejection.Invalid), "kind: Invalid value: \"TFJob\": must be PyTorchJob")]
    [InlineData("""{"metadata":{"name":"other","namespace":"other"}}""", nameof(Rejection.BadRequest), OtherName)]
    [InlineData($$$"""{"metadata":{"namespace":"other","uid":"{{{Ask.OtherUid}}}"}}""", nameof(Rejection.BadRequest), OtherNamespace)]
    [InlineData($$$"""{"metadata":{"uid":"{{{Ask.OtherUid}}}","resourceVersion":"9"}}""", nameof(Rejection.Invalid))]
    [InlineData("""{"metadata":{"resourceVersion":"9"},"spec":{"backoffLimit":3}}""", nameof(Rejection.Stale))]
    [InlineData("""{"metadata":{"resourceVersion":"0"},"spec":{"backoffLimit":3}}""", nameof(Rejection.RevisionMissing))]
    [InlineData("""{"metadata":{"resourceVersion":"abc"},"spec":{"backoffLimit":3}}""", nameof(Rejection.BadRequest))]
    [InlineData("""{"spec":{"backoffLimit":3,"cleanPodPolicy":"Sometimes"}}""", nameof(Rejection.FieldsFixed), "spec.backoffLimit")]
    [InlineData("""{"metadata":{"resourceVersion":"9"},"spec":{"cleanPodPolicy":"Sometimes"}}""", nameof(Rejection.Stale))]
    [InlineData("""{"metadata":{"name":"other"},"spec":{"cleanPodPolicy":"Sometimes"}}""", nameof(Rejection.BadRequest), OtherName)]
    public void The_first_rule_that_is_broken_gives_the_verdict_on_a_patch(string patch, string rejection, params string[] what) =>
        First(Story.Given(Ask.Created()).When(Ask.Patch(patch)), rejection, what);

    [Theory]
    [InlineData("""{"kind":5,"metadata":{"labels":{"a":1}}}""", nameof(Rejection.BadRequest), Unreadable + NotAText)]
    [InlineData("""{"kind":"TFJob","metadata":{"name":"other"}}""", nameof(Rejection.Invalid), "kind: Invalid value: \"TFJob\": must be PyTorchJob")]
    [InlineData("""{"metadata":{"name":"other","namespace":"other"}}""", nameof(Rejection.BadRequest), OtherName)]
    [InlineData($$$"""{"metadata":{"namespace":"other","uid":"{{{Ask.OtherUid}}}"}}""", nameof(Rejection.BadRequest), OtherNamespace)]
    [InlineData($$$"""{"metadata":{"uid":"{{{Ask.OtherUid}}}","resourceVersion":"9"}}""", nameof(Rejection.UidMismatch))]
    [InlineData($$$"""{"metadata":{"uid":"{{{Ask.OtherUid}}}","resourceVersion":null}}""", nameof(Rejection.UidMismatch))]
    [InlineData("""{"metadata":{"resourceVersion":"9"},"spec":{"backoffLimit":3}}""", nameof(Rejection.Stale))]
    [InlineData("""{"metadata":{"resourceVersion":null},"spec":{"backoffLimit":3}}""", nameof(Rejection.RevisionMissing))]
    [InlineData("""{"spec":{"backoffLimit":3,"cleanPodPolicy":"Sometimes"}}""", nameof(Rejection.FieldsFixed), "spec.backoffLimit")]
    [InlineData("""{"metadata":{"resourceVersion":"9","labels":{"!":""}}}""", nameof(Rejection.Stale))]
    public void The_first_rule_that_is_broken_gives_the_verdict_on_a_put(string patch, string rejection, params string[] what) =>
        First(Story.Given(Ask.Created()).When(Ask.Put(patch)), rejection, what);

    private static void First(Story story, string rejection, string[] what)
    {
        string[] told = DecisionText.Of(story.Decision!).Split('\n');
        Assert.Equal([rejection, .. what], what.Length == 0 ? told[..1] : told);
    }

    private static string Revision(string revision, string more = "") =>
        $$$"""{"metadata":{"resourceVersion":{{{revision}}}{{{(more.Length == 0 ? "" : "," + more)}}}}}""";

    private static Story[] Patched(string patch) =>
        [Story.Given(Ask.Created()).When(Ask.Patch(patch)), Story.Given(Ask.Created()).When(Ask.PatchStatus(patch))];

    private static Story[] Put(string patch) =>
        [Story.Given(Ask.Created()).When(Ask.Put(patch)), Story.Given(Ask.Created()).When(Ask.PutStatus("{}", patch))];

    private static Story[] AllWays(string patch) => [.. Patched(patch), .. Put(patch)];
}
