using System.Text.Json.Nodes;
using EventStore.Server.Tests.Fixtures;

namespace EventStore.Server.Tests.Kubectl;

[Trait("Category", "Slow")]
public sealed class Get_and_describe(KubectlServer server) : KubectlTests(server)
{
    [SkippableFact]
    public async Task One_job_as_yaml_is_what_was_stored()
    {
        await Given("mnist");
        string yaml = await Succeed("get pytorchjob mnist -o yaml");
        Assert.StartsWith("apiVersion: kubeflow.org/v1\nkind: PyTorchJob\nmetadata:\n", yaml, StringComparison.Ordinal);
        Assert.Contains("\n  generation: 1\n  labels:\n    app: test\n  name: mnist\n", yaml, StringComparison.Ordinal);
        Assert.Contains($"\n  selfLink: {Sample.Job("mnist", Namespace)}\n", yaml, StringComparison.Ordinal);
    }

    [SkippableFact]
    public async Task One_job_as_json_has_the_bytes_of_the_api()
    {
        await Given("mnist");
        JsonNode shown = JsonNode.Parse(await Succeed("get pytorchjob/mnist -o json"))!;
        Assert.True(JsonNode.DeepEquals(await Server.Admin.Get(Sample.Job("mnist", Namespace)), shown));
        Assert.Equal(shown.Revision(), await Succeed("get pytorchjob mnist -o jsonpath={.metadata.resourceVersion}"));
        Assert.True(JsonNode.DeepEquals(shown, JsonNode.Parse(await Succeed($"get --raw {Sample.Job("mnist", Namespace)}"))));
    }

    [SkippableFact]
    public async Task A_list_shows_each_job()
    {
        await Given("one");
        await Given("two");
        string[] lines = (await Succeed("get pytorchjobs")).Split('\n');
        Assert.StartsWith("NAME ", lines[0], StringComparison.Ordinal);
        Assert.Equal(["one", "two", ""], lines[1..].Select(line => line.Split(' ')[0]));
        Assert.Equal("pytorchjob.kubeflow.org/one\npytorchjob.kubeflow.org/two\n", await Succeed("get pytorchjobs -o name"));
        Assert.Equal("N\none\ntwo\n", await Succeed("get pytorchjobs.kubeflow.org -o custom-columns=N:.metadata.name"));
    }

    [SkippableFact]
    public async Task Selectors_select()
    {
        await Given("one");
        await Given("two");
        await Succeed("label pytorchjob two app=other --overwrite");
        Assert.Equal("pytorchjob.kubeflow.org/two\n", await Succeed("get pytorchjobs -l app=other -o name"));
        Assert.Equal("pytorchjob.kubeflow.org/one\n", await Succeed("get pytorchjobs -l 'app in (test,new)' -o name"));
        Assert.Equal("pytorchjob.kubeflow.org/one\n", await Succeed("get pytorchjobs --field-selector metadata.name=one -o name"));
        Assert.Equal(
            "Error from server (BadRequest): Unable to find \"kubeflow.org/v1, Resource=pytorchjobs\" that match label selector \"\", field selector "
            + "\"spec.x=1\": field label not supported: spec.x\n",
            await Fail("get pytorchjobs --field-selector spec.x=1"));
    }

    [SkippableFact]
    public async Task All_namespaces_are_listed_together()
    {
        await Given("here");
        await Server.Admin.Create("there", Namespace + "-2");
        string[] lines = (await Succeed("get pytorchjobs -A")).Split('\n');
        Assert.StartsWith("NAMESPACE ", lines[0], StringComparison.Ordinal);
        Assert.Contains(
            lines, line => line.StartsWith($"{Namespace} ", StringComparison.Ordinal) && line.Contains(" here ", StringComparison.Ordinal));
        Assert.Contains(lines, line => line.StartsWith($"{Namespace}-2 ", StringComparison.Ordinal) && line.Contains(
            " there ", StringComparison.Ordinal));
    }

    [SkippableFact]
    public async Task A_description_ends_in_no_events()
    {
        await Given("mnist");
        string text = await Succeed("describe pytorchjob mnist");
        Assert.StartsWith("Name:         mnist\nNamespace:    " + Namespace + "\nLabels:       app=test\n", text, StringComparison.Ordinal);
        Assert.Contains("\n            Image:  *.*.*.215:20202/gcs/pytorch-cpu:v1\n", text, StringComparison.Ordinal);
        Assert.Matches("Events: +<none>\n$", text);
    }

    [SkippableFact]
    public async Task What_is_not_there_is_said_by_name()
    {
        Assert.Equal("Error from server (NotFound): pytorchjobs.kubeflow.org \"absent\" not found\n", await Fail("get pytorchjob absent"));
        Assert.Equal(
            "Error from server (NotFound): pytorchjobs.kubeflow.org \"absent\" not found\n", await Fail("describe pytorchjob absent"));
        KubectlRun run = await Kubectl("get pytorchjobs");
        Assert.Equal((0, "", "No resources found in NS namespace.\n"), (run.ExitCode, run.Output, Plain(run.Errors)));
    }

    [SkippableFact]
    public async Task Namespaces_are_those_with_jobs_and_any_that_is_named()
    {
        Assert.DoesNotContain(Namespace, await Succeed("get namespaces -o name"), StringComparison.Ordinal);
        await Given("mnist");
        string names = await Succeed("get namespaces -o name");
        Assert.Contains($"namespace/{Namespace}\n", names, StringComparison.Ordinal);
        Assert.Contains("namespace/default\n", names, StringComparison.Ordinal);
        Assert.Equal($"namespace/{Namespace}\n", await Succeed($"get ns -l kubernetes.io/metadata.name={Namespace} -o name"));
        await Succeed("delete pytorchjob mnist");
        Assert.DoesNotContain(Namespace, await Succeed("get namespaces -o name"), StringComparison.Ordinal);
        Assert.Equal("Active", await Succeed("get namespace never-heard-of -o jsonpath={.status.phase}"));
        Assert.Equal("Error from server (NotFound): namespaces \"Not_A_Name\" not found\n", await Fail("get namespace Not_A_Name"));
        Assert.Equal(
            "Error from server (MethodNotAllowed): create is not supported on resources of kind \"namespaces\"\n",
            await Fail("create namespace new"));
    }

    [SkippableFact]
    public async Task Events_are_none()
    {
        KubectlRun run = await Kubectl("get events");
        Assert.Equal((0, "No resources found in NS namespace.\n"), (run.ExitCode, Plain(run.Errors)));
        Assert.Equal("", await Succeed("get events -A -o name"));
        Assert.Equal(0, (await Kubectl("events")).ExitCode);
    }
}
