using EventStore.Server.Tests.Fixtures;

namespace EventStore.Server.Tests.Kubectl;

[Trait("Category", "Slow")]
public sealed class Watching(KubectlServer server) : KubectlTests(server)
{
    [SkippableFact]
    public async Task Wide_output_shows_the_columns_of_our_own()
    {
        await Given("mnist");
        await Succeed("patch pytorchjob mnist --type merge -p {\"spec\":{\"cleanPodPolicy\":\"All\"}}");
        await Succeed(
            "patch pytorchjob mnist --type merge --subresource status -p {\"status\":{\"conditions\":[{\"type\":\"Running\",\"status\":\"True\"}]}}");
        string revision = await Succeed("get pytorchjob mnist -o jsonpath={.metadata.resourceVersion}");

        string[] lines = (await Succeed("get pytorchjobs -o wide")).Split('\n');
        Assert.Matches("^NAME +STATE +AGE +GENERATION +REVISION +LAST CHANGE$", lines[0]);
        Assert.Matches($"^mnist +Running +[0-9]+s +2 +{revision} +[0-9]+s$", lines[1]);
        Assert.Matches("^NAME +STATE +AGE$", (await Succeed("get pytorchjob mnist")).Split('\n')[0]);
    }

    [SkippableFact]
    public async Task A_watch_prints_every_change_until_it_is_over()
    {
        await Given("mnist");
        Task<string> watching = Succeed("get pytorchjobs -w --request-timeout=8s -o jsonpath={.metadata.labels.n}{\"\\n\"}");
        await Until(() => Server.Process.Admin.Patch(Sample.Job("mnist", Namespace), "{}"));
        foreach (string n in (string[])["1", "2", "3"])
            (await Server.Admin.Patch(Sample.Job("mnist", Namespace), $"{{\"metadata\":{{\"labels\":{{\"n\":\"{n}\"}}}}}}"))
                .EnsureSuccessStatusCode();

        Assert.Equal(["", "1", "2", "3", ""], (await watching).Split('\n'));
    }

    [SkippableFact]
    public async Task Waiting_for_a_value_ends_when_it_comes()
    {
        await Given("mnist");
        Task<string> waiting = Succeed("wait --for=jsonpath={.spec.cleanPodPolicy}=All pytorchjob/mnist --timeout=30s");
        await Until(() => Server.Admin.GetAsync(Sample.Job("mnist", Namespace)));
        (await Server.Admin.Patch(Sample.Job("mnist", Namespace), """{"spec":{"cleanPodPolicy":"All"}}""")).EnsureSuccessStatusCode();

        Assert.Equal("pytorchjob.kubeflow.org/mnist condition met\n", await waiting);
        Assert.Contains(
            "timed out waiting for the condition",
            await Fail("wait --for=jsonpath={.spec.cleanPodPolicy}=None pytorchjob/mnist --timeout=1s"), StringComparison.Ordinal);
    }

    [SkippableFact]
    public async Task Waiting_for_the_end_ends_with_the_job()
    {
        await Given("mnist");
        Task<string> waiting = Succeed("wait --for=delete pytorchjob/mnist --timeout=30s");
        await Until(() => Server.Admin.GetAsync(Sample.Job("mnist", Namespace)));
        (await Server.Admin.DeleteAsync(Sample.Job("mnist", Namespace))).EnsureSuccessStatusCode();
        await waiting;
    }

    // kubectl needs a moment to find out what there is; whether it watches already cannot be asked, and need not be: it begins where its
    // list ended.
    private static async Task Until(Func<Task<HttpResponseMessage>> request)
    {
        for (int i = 0; i < 10; i++)
        {
            (await request()).EnsureSuccessStatusCode();
            await Task.Delay(100);
        }
    }
}
