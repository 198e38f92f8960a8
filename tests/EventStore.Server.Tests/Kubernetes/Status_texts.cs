using System.Text;
using EventStore.Domain.Json;
using EventStore.Domain.Manifests;
using EventStore.Server.Kubernetes;
using EventStore.Server.Kubernetes.Requests;
using Microsoft.AspNetCore.Http;
using static EventStore.Server.Tests.Kubernetes.SampleRequests;

namespace EventStore.Server.Tests.Kubernetes;

/// <summary>The messages are those recorded from kube-apiserver 1.34, the members and their order those of its JSON.</summary>
public sealed class Status_texts
{
    private const string Head = """{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure",""";
    private const string AboutX = """{"name":"x","group":"kubeflow.org","kind":"pytorchjobs"}""";

    [Fact]
    public void An_absent_job_is_404() => Says(
        Status.NotFound(PyTorchJobs, "absent"),
        """
        "message":"pytorchjobs.kubeflow.org \"absent\" not found","reason":"NotFound","details":{"name":"absent","group":"kubeflow.org","kind":"pytorchjobs"},"code":404}
        """);

    [Fact]
    public void A_taken_name_is_409() => Says(
        Status.AlreadyExists(PyTorchJobs, "x"),
        $$"""
        "message":"pytorchjobs.kubeflow.org \"x\" already exists","reason":"AlreadyExists","details":{{AboutX}},"code":409}
        """);

    [Fact]
    public void A_stale_resourceVersion_is_409() => Says(
        Status.Modified(PyTorchJobs, "x"),
        $$"""
        "message":"Operation cannot be fulfilled on pytorchjobs.kubeflow.org \"x\": the object has been modified; please apply your changes to the latest version and try again","reason":"Conflict","details":{{AboutX}},"code":409}
        """);

    [Fact]
    public void Another_uid_in_a_PUT_speaks_of_the_storage() => Assert.Equal(
        "Operation cannot be fulfilled on pytorchjobs.kubeflow.org \"x\": StorageError: invalid object, Code: 4, Key: /registry/kubeflow.org/pytorchjobs/ns/x, "
        + "ResourceVersion: 0, AdditionalErrorMsg: Precondition failed: UID in precondition: a, UID in object meta: b",
        Status.UidMismatch(PyTorchJobs, "ns", "x", "a", "b").Message);

    [Fact]
    public void A_precondition_on_the_uid_prints_the_kind() => Says(
        Status.UidPrecondition(PyTorchJobs, "x", "a", "b"),
        """
        "message":"Operation cannot be fulfilled on PyTorchJob.kubeflow.org \"x\": the UID in the precondition (a) does not match the UID in record (b). The object might have been deleted and then recreated","reason":"Conflict","details":{"name":"x","group":"kubeflow.org","kind":"PyTorchJob"},"code":409}
        """);

    [Fact]
    public void A_precondition_on_the_resourceVersion_prints_the_kind() => Assert.Equal(
        "Operation cannot be fulfilled on PyTorchJob.kubeflow.org \"x\": the ResourceVersion in the precondition (1) does not match the ResourceVersion in record (586). "
        + "The object might have been modified",
        Status.ResourceVersionPrecondition(PyTorchJobs, "x", "1", "586").Message);

    [Fact]
    public void One_wrong_field_stands_plain() => Says(
        Status.Invalid(PyTorchJobs, "x", [FieldError.Invalid(FieldPath.Of("spec", "ttlSecondsAfterFinished"), -1, "must be at least 0")]),
        """
        "message":"PyTorchJob.kubeflow.org \"x\" is invalid: spec.ttlSecondsAfterFinished: Invalid value: -1: must be at least 0","reason":"Invalid","details":{"name":"x","group":"kubeflow.org","kind":"PyTorchJob","causes":[{"reason":"FieldValueInvalid","message":"Invalid value: -1: must be at least 0","field":"spec.ttlSecondsAfterFinished"}]},"code":422}
        """);

    [Fact]
    public void Several_wrong_fields_stand_in_brackets_each_text_once_and_each_cause()
    {
        FieldError a = FieldError.Required(FieldPath.Of("a")), b = FieldError.Required(FieldPath.Of("b"));
        Status status = Status.Invalid(PyTorchJobs, "x", [a, b, a]);
        Assert.Equal("PyTorchJob.kubeflow.org \"x\" is invalid: [a: Required value, b: Required value]", status.Message);
        Assert.Equal(["a", "b", "a"], status.Details!.Causes.Select(cause => cause.Field));
    }

    [Fact]
    public void An_update_without_resourceVersion_puts_the_plural_where_the_kind_belongs() => Says(
        Status.ResourceVersionMissing(PyTorchJobs, "x"),
        """
        "message":"pytorchjobs.kubeflow.org \"x\" is invalid: metadata.resourceVersion: Invalid value: 0: must be specified for an update","reason":"Invalid","details":{"name":"x","group":"kubeflow.org","kind":"pytorchjobs","causes":[{"reason":"FieldValueInvalid","message":"Invalid value: 0: must be specified for an update","field":"metadata.resourceVersion"}]},"code":422}
        """);

    [Fact]
    public void A_patch_whose_result_cannot_be_decoded_is_about_nothing() => Says(
        Status.InvalidPatch(JsonValue("""{"a":1}"""), "no"),
        """
        "message":" \"\" is invalid: patch: Invalid value: \"{\\\"a\\\":1}\": no","reason":"Invalid","details":{"causes":[{"reason":"FieldValueInvalid","message":"Invalid value: \"{\\\"a\\\":1}\": no","field":"patch"}]},"code":422}
        """);

