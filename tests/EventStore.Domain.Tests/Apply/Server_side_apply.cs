using EventStore.Domain.Apply;
using EventStore.Domain.Jobs;
using EventStore.Domain.Json;
using EventStore.Domain.Tests.Jobs;
using EventStore.Domain.Tests.Manifests;
using static EventStore.Domain.Tests.Apply.Applying;

namespace EventStore.Domain.Tests.Apply;

/// <summary>What comes of an apply: the event, the job, and who owns what afterwards.</summary>
public sealed class Server_side_apply
{
    private const string Env =
        """{"spec":{"pytorchReplicaSpecs":{"Worker":{"template":{"spec":{"containers":[{"name":"pytorch","env":[?]}]}}}}}}""";

    [Fact]
    public void A_field_nobody_owned_is_set_and_owned()
    {
        Story applied = Made().When(By("two", """{"metadata":{"labels":{"mine":"1"}}}"""));
        applied.Then(new JobApplied(
            Given.Object("""{"metadata":{"labels":{"mine":"1"}}}"""), Given.Object("""{"metadata":{"labels":{"mine":null}}}"""),
            ["metadata.labels.mine"], "two", false));
        Assert.Equal("""{"f:metadata":{"f:labels":{"f:mine":{}}}}""", OwnedBy(applied.After, "two"));
    }

    [Fact]
    public void What_another_owns_is_a_conflict_unless_it_is_forced()
    {
        Story made = Made();
        made.When(By("two", """{"metadata":{"labels":{"app":"other"}}}""")).ThenRefused<Rejection.ApplyConflict>(
            """conflict with "maker" using kubeflow.org/v1: .metadata.labels.app""");
        Job forced = made.When(By("two", """{"metadata":{"labels":{"app":"other"}}}""", force: true)).After;
        Assert.Equal("""{"app":"other"}""", forced.Metadata["labels"]!.ToString());
        Assert.Equal("""{"f:metadata":{"f:labels":{"f:app":{}}}}""", OwnedBy(forced, "two"));
        Assert.StartsWith("""{"f:metadata":{"f:labels":{}},"f:spec":{".":{},""", OwnedBy(forced, "maker"), StringComparison.Ordinal);
    }

    [Fact]
    public void The_same_value_is_shared_and_stays_when_one_owner_drops_it()
    {
        Story shared = Made().When(By("two", """{"metadata":{"labels":{"app":"test","mine":"1"}}}""")).And;
        Job dropped = shared.When(By("two", """{"metadata":{"labels":{"mine":"1"}}}""")).After;
        Assert.Equal("""{"app":"test","mine":"1"}""", dropped.Metadata["labels"]!.ToString());
        Assert.Equal("""{"f:metadata":{"f:labels":{"f:mine":{}}}}""", OwnedBy(dropped, "two"));
    }

    [Fact]
    public void An_event_that_changes_owners_alone_says_so()
    {
        Story shared = Made().When(By("two", """{"metadata":{"labels":{"app":"test"}}}"""));
        var happened = Assert.IsType<JobApplied>(Assert.IsType<Decision.Accepted>(shared.Decision).Event);
        Assert.Equal(("{}", "{}", 0), (happened.Patch.ToString(), happened.Replaced.ToString(), happened.Paths.Count));
        Assert.NotNull(happened.Owners);
        shared.And.When(By("two", """{"metadata":{"labels":{"app":"test"}}}""")).ThenNothing();
    }

    [Fact]
    public void An_item_of_a_list_by_keys_is_merged_by_its_key()
    {
        Story made = Made(
            """{"spec":{"pytorchReplicaSpecs":{"Worker":{"template":{"spec":{"containers":[{"name":"pytorch","image":"v1","env":[{"name":"A","value":"1"}]}]}}}}}}""");
        made.When(By("two", Env.Replace("?", """{"name":"A","value":"9"}""", StringComparison.Ordinal)))
            .ThenRefused<Rejection.ApplyConflict>(
                """conflict with "maker" using kubeflow.org/v1: .spec.pytorchReplicaSpecs.Worker.template.spec.containers[name="pytorch"].env[name="A"].value""");
        Story added = made.When(By("two", Env.Replace("?", """{"name":"C","value":"3"}""", StringComparison.Ordinal))).And;
        Assert.Equal("""[{"name":"A","value":"1"},{"name":"C","value":"3"}]""", EnvOf(added.Job!));
        Job dropped = added.When(By("two", Env.Replace(",\"env\":[?]", "", StringComparison.Ordinal))).After;
        Assert.Equal("""[{"name":"A","value":"1"}]""", EnvOf(dropped));
    }

