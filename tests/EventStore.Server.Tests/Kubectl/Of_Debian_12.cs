using System.Text.Json.Nodes;
using EventStore.Server.Tests.Fixtures;

namespace EventStore.Server.Tests.Kubectl;

/// <summary>
/// kubectl 1.20, the one of Debian 12: it checks manifests itself, by OpenAPI v2 in protobuf, and discovers group by group. Its path is in
/// TEST_KUBECTL_OLD, for on the PATH it would stand in the place of a newer one.
/// </summary>
[Trait("Category", "Slow")]
public sealed class Of_Debian_12(KubectlServer server) : KubectlTests(server)
{
    private const string NotRead = "the body of the request was in an unknown format - accepted media types include: "
        + "application/merge-patch+json (kubectl patch --type=merge)";

    protected override string Binary => OldBinary;

    protected override string Needed => OldNeeded;

    [SkippableFact]
    public async Task It_is_the_old_one()
    {
        string version = await Succeed("version");
        Assert.Contains("Client Version: version.Info{Major:\"1\", Minor:\"20\"", version, StringComparison.Ordinal);
        Assert.Contains("Server Version: version.Info{Major:\"1\", Minor:\"34\"", version, StringComparison.Ordinal);
    }

    [SkippableFact]
    public async Task Create_checks_the_manifest_and_creates_once()
    {
        WriteJob("job.json", "mnist", spec: ""","cleanPodPolicies":"All" """);
        const string unchecked_ = "; if you choose to ignore these errors, turn validation off with --validate=false\n";
        Assert.Equal(
            "error: error validating \"job.json\": error validating data: ValidationError(PyTorchJob.spec): unknown field \"cleanPodPolicies\" in "
            + "org.kubeflow.v1.PyTorchJob.spec" + unchecked_,
            await Fail("create -f job.json"));
        WriteJob("job.json", "mnist", spec: ""","ttlSecondsAfterFinished":"5" """);
        Assert.Equal(
            "error: error validating \"job.json\": error validating data: ValidationError(PyTorchJob.spec.ttlSecondsAfterFinished): invalid type for "
            + "org.kubeflow.v1.PyTorchJob.spec.ttlSecondsAfterFinished: got \"string\", expected \"integer\"" + unchecked_,
            await Fail("apply -f job.json"));
        WriteJob("job.json", "mnist");
        Assert.Equal("pytorchjob.kubeflow.org/mnist created (server dry run)\n", await Succeed("create -f job.json --dry-run=server"));
        Assert.Equal("pytorchjob.kubeflow.org/mnist created\n", await Succeed("create -f job.json"));
        Assert.Equal(
            "Error from server (AlreadyExists): error when creating \"job.json\": pytorchjobs.kubeflow.org \"mnist\" already exists\n",
            await Fail("create -f job.json"));
    }

    [SkippableFact]
    public async Task Get_shows_a_job_in_every_form()
    {
        await Given("mnist");
        JsonNode job = await Server.Admin.Get(Sample.Job("mnist", Namespace));
        Assert.Matches("^NAME +STATE +AGE\nmnist +[0-9]+s\n$", await Succeed("get pytorchjobs"));
        Assert.Matches("^NAME +STATE +AGE\nmnist +[0-9]+s\n$", await Succeed("get pytorchjob mnist"));
        Assert.Matches(
            $"^NAME +STATE +AGE +GENERATION +REVISION +LAST CHANGE\nmnist +[0-9]+s +1 +{job.Revision()} +[0-9]+s\n$", await Succeed(
                "get pytorchjob/mnist -o wide"));
        Assert.StartsWith(
            "apiVersion: kubeflow.org/v1\nkind: PyTorchJob\nmetadata:\n", await Succeed("get pytorchjob mnist -o yaml"),
            StringComparison.Ordinal);
        Assert.True(JsonNode.DeepEquals(job, JsonNode.Parse(await Succeed("get pytorchjob mnist -o json"))));
        Assert.True(JsonNode.DeepEquals(job, JsonNode.Parse(await Succeed($"get --raw {Sample.Job("mnist", Namespace)}"))));
        Assert.Equal("pytorchjob.kubeflow.org/mnist\n", await Succeed("get pytorchjobs -o name"));
        Assert.Matches(
            "^NAME +STATE +AGE +LABELS\nmnist +[0-9]+s +app=test\n$", await Succeed("get pytorchjobs -l app=test --show-labels"));
        Assert.Matches($"(?m)^{Namespace} +mnist ", await Succeed("get pytorchjobs -A"));
        Assert.Equal(job.Revision(), await Succeed("get pytorchjob mnist -o jsonpath={.metadata.resourceVersion}"));
        Assert.Matches($"^N +RV\nmnist +{job.Revision()}\n$", await Succeed(
            "get pytorchjobs -o custom-columns=N:.metadata.name,RV:.metadata.resourceVersion"));
        Assert.Equal("Error from server (NotFound): pytorchjobs.kubeflow.org \"absent\" not found\n", await Fail("get pytorchjob absent"));
    }