    [Fact]
    public void Without_a_credential_it_is_401() => Says(Status.Unauthorized(), """
        "message":"Unauthorized","reason":"Unauthorized","code":401}
        """);

    [Fact]
    public void A_right_that_is_missing_is_named() => Says(
        Status.Forbidden("alice", "patch", "kubeflow.org", "pytorchjobs", "status", "x", "ns"),
        $$"""
        "message":"pytorchjobs.kubeflow.org \"x\" is forbidden: User \"alice\" cannot patch resource \"pytorchjobs/status\" in API group \"kubeflow.org\" in the namespace \"ns\"","reason":"Forbidden","details":{{AboutX}},"code":403}
        """);

    [Fact]
    public void A_right_to_the_whole_cluster_that_is_missing_is_named() => Says(
        Status.Forbidden("alice", "list", "kubeflow.org", "pytorchjobs", "", "", ""),
        """
        "message":"pytorchjobs.kubeflow.org is forbidden: User \"alice\" cannot list resource \"pytorchjobs\" in API group \"kubeflow.org\" at the cluster scope","reason":"Forbidden","details":{"group":"kubeflow.org","kind":"pytorchjobs"},"code":403}
        """);

    [Fact]
    public void A_forbidden_path_is_named_without_markup() => Says(
        Status.ForbiddenPath("alice", "get", "/a<b>&"),
        """
        "message":"forbidden: User \"alice\" cannot get path \"/a&lt;b&gt;&amp;\"","reason":"Forbidden","details":{},"code":403}
        """);

    [Fact]
    public void A_verb_nobody_knows_is_405() => Says(
        Status.MethodNotAllowed(PyTorchJobs, "create"),
        """
        "message":"create is not supported on resources of kind \"pytorchjobs.kubeflow.org\"","reason":"MethodNotAllowed","details":{"group":"kubeflow.org","kind":"pytorchjobs"},"code":405}
        """);

    [Fact]
    public void Media_types_are_listed()
    {
        Assert.Equal("only the following media types are accepted: application/json", Status.NotAcceptable("application/json").Message);
        Assert.Equal(
            "the body of the request was in an unknown format - accepted media types include: application/merge-patch+json",
            Status.UnsupportedMediaType("application/merge-patch+json").Message);
    }

    [Fact]
    public void A_body_too_large_names_the_limit() => Says(
        Status.TooLarge(RequestBody.BytesMax),
        """
        "message":"Request entity too large: limit is 3145728","reason":"RequestEntityTooLarge","code":413}
        """);

    [Fact]
    public void A_revision_of_the_future_is_504() => Says(
        Status.TooLargeResourceVersion(999999999, 530),
        """
        "message":"Timeout: Too large resource version: 999999999, current: 530","reason":"Timeout","details":{"causes":[{"reason":"ResourceVersionTooLarge","message":"Too large resource version"}],"retryAfterSeconds":1},"code":504}
        """);

    [Fact]
    public void A_fault_of_ours_shows_an_id_and_nothing_else() => Says(
        Status.InternalError("0HN"),
        """
        "message":"Internal error occurred: request 0HN failed; the server's log says why","reason":"InternalError","details":{"causes":[{"message":"request 0HN failed; the server's log says why"}]},"code":500}
        """);

    [Fact]
    public void A_deletion_is_a_success_without_a_code() => Assert.Equal(
        """{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Success","details":{"name":"x","group":"kubeflow.org","kind":"pytorchjobs","uid":"u"}}""",
        Encoding.UTF8.GetString(Status.Deleted(PyTorchJobs, "x", "u").ToUtf8()));

    [Fact]
    public void Refused_fields_are_named_in_the_message_together_with_those_that_may_change()
    {
        Status status = Status.FieldsForbidden(
            PyTorchJobs, "x", [FieldPath.Of("spec", "backoffLimit")], ["metadata.labels", "spec.cleanPodPolicy"]);
        Assert.Equal((400, "BadRequest"), (status.Code, status.Reason));
        Assert.Equal(
            "these fields may not be changed: spec.backoffLimit; only these may: metadata.labels, spec.cleanPodPolicy", status.Message);
        StatusCause cause = Assert.Single(status.Details!.Causes);
        Assert.Equal(("FieldValueForbidden", "spec.backoffLimit"), (cause.Reason, cause.Field));
    }

    [Fact]
    public void Of_a_thousand_refused_fields_a_hundred_are_listed_and_none_at_full_length()
    {
        FieldPath[] paths = [.. Enumerable.Range(0, 1000).Select(i => FieldPath.Of("spec", $"f{i}" + new string('x', 1000)))];
        Status status = Status.FieldsForbidden(PyTorchJobs, "x", paths, []);
        Assert.Equal(100, status.Details!.Causes.Count);
        Assert.Contains(" and 900 more", status.Message, StringComparison.Ordinal);
        Assert.True(status.ToUtf8().Length < 100_000);
    }

    [Fact]
    public async Task Retry_After_is_a_header_too()
    {
        var context = new DefaultHttpContext();
        await Status.Unavailable("the database is away", 3).ExecuteAsync(context);
        Assert.Equal(503, context.Response.StatusCode);
        Assert.Equal("3", context.Response.Headers.RetryAfter);
    }

    private static void Says(Status status, string rest) => Assert.Equal(Head + rest, Encoding.UTF8.GetString(status.ToUtf8()));
}