    [Fact]
    public void A_list_without_keys_and_an_atomic_map_are_owned_whole()
    {
        Job applied = Made().When(By("two", """
            {"spec":{"pytorchReplicaSpecs":{"Worker":{"template":{"spec":{"nodeSelector":{"zone":"a"},"tolerations":[{"key":"k"}],
             "imagePullSecrets":[{"name":"s"}],"containers":[{"name":"pytorch","args":["x"]}]}}}}}}
            """)).After;
        Assert.Equal(
            """{"f:spec":{"f:pytorchReplicaSpecs":{"f:Worker":{".":{},"f:template":{"f:spec":{"f:containers":{"k:{\"name\":\"pytorch\"}":{".":{},"f:args":{},"f:name":{}}},"f:imagePullSecrets":{"k:{\"name\":\"s\"}":{}},"f:nodeSelector":{},"f:tolerations":{}}}}}}}""",
            OwnedBy(applied, "two"));
    }

    [Fact]
    public void Applied_items_stand_in_the_order_of_the_configuration_and_others_where_they_stood()
    {
        Story made = Made(Env.Replace("\"env\"", "\"image\":\"v1\",\"env\"", StringComparison.Ordinal).Replace(
            "?", """{"name":"x"},{"name":"b"},{"name":"y"},{"name":"a"}""", StringComparison.Ordinal));
        Job applied =
            made.When(By("maker", Env.Replace("?", """{"name":"a"},{"name":"n"},{"name":"b"}""", StringComparison.Ordinal))).After;
        Assert.Equal("""[{"name":"x"},{"name":"y"},{"name":"a"},{"name":"n"},{"name":"b"}]""", EnvOf(applied));
    }

    [Fact]
    public void A_job_there_is_not_is_created_and_defaults_belong_to_nobody()
    {
        Story created = new Story(null).When(By(
            "one", Given.Job("""{"metadata":{"labels":{"a":"1"}},"spec":{"runPolicy":{"backoffLimit":3}}}""")));
        Assert.Equal("""{"backoffLimit":3,"suspend":false}""", created.After.Manifest["spec"]!.Member("runPolicy")!.ToString());
        Assert.Contains("\"f:runPolicy\":{\"f:backoffLimit\":{}}", OwnedBy(created.After, "one"), StringComparison.Ordinal);
        Assert.DoesNotContain("uid", OwnedBy(created.After, "one"), StringComparison.Ordinal);
        new Story(null).When(By("one", Given.Job()) with { MayCreate = false }).ThenRefused<Rejection.CreateForbidden>();
        new Story(null).When(By("one", Given.Job()) with { OfStatus = true }).ThenRefused<Rejection.NotFound>();
        new Story(null).When(By("one", Given.Job("""{"metadata":{"uid":"u"}}"""))).ThenRefused<Rejection.NoneToApplyTo>();
    }

    [Theory]
    [InlineData("""{"kind":"TFJob"}""", "invalid object type: kubeflow.org/v1, Kind=TFJob")]
    [InlineData("""{"kind":null,"apiVersion":null}""", "invalid object type: /, Kind=")]
    [InlineData("""{"apiVersion":"v2"}""", "invalid object type: /v2, Kind=PyTorchJob")]
    [InlineData("""{"metadata":{"managedFields":[]}}""", "metadata.managedFields must be nil")]
    [InlineData("""{"metadata":{"name":"other"}}""", "the name of the object (other) does not match the name on the URL (pytorch-test)")]
    [InlineData("""{"spec":{"runPolicy":{"ttlSecondsAfterFinished":"soon"}}}""",
        "failed to create typed patch object (kube-test/pytorch-test; kubeflow.org/v1, Kind=PyTorchJob): .spec.runPolicy.ttlSecondsAfterFinished: expected numeric (int or float), got string")]
    [InlineData("""{"spec":{"runPolicy":{"soon":1}}}""",
        "failed to create typed patch object (kube-test/pytorch-test; kubeflow.org/v1, Kind=PyTorchJob): .spec.runPolicy.soon: field not declared in schema")]
    [InlineData("""{"spec":{"pytorchReplicaSpecs":{"Worker":{"template":{"spec":{"volumes":[{"name":"v"},{"name":"v"}]}}}}}}""",
        """failed to create typed patch object (kube-test/pytorch-test; kubeflow.org/v1, Kind=PyTorchJob): .spec.pytorchReplicaSpecs.Worker.template.spec.volumes: duplicate entries for key [name="v"]""")]
    [InlineData("""{"spec":{"pytorchReplicaSpecs":{"Worker":{"template":{"spec":{"volumes":[{"emptyDir":{}}]}}}}}}""",
        """failed to create typed patch object (kube-test/pytorch-test; kubeflow.org/v1, Kind=PyTorchJob): .spec.pytorchReplicaSpecs.Worker.template.spec.volumes: element 0: associative list with keys has an element that omits all key fields ["name"] (and doesn't have default values for any key fields)""")]
    public void What_cannot_be_applied_is_refused_in_upstreams_words(string configuration, string message) =>
        Made().When(By("two", configuration)).ThenRefused<Rejection.BadRequest>(message);

