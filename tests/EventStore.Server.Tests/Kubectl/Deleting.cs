namespace EventStore.Server.Tests.Kubectl;

[Trait("Category", "Slow")]
public sealed class Deleting(KubectlServer server) : KubectlTests(server)
{
    private const string Deleted = "pytorchjob.kubeflow.org \"mnist\" deleted";

    [SkippableFact]
    public async Task Delete_waits_until_the_job_is_gone()
    {
        await Given("mnist");
        Assert.StartsWith(Deleted, await Succeed("delete pytorchjob mnist --dry-run=server"), StringComparison.Ordinal);
        Assert.StartsWith(Deleted, await Succeed("delete pytorchjob mnist"), StringComparison.Ordinal);
        Assert.Equal("Error from server (NotFound): pytorchjobs.kubeflow.org \"mnist\" not found\n", await Fail("delete pytorchjob mnist"));
        Assert.Equal("", await Succeed("delete pytorchjob mnist --ignore-not-found"));
    }

    [SkippableTheory]
    [InlineData("delete pytorchjobs --all", "")]
    [InlineData("delete pytorchjobs -l app=test", "")]
    [InlineData("delete pytorchjobs -l app=other", "pytorchjob.kubeflow.org/mnist\n")]
    public async Task Delete_of_many_deletes_those_selected(string command, string left)
    {
        await Given("mnist");
        await Succeed(command);
        Assert.Equal(left, await Succeed("get pytorchjobs -o name"));
    }

    [SkippableTheory]
    [InlineData("--now")]
    [InlineData("--cascade=foreground")]
    [InlineData("--cascade=orphan")]
    public async Task How_it_is_deleted_makes_no_difference(string option)
    {
        await Given("mnist");
        Assert.Contains(Deleted, await Succeed($"delete pytorchjob mnist {option}"), StringComparison.Ordinal);
        Assert.Equal("", await Succeed("get pytorchjobs -o name"));
    }

    [SkippableFact]
    public async Task To_wait_for_the_deletion_of_what_is_gone_is_over_at_once()
    {
        Assert.Equal(0, (await Kubectl("wait --for=delete pytorchjob/mnist --timeout=10s")).ExitCode);
    }
}
