using System.Text.Json.Nodes;

namespace EventStore.Server.Tests.Kubectl;

[Trait("Category", "Slow")]
public sealed class Rollback(KubectlServer server) : KubectlTests(server)
{
    private string Job => $"/apis/kubeflow.org/v1/namespaces/{Namespace}/pytorchjobs/mnist";

    [SkippableFact]
    public async Task Is_a_file_created_at_the_job_and_what_is_not_restored_is_printed()
    {
        await Given("mnist");
        string revision = await Succeed("get pytorchjob mnist -o jsonpath={.metadata.resourceVersion}");
        await Succeed("label pytorchjob mnist team=ml");
        await Succeed("""patch pytorchjob mnist --subresource status --type merge -p '{"status":{"startTime":"2026-11-23T08:00:00Z"}}'""");
        Write("back.json", $$"""{"revision":{{revision}}}""");
        KubectlRun run = await Kubectl($"create --raw {Job}/rollback -f back.json");
        Assert.True(run.ExitCode == 0, run.ToString());
        Assert.Equal("""{"app":"test"}""", JsonNode.Parse(run.Output)!["metadata"]!["labels"]!.ToJsonString());
        Assert.StartsWith(
            "Warning: differs from that revision still: status.startTime; a rollback restores only", run.Errors, StringComparison.Ordinal);

        Write("wrong.json", """{"revision":1}""");
        Assert.Contains(
            "there was no such job at that revision", await Fail($"create --raw {Job}/rollback -f wrong.json"), StringComparison.Ordinal);
    }

    [SkippableFact]
    public async Task Is_prepared_by_looking_at_what_changed()
    {
        await Given("mnist");
        string revision = await Succeed("get pytorchjob mnist -o jsonpath={.metadata.resourceVersion}");
        await Succeed("label pytorchjob mnist team=ml");
        JsonNode diff = JsonNode.Parse(await Succeed($"get --raw {Job}/diff?from={revision}"))!;
        Assert.Equal("""[{"after":"ml","path":"metadata.labels.team"}]""", diff["changes"]!.ToJsonString());
    }

    [SkippableFact]
    public async Task Knows_the_moment_too()
    {
        await Given("mnist");
        // Of the commit, to the microsecond.
        string time = await Succeed("get pytorchjobrevisions -l job=mnist -o jsonpath={.items[0].time}");
        JsonNode before =
            JsonNode.Parse(await Succeed($"get --raw /apis/kubeflow.org/v1/namespaces/{Namespace}/pytorchjobs?asOf=2001-01-01T00:00:00Z"))!;
        Assert.Empty(before["items"]!.AsArray());
        JsonNode after = JsonNode.Parse(await Succeed($"get --raw /apis/kubeflow.org/v1/namespaces/{Namespace}/pytorchjobs?asOf={time}"))!;
        Assert.Single(after["items"]!.AsArray());
    }
}