    [SkippableFact]
    public async Task Describe_ends_in_no_events()
    {
        await Given("mnist");
        string text = await Succeed("describe pytorchjob mnist");
        Assert.StartsWith("Name:         mnist\nNamespace:    " + Namespace + "\nLabels:       app=test\n", text, StringComparison.Ordinal);
        Assert.Matches("Events: +<none>\n$", text);
        Assert.Equal("No resources found in NS namespace.\n", Plain((await Kubectl("get events")).Errors));
    }

    [SkippableTheory]
    [InlineData("get pytorchjobs -w")]
    [InlineData("get pytorchjob mnist -w")]
    [InlineData("get pytorchjobs --watch-only")]
    public async Task Watches_print_every_change(string command)
    {
        await Given("mnist");
        Task<string> watching = Succeed(command + " --request-timeout=6s -o jsonpath={.metadata.labels.n}{\"\\n\"}");
        for (int n = 0; !watching.IsCompleted; n++)
        {
            (await Server.Admin.Patch(Sample.Job("mnist", Namespace), $"{{\"metadata\":{{\"labels\":{{\"n\":\"{n}\"}}}}}}"))
                .EnsureSuccessStatusCode();
            await Task.WhenAny(watching, Task.Delay(10));
        }

        int[] seen = [.. (await watching).Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(int.Parse)];
        Assert.InRange(seen.Length, 3, int.MaxValue);
        // Of one named job kubectl prints what a GET gave, watches from "0" and drops the first frame unseen, taking it for the state it
        // has just printed. What changes between the two it never prints, whatever server it asks.
        int[] watched = command.Contains("job mnist", StringComparison.Ordinal) ? seen[1..] : seen;
        Assert.InRange(seen[0], 0, watched[0]);
        Assert.Equal(Enumerable.Range(watched[0], watched.Length), watched);
    }

    [SkippableFact]
    public async Task Apply_and_diff_know_what_changes()
    {
        WriteJob("job.json", "mnist");
        WriteJob("changed.json", "mnist", """{"app":"other"}""", ""","cleanPodPolicy":"All" """);
        Assert.Equal("pytorchjob.kubeflow.org/mnist created\n", await Succeed("apply -f job.json"));
        Assert.Equal("pytorchjob.kubeflow.org/mnist unchanged\n", await Succeed("apply -f job.json"));
        KubectlRun diff = await Kubectl("diff -f changed.json");
        Assert.True(diff.ExitCode == 1, diff.ToString());
        Assert.Contains("\n+  cleanPodPolicy: All\n", diff.Output, StringComparison.Ordinal);
        Assert.Equal(
            "pytorchjob.kubeflow.org/mnist configured (server dry run)\n", await Succeed("apply -f changed.json --dry-run=server"));
        Assert.Equal("pytorchjob.kubeflow.org/mnist configured\n", await Succeed("apply -f changed.json"));
        Assert.Equal("", await Succeed("diff -f changed.json"));
        Assert.Equal("other All 2", await Succeed(
            "get pytorchjob mnist -o 'jsonpath={.metadata.labels.app} {.spec.cleanPodPolicy} {.metadata.generation}'"));
    }

