namespace EventStore.Server.Tests.Kubectl;

[Trait("Category", "Slow")]
public sealed class Patch_label_and_edit(KubectlServer server) : KubectlTests(server)
{
    private const string OnlyThese = "only these may: metadata.labels, metadata.annotations, spec.activeDeadlineSeconds, "
        + "spec.ttlSecondsAfterFinished, spec.cleanPodPolicy";

    private const string Stale =
        "Error from server (Conflict): Operation cannot be fulfilled on pytorchjobs.kubeflow.org \"mnist\": the object has been "
        + "modified; please apply your changes to the latest version and try again\n";

    [SkippableFact]
    public async Task A_merge_patch_changes_what_it_names()
    {
        await Given("mnist");
        Assert.Equal(
            "pytorchjob.kubeflow.org/mnist patched\n", await Succeed(
                """patch pytorchjob mnist --type merge -p '{"spec":{"ttlSecondsAfterFinished":60}}'"""));
        Assert.Equal(
            "pytorchjob.kubeflow.org/mnist patched (no change)\n",
            await Succeed("""patch pytorchjob mnist --type merge -p '{"spec":{"ttlSecondsAfterFinished":60}}'"""));
        Assert.Equal("60", await Succeed("get pytorchjob mnist -o jsonpath={.spec.ttlSecondsAfterFinished}"));
    }

    [SkippableTheory]
    [InlineData("strategic", "application/strategic-merge-patch+json", """{"spec":{"ttlSecondsAfterFinished":60}}""")]
    [InlineData("json", "application/json-patch+json", """[{"op":"add","path":"/metadata/labels/q","value":"1"}]""")]
    public async Task Another_kind_of_patch_is_refused_with_the_option_that_helps(string type, string mediaType, string patch)
    {
        await Given("mnist");
        Assert.Equal(
            $"error: {mediaType} is not supported by kubeflow.org/v1, Kind=PyTorchJob: the body of the request was in an unknown format - "
            + "accepted media types include: application/merge-patch+json (kubectl patch --type=merge)\n",
            await Fail($"patch pytorchjob mnist --type {type} -p '{patch}'"));
    }

    [SkippableFact]
    public async Task A_patch_without_a_type_is_strategic_and_refused()
    {
        await Given("mnist");
        Assert.Contains(
            "kubectl patch --type=merge", await Fail("""patch pytorchjob mnist -p '{"spec":{"ttlSecondsAfterFinished":60}}'"""),
            StringComparison.Ordinal);
    }

    [SkippableFact]
    public async Task A_fixed_field_is_refused_by_name()
    {
        await Given("mnist");
        Assert.Equal(
            "Error from server (BadRequest): these fields may not be changed: spec.backoffLimit, spec.pytorchReplicaSpecs.Worker.replicas; "
            + OnlyThese + "\n",
            await Fail(
                """patch pytorchjob mnist --type merge -p '{"spec":{"backoffLimit":3,"pytorchReplicaSpecs":{"Worker":{"replicas":4}}}}'"""));
    }

    [SkippableFact]
    public async Task Wrong_values_are_listed()
    {
        await Given("mnist");
        Assert.Equal(
            """
            The PyTorchJob "mnist" is invalid: 
            * spec.activeDeadlineSeconds: Invalid value: 0: spec.activeDeadlineSeconds in body should be greater than or equal to 1
            * spec.cleanPodPolicy: Unsupported value: "Some": supported values: "All", "Running", "None"

            """,
            await Fail("""patch pytorchjob mnist --type merge -p '{"spec":{"cleanPodPolicy":"Some","activeDeadlineSeconds":0}}'"""));
    }

    [SkippableFact]
    public async Task A_patch_for_an_older_version_is_a_conflict()
    {
        await Given("mnist");
        Assert.Equal(
            Stale, await Fail("""patch pytorchjob mnist --type merge -p '{"metadata":{"resourceVersion":"1","labels":{"a":"b"}}}'"""));
        Assert.Equal(Stale, await Fail("label pytorchjob mnist a=b --resource-version=1"));
    }

