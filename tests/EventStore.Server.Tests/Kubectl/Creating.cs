namespace EventStore.Server.Tests.Kubectl;

[Trait("Category", "Slow")]
public sealed class Creating(KubectlServer server) : KubectlTests(server)
{
    private const string OnlyThese = "only these may: metadata.labels, metadata.annotations, spec.activeDeadlineSeconds, "
        + "spec.ttlSecondsAfterFinished, spec.cleanPodPolicy";

    [SkippableFact]
    public async Task Create_creates_once()
    {
        WriteJob("job.json", "mnist");
        Assert.Equal("pytorchjob.kubeflow.org/mnist created (server dry run)\n", await Succeed("create -f job.json --dry-run=server"));
        Assert.Equal("pytorchjob.kubeflow.org/mnist created\n", await Succeed("create -f job.json"));
        Assert.Equal(
            "Error from server (AlreadyExists): error when creating \"job.json\": pytorchjobs.kubeflow.org \"mnist\" already exists\n",
            await Fail("create -f job.json"));
    }

    [SkippableFact]
    public async Task A_misspelt_field_is_named_before_anything_is_stored()
    {
        WriteJob("job.json", "mnist", spec: ""","cleanPodPolicies":"All" """);
        Assert.Equal(
            "Error from server (BadRequest): error when creating \"job.json\": PyTorchJob in version \"v1\" cannot be handled as a PyTorchJob: "
            + "strict decoding error: unknown field \"spec.cleanPodPolicies\"\n",
            await Fail("create -f job.json"));
        KubectlRun run = await Kubectl("create -f job.json --validate=warn");
        Assert.Equal((0, "Warning: unknown field \"spec.cleanPodPolicies\"\n"), (run.ExitCode, run.Errors));
    }

    [SkippableFact]
    public async Task Every_wrong_value_is_named_on_a_line_of_its_own()
    {
        WriteJob("job.json", "mnist", spec: ""","cleanPodPolicy":"Some","ttlSecondsAfterFinished":-1""");
        Assert.Equal(
            """
            The PyTorchJob "mnist" is invalid: 
            * spec.cleanPodPolicy: Unsupported value: "Some": supported values: "All", "Running", "None"
            * spec.ttlSecondsAfterFinished: Invalid value: -1: spec.ttlSecondsAfterFinished in body should be greater than or equal to 0

            """,
            await Fail("create -f job.json"));
    }

    [SkippableFact]
    public async Task Apply_creates_then_changes_what_may_change_and_knows_when_nothing_does()
    {
        WriteJob("job.json", "mnist");
        WriteJob("changed.json", "mnist", """{"app":"other"}""", ""","cleanPodPolicy":"All" """);
        Assert.Equal("pytorchjob.kubeflow.org/mnist created\n", await Succeed("apply -f job.json"));
        Assert.Equal("pytorchjob.kubeflow.org/mnist unchanged\n", await Succeed("apply -f job.json"));
        Assert.Equal(
            "pytorchjob.kubeflow.org/mnist configured (server dry run)\n", await Succeed("apply -f changed.json --dry-run=server"));
        Assert.Equal("test", await Succeed("get pytorchjob mnist -o jsonpath={.metadata.labels.app}"));
        Assert.Equal("pytorchjob.kubeflow.org/mnist configured\n", await Succeed("apply -f changed.json"));
        Assert.Equal("other All 2", await Succeed(
            "get pytorchjob mnist -o 'jsonpath={.metadata.labels.app} {.spec.cleanPodPolicy} {.metadata.generation}'"));
        Assert.Equal("pytorchjob.kubeflow.org/mnist configured\n", await Succeed("apply -f job.json"));
        Assert.Equal("test  3", await Succeed(
            "get pytorchjob mnist -o 'jsonpath={.metadata.labels.app} {.spec.cleanPodPolicy} {.metadata.generation}'"));
    }

    [SkippableFact]
    public async Task Apply_of_a_fixed_field_says_which_field_and_which_are_not_fixed()
    {
        WriteJob("job.json", "mnist");
        await Succeed("apply -f job.json");
        WriteJob("job.json", "mnist", spec: ""","backoffLimit":3""");
        string refusal = await Fail("apply -f job.json");
        Assert.StartsWith("Error from server (BadRequest): error when applying patch:\n", refusal, StringComparison.Ordinal);
        Assert.EndsWith(
            $"for: \"job.json\": error when patching \"job.json\": these fields may not be changed: spec.backoffLimit; {OnlyThese}\n",
            refusal,
            StringComparison.Ordinal);
    }