    [SkippableFact]
    public async Task Edit_sends_what_was_changed()
    {
        await Given("mnist");
        Editor = "sed -i -e 's/app: test/app: edited/'";
        Assert.Equal("pytorchjob.kubeflow.org/mnist edited\n", await Succeed("edit pytorchjob mnist"));
        Assert.Equal("edited", await Succeed("get pytorchjob mnist -o jsonpath={.metadata.labels.app}"));
        Editor = "sed -i -e 's/restartPolicy: OnFailure/restartPolicy: Always/'";
        Assert.StartsWith(
            "error: pytorchjobs.kubeflow.org \"mnist\" could not be patched: these fields may not be changed: spec.pytorchReplicaSpecs.Worker.restartPolicy; ",
            await Fail("edit pytorchjob mnist"),
            StringComparison.Ordinal);
    }

    [SkippableFact]
    public async Task A_merge_patch_is_the_only_kind()
    {
        await Given("mnist");
        WriteJob("job.json", "mnist");
        Assert.Equal("pytorchjob.kubeflow.org/mnist patched\n", await Succeed(
            """patch pytorchjob mnist --type=merge -p '{"metadata":{"labels":{"p":"1"}}}'"""));
        Assert.Equal("pytorchjob.kubeflow.org/mnist patched\n", await Succeed(
            """patch pytorchjob mnist --type=merge -p 'metadata: {labels: {p: "2"}}'"""));
        Assert.Equal("2", await Succeed("get pytorchjob mnist -o jsonpath={.metadata.labels.p}"));
        Assert.StartsWith(
            "Error from server (BadRequest): these fields may not be changed: spec.backoffLimit; ",
            await Fail("""patch pytorchjob mnist --type merge -p '{"spec":{"backoffLimit":3}}'"""),
            StringComparison.Ordinal);
        const string refused = $"Error from server (UnsupportedMediaType): {NotRead}\n";
        Assert.Equal(refused, await Fail("""patch pytorchjob mnist -p '{"metadata":{"labels":{"p":"3"}}}'"""));
        Assert.Equal(
            refused, await Fail("""patch pytorchjob mnist --type=json -p '[{"op":"add","path":"/metadata/labels/q","value":"1"}]'"""));
        Assert.Equal($"error: Server-side apply not available on the server: ({NotRead})\n", await Fail(
            "apply --server-side -f job.json --force-conflicts"));
    }

    [SkippableFact]
    public async Task Labels_and_annotations_are_set_and_taken_off()
    {
        await Given("mnist");
        Assert.Equal("pytorchjob.kubeflow.org/mnist labeled\n", await Succeed("label pytorchjob mnist team=ml"));
        Assert.Equal("error: 'team' already has a value (ml), and --overwrite is false\n", await Fail("label pytorchjob mnist team=no"));
        await Succeed("label pytorchjob mnist team=ai --overwrite");
        await Succeed("label pytorchjobs --all zone=z1");
        Assert.Equal("""{"app":"test","team":"ai","zone":"z1"}""", await Succeed("get pytorchjob mnist -o jsonpath={.metadata.labels}"));
        await Succeed("label pytorchjob mnist team-");
        Assert.Equal("""{"app":"test","zone":"z1"}""", await Succeed("get pytorchjob mnist -o jsonpath={.metadata.labels}"));
        Assert.StartsWith(
            "Error from server (Conflict): Operation cannot be fulfilled on pytorchjobs.kubeflow.org \"mnist\": the object has been modified; ",
            await Fail("label pytorchjob mnist team=ml --resource-version=1"),
            StringComparison.Ordinal);
        Assert.Equal("pytorchjob.kubeflow.org/mnist annotated\n", await Succeed("annotate pytorchjob mnist note=hi"));
        Assert.Equal("hi", await Succeed("get pytorchjob mnist -o jsonpath={.metadata.annotations.note}"));
        Assert.Equal("pytorchjob.kubeflow.org/mnist annotated\n", await Succeed("annotate pytorchjob mnist note-"));
    }