    [SkippableFact]
    public async Task Labels_are_set_overwritten_and_taken_off()
    {
        await Given("mnist");
        Assert.Equal("pytorchjob.kubeflow.org/mnist labeled\n", await Succeed("label pytorchjob mnist team=ml"));
        Assert.Equal("error: 'team' already has a value (ml), and --overwrite is false\n", await Fail("label pytorchjob mnist team=ai"));
        Assert.Equal("pytorchjob.kubeflow.org/mnist labeled\n", await Succeed("label pytorchjob mnist team=ai --overwrite"));
        Assert.Equal("""{"app":"test","team":"ai"}""", await Succeed("get pytorchjob mnist -o jsonpath={.metadata.labels}"));
        Assert.Equal("pytorchjob.kubeflow.org/mnist unlabeled\n", await Succeed("label pytorchjob mnist team-"));
        Assert.Equal("""{"app":"test"}""", await Succeed("get pytorchjob mnist -o jsonpath={.metadata.labels}"));
        await Given("other");
        Assert.Equal("pytorchjob.kubeflow.org/mnist labeled\npytorchjob.kubeflow.org/other labeled\n", await Succeed(
            "label pytorchjobs --all zone=z1"));
    }

    [SkippableFact]
    public async Task Annotations_are_set_and_taken_off()
    {
        await Given("mnist");
        Assert.Equal("pytorchjob.kubeflow.org/mnist annotated\n", await Succeed("annotate pytorchjob mnist 'note=a word'"));
        Assert.Equal("a word", await Succeed("get pytorchjob mnist -o jsonpath={.metadata.annotations.note}"));
        Assert.Equal("pytorchjob.kubeflow.org/mnist annotated\n", await Succeed("annotate pytorchjob mnist note-"));
        Assert.Equal("1", await Succeed("get pytorchjob mnist -o jsonpath={.metadata.generation}"));
    }

    [SkippableFact]
    public async Task An_edit_sends_what_was_changed()
    {
        await Given("mnist");
        Editor = "sed -i -e 's/app: test/app: edited/'";
        Assert.Equal("pytorchjob.kubeflow.org/mnist edited\n", await Succeed("edit pytorchjob mnist"));
        Assert.Equal("edited", await Succeed("get pytorchjob mnist -o jsonpath={.metadata.labels.app}"));
        Editor = "true";
        KubectlRun run = await Kubectl("edit pytorchjob mnist");
        Assert.Equal((0, "Edit cancelled, no changes made.\n"), (run.ExitCode, run.Output + run.Errors));
    }

    [SkippableFact]
    public async Task An_edit_of_a_fixed_field_is_refused_by_name()
    {
        await Given("mnist");
        Editor = "sed -i -e 's/restartPolicy: OnFailure/restartPolicy: Always/'";
        Assert.StartsWith(
            "error: pytorchjobs.kubeflow.org \"mnist\" could not be patched: these fields may not be changed: "
            + "spec.pytorchReplicaSpecs.Worker.restartPolicy; " + OnlyThese + "\n",
            await Fail("edit pytorchjob mnist"),
            StringComparison.Ordinal);
    }

    [SkippableFact]
    public async Task Status_is_written_through_its_subresource()
    {
        await Given("mnist");
        Assert.Equal(
            "pytorchjob.kubeflow.org/mnist patched\n",
            await Succeed(
                """patch pytorchjob mnist --type merge --subresource=status -p '{"status":{"startTime":"2019-07-24T10:36:26Z"}}'"""));
        Assert.Equal("2019-07-24T10:36:26Z", await Succeed("get pytorchjob mnist --subresource=status -o jsonpath={.status.startTime}"));
    }

    [SkippableFact]
    public async Task There_is_nothing_to_scale()
    {
        await Given("mnist");
        Assert.Equal("Error from server (NotFound): pytorchjobs.kubeflow.org \"mnist\" not found\n", await Fail(
            "scale pytorchjob mnist --replicas=2"));
    }
}