    [SkippableFact]
    public async Task Diff_shows_what_apply_would_do_and_does_nothing()
    {
        WriteJob("job.json", "mnist");
        await Succeed("apply -f job.json");
        Assert.Equal("", await Succeed("diff -f job.json"));
        WriteJob("job.json", "mnist", spec: ""","cleanPodPolicy":"All" """);
        KubectlRun run = await Kubectl("diff -f job.json");
        Assert.True(run.ExitCode == 1, run.ToString());
        Assert.Contains("\n-  generation: 1\n+  generation: 2\n", run.Output, StringComparison.Ordinal);
        Assert.Contains("\n+  cleanPodPolicy: All\n", run.Output, StringComparison.Ordinal);
        Assert.Equal("", await Succeed("get pytorchjob mnist -o jsonpath={.spec.cleanPodPolicy}"));
        WriteJob("job.json", "mnist", spec: ""","backoffLimit":3""");
        Assert.Contains(
            "these fields may not be changed: spec.backoffLimit", await Fail("diff -f job.json", exitCode: 2), StringComparison.Ordinal);
    }

    [SkippableFact]
    public async Task Apply_on_the_server_side_is_said_not_to_be_there()
    {
        WriteJob("job.json", "mnist");
        Assert.StartsWith(
            "error: Server-side apply not available on the server: (", await Fail("apply --server-side -f job.json"),
            StringComparison.Ordinal);
    }

    [SkippableFact]
    public async Task Replace_puts_a_manifest_in_the_place_of_the_job()
    {
        WriteJob("job.json", "mnist");
        Assert.Equal(
            "Error from server (NotFound): error when replacing \"job.json\": pytorchjobs.kubeflow.org \"mnist\" not found\n",
            await Fail("replace -f job.json"));
        await Succeed("create -f job.json");
        WriteJob("job.json", "mnist", """{"app":"replaced"}""", ""","ttlSecondsAfterFinished":5""");
        Assert.Equal("pytorchjob.kubeflow.org/mnist replaced\n", await Succeed("replace -f job.json"));
        Assert.Equal(
            "replaced 5", await Succeed("get pytorchjob mnist -o 'jsonpath={.metadata.labels.app} {.spec.ttlSecondsAfterFinished}'"));
        WriteJob("job.json", "mnist", spec: ""","backoffLimit":3""");
        Assert.Equal(
            "Error from server (BadRequest): error when replacing \"job.json\": these fields may not be changed: spec.backoffLimit; "
            + OnlyThese + "\n",
            await Fail("replace -f job.json"));
    }

    [SkippableFact]
    public async Task Replace_of_what_has_been_changed_meanwhile_is_a_conflict()
    {
        await Given("mnist");
        Write("live.json", await Succeed("get pytorchjob mnist -o json"));
        await Succeed("label pytorchjob mnist team=ml");
        Assert.Equal(
            "Error from server (Conflict): error when replacing \"live.json\": Operation cannot be fulfilled on pytorchjobs.kubeflow.org \"mnist\": "
            + "the object has been modified; please apply your changes to the latest version and try again\n",
            await Fail("replace -f live.json"));
    }

    [SkippableFact]
    public async Task Replace_by_force_makes_another_job_of_the_name()
    {
        WriteJob("job.json", "mnist");
        await Succeed("create -f job.json");
        string uid = await Succeed("get pytorchjob mnist -o jsonpath={.metadata.uid}");
        WriteJob("job.json", "mnist", spec: ""","backoffLimit":3""");
        Assert.Equal("pytorchjob.kubeflow.org \"mnist\" deleted\npytorchjob.kubeflow.org/mnist replaced\n", Deleted(
            await Succeed("replace --force -f job.json")));
        Assert.NotEqual(uid, await Succeed("get pytorchjob mnist -o jsonpath={.metadata.uid}"));
    }

    /// <summary>Since 1.34 kubectl says in which namespace it deleted.</summary>
    private string Deleted(string text) => text.Replace($" from {Namespace} namespace", "", StringComparison.Ordinal);
}