    [SkippableFact]
    public async Task Replace_puts_a_manifest_in_the_place_of_the_job()
    {
        WriteJob("job.json", "mnist");
        await Succeed("create -f job.json");
        Write("live.json", (await Succeed("get pytorchjob mnist -o json")).Replace("\"test\"", "\"live\"", StringComparison.Ordinal));
        Assert.Equal("pytorchjob.kubeflow.org/mnist replaced\n", await Succeed("replace -f live.json"));
        Assert.Equal("live", await Succeed("get pytorchjob mnist -o jsonpath={.metadata.labels.app}"));
        Assert.Equal("pytorchjob.kubeflow.org/mnist replaced\n", await Succeed("replace -f job.json"));
        string uid = await Succeed("get pytorchjob mnist -o jsonpath={.metadata.uid}");
        Assert.Equal(
            "pytorchjob.kubeflow.org \"mnist\" deleted\npytorchjob.kubeflow.org/mnist replaced\n",
            await Succeed("replace --force -f job.json"));
        Assert.NotEqual(uid, await Succeed("get pytorchjob mnist -o jsonpath={.metadata.uid}"));
    }

    [SkippableFact]
    public async Task It_finds_out_what_there_is()
    {
        string text = await Succeed("explain pytorchjob.spec.cleanPodPolicy");
        Assert.StartsWith(
            "KIND:     PyTorchJob\nVERSION:  kubeflow.org/v1\n\nFIELD:    cleanPodPolicy <string>\n", text, StringComparison.Ordinal);
        Assert.Contains("Which pods the operator deletes when the job has finished", text, StringComparison.Ordinal);
        Assert.Contains("\n   spec\t<Object>\n", await Succeed("explain pytorchjob --recursive"), StringComparison.Ordinal);
        Assert.Contains("RESOURCE: runPolicy <Object>", await Succeed("explain pytorchjob.spec.runPolicy"), StringComparison.Ordinal);
        Assert.Matches("\npytorchjobs +kubeflow.org/v1 +true +PyTorchJob\n", await Succeed("api-resources --api-group=kubeflow.org"));
        Assert.Contains("kubeflow.org/v1\n", await Succeed("api-versions"), StringComparison.Ordinal);
        Assert.Equal("yes\n", await Succeed("auth can-i patch pytorchjobs"));
        Assert.Matches(@"\n\*\.\* +\[\] +\[\] +\[\*\]\n", await Succeed("auth can-i --list"));
        Assert.Equal("no\n", (await Kubectl($"auth can-i patch pytorchjobs --token {ServerProcess.AliceToken}")).Output);
    }

    [SkippableFact]
    public async Task Delete_waits_until_the_job_is_gone()
    {
        const string deleted = "pytorchjob.kubeflow.org \"mnist\" deleted";
        await Given("mnist");
        Assert.Equal(deleted + " (server dry run)\n", await Succeed("delete pytorchjob mnist --dry-run=server"));
        Assert.Equal(deleted + "\n", await Succeed("delete pytorchjob mnist"));
        Assert.Equal("Error from server (NotFound): pytorchjobs.kubeflow.org \"mnist\" not found\n", await Fail("delete pytorchjob mnist"));
        Assert.Equal("", await Succeed("delete pytorchjob mnist --ignore-not-found"));
        foreach (string command in (string[])["delete pytorchjob mnist --wait=false", "delete pytorchjobs -l app=test",
            "delete pytorchjobs --all"])
        {
            await Given("mnist");
            Assert.Equal(deleted + "\n", await Succeed(command));
            Assert.Equal("", await Succeed("get pytorchjobs -o name"));
        }
    }

    [SkippableTheory]
    [InlineData("scale pytorchjob mnist --replicas=2", "Error from server (NotFound): pytorchjobs.kubeflow.org \"mnist\" not found")]
    [InlineData("cluster-info", "error: the server doesn't have a resource type \"services\"")]
    [InlineData("wait --for=condition=Created pytorchjob/mnist --timeout=1s", "error: timed out waiting for the condition on pytorchjobs/mnist")]
    [InlineData("wait --for=jsonpath={.metadata.name}=mnist pytorchjob/mnist", "error: unrecognized condition: \"jsonpath={.metadata.name}=mnist\"")]
    [InlineData("auth whoami", "error: unknown command \"whoami\"")]
    [InlineData("patch pytorchjob mnist --subresource=status -p {}", "Error: unknown flag: --subresource")]
    public async Task What_it_lacks_or_the_server_does_is_said(string command, string says)
    {
        await Given("mnist");
        Assert.StartsWith(says, await Fail(command), StringComparison.Ordinal);
    }
}