    [Fact]
    public void A_stale_resource_version_is_refused_and_the_current_one_is_none_of_the_changes()
    {
        Story made = Made();
        made.When(By("two", """{"metadata":{"resourceVersion":"7","labels":{"z":"1"}}}""")).ThenRefused<Rejection.Stale>();
        Job applied = made.When(By("two", """{"metadata":{"resourceVersion":"1000","labels":{"z":"1"}}}""")).After;
        Assert.Equal("""{"f:metadata":{"f:labels":{"f:z":{}}}}""", OwnedBy(applied, "two"));
    }

    [Fact]
    public void A_status_is_applied_under_its_subresource_and_nothing_else_is()
    {
        const string configuration = """{"metadata":{"labels":{"app":"no"}},"status":{"startTime":"2026-01-01T00:00:00Z"}}""";
        Job applied = Made().When(By("op", configuration) with { OfStatus = true }).After;
        Assert.Equal("""{"app":"test"}""", applied.Metadata["labels"]!.ToString());
        Assert.Equal("""{"startTime":"2026-01-01T00:00:00Z"}""", applied.Manifest["status"]!.ToString());
        Assert.Equal("1", applied.Metadata["generation"]!.ToString());
        Assert.Contains("op Apply status {\"f:status\":{\"f:startTime\":{}}}", Owners(applied), StringComparison.Ordinal);
    }

    [Fact]
    public void Nobody_counted_before_the_first_apply()
    {
        Job applied = Story.Given(Ask.Created()).When(By("two", """{"metadata":{"labels":{"mine":"1"}}}""")).After;
        Assert.StartsWith(
            "two Apply - {\"f:metadata\":{\"f:labels\":{\"f:mine\":{}}}}\nbefore-first-apply Update - {\"f:spec\":", Owners(applied),
            StringComparison.Ordinal);
    }

    [Fact]
    public void What_client_side_apply_made_is_no_conflict_for_kubectl()
    {
        const string Last = "kubectl.kubernetes.io/last-applied-configuration";
        JsonObject config = Given.Job("""{"metadata":{"labels":{"app":"a"}}}""");
        Story made = Made(JsonObject.Empty.With("metadata",
            Given.Object("""{"labels":{"app":"a"}}""").With("annotations", JsonObject.Of((Last, config.ToString())))).ToString());
        JsonObject next = Given.Job("""{"metadata":{"labels":{"app":"b"}}}""");
        Assert.IsType<Rejection.ApplyConflict>(Assert.IsType<Decision.Refused>(made.When(By("helm", next)).Decision).Why);
        Job applied = made.When(By("kubectl", next)).After;
        Assert.Equal("\"b\"", applied.Metadata["labels"]!.Member("app")!.ToString());
        Assert.Equal(new JsonText(next + "\n"), applied.Metadata["annotations"]!.Member(Last));
    }

    [Fact]
    public void Several_conflicts_are_told_by_owner()
    {
        Story made = Made("""{"metadata":{"labels":{"a":"1","b":"1"}}}""");
        var why = Assert.IsType<Rejection.ApplyConflict>(Assert.IsType<Decision.Refused>(
            made.When(By("two", """{"metadata":{"labels":{"a":"2","b":"2"}}}""")).Decision).Why);
        Assert.Equal(
            "Apply failed with 2 conflicts: conflicts with \"maker\" using kubeflow.org/v1:\n- .metadata.labels.a\n- .metadata.labels.b",
            FieldConflict.Message(why.Fields));
    }

    private static string EnvOf(Job job) =>
        ((JsonArray)job.Manifest["spec"]!.Member("pytorchReplicaSpecs")!.Member("Worker")!.Member("template")!.Member("spec")!
            .Member("containers")!).Items[0].Member("env")!.ToString();
}
