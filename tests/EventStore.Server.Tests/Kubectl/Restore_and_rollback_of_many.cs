using System.Text.Json.Nodes;
using EventStore.Server.Tests.Fixtures;

namespace EventStore.Server.Tests.Kubectl;

/// <summary>Bringing back what was deleted and taking many jobs back, by <c>kubectl create --raw</c>, whatever kubectl it is.</summary>
public abstract class Restore_and_rollback_of_many(KubectlServer server) : KubectlTests(server)
{
    private string Jobs => $"/apis/kubeflow.org/v1/namespaces/{Namespace}/pytorchjobs";

    [SkippableFact]
    public async Task Brings_a_deleted_job_back()
    {
        await Given("mnist");
        string uid = await Succeed("get pytorchjob mnist -o jsonpath={.metadata.uid}");
        Write("restore.json", "{}");
        Assert.Contains(
            "pytorchjobs.kubeflow.org \"mnist\" already exists", await Fail($"create --raw {Jobs}/mnist/restore -f restore.json"),
            StringComparison.Ordinal);
        Assert.Contains(
            "pytorchjobs.kubeflow.org \"never\" not found", await Fail($"create --raw {Jobs}/never/restore -f restore.json"),
            StringComparison.Ordinal);
        await Succeed("delete pytorchjob mnist");

        JsonNode tried = JsonNode.Parse(await Succeed($"create --raw {Jobs}/mnist/restore?dryRun=All -f restore.json"))!;
        Assert.Equal("mnist", (string)tried["metadata"]!["name"]!);
        Assert.Equal("", await Succeed("get pytorchjobs -o name"));
        Write("why.json", """{"reason":"needed after all"}""");
        JsonNode restored = JsonNode.Parse(await Succeed($"create --raw {Jobs}/mnist/restore -f why.json"))!;
        Assert.NotEqual(uid, (string)restored["metadata"]!["uid"]!);
        Assert.Equal((string)restored["metadata"]!["uid"]!, await Succeed("get pytorchjob mnist -o jsonpath={.metadata.uid}"));
        Assert.Equal(
            $"mnist.{restored.Revision()} Restored needed after all\n",
            await Succeed(
                "get pytorchjobrevisions --field-selector 'reason=needed after all' -o 'go-template={{range .items}}{{.metadata.name}} {{.verb}} {{.reason}}{{\"\\n\"}}{{end}}'"));
    }

    [SkippableFact]
    public async Task Takes_a_namespace_back_to_what_it_was()
    {
        foreach (string name in (string[])["changed", "deleted", "other"])
            await Given(name);
        string then = (string)(await Server.Admin.Get(Jobs))["metadata"]!["resourceVersion"]!; // that of a list kubectl leaves out
        await Succeed("label pytorchjob changed team=ml");
        await Succeed("delete pytorchjob deleted");
        await Given("new");
        Write("back.json", $$"""{"revision":"{{then}}","created":"delete","deleted":"restore","reason":"as it was"}""");

        JsonNode tried = JsonNode.Parse(await Succeed($"create --raw {Jobs}/rollback?dryRun=All -f back.json"))!;
        Assert.Equal(["changed RolledBack", "deleted Restored", "new Deleted"], Actions(tried));
        Assert.Equal(
            "pytorchjob.kubeflow.org/changed\npytorchjob.kubeflow.org/new\npytorchjob.kubeflow.org/other\n",
            await Succeed("get pytorchjobs -o name"));
        JsonNode done = JsonNode.Parse(await Succeed($"create --raw {Jobs}/rollback -f back.json"))!;
        Assert.Equal(Actions(tried), Actions(done));
        Assert.Equal(1, (int)done["unchanged"]!);
        Assert.Equal(
            "pytorchjob.kubeflow.org/changed\npytorchjob.kubeflow.org/deleted\npytorchjob.kubeflow.org/other\n",
            await Succeed("get pytorchjobs -o name"));
        Assert.Equal("""{"app":"test"}""", await Succeed("get pytorchjob changed -o jsonpath={.metadata.labels}"));

        Write("selected.json", $$"""{"revision":{{done["items"]![0]!["resourceVersion"]}}}""");
        Assert.Contains(
            "(BadRequest): unable to parse requirement", await Fail($"create --raw {Jobs}/rollback?labelSelector=a+b -f selected.json"),
            StringComparison.Ordinal);
        Write("when.json", "{}");
        Assert.Contains(
            "revision: Required value: or asOf, one of the two", await Fail($"create --raw {Jobs}/rollback -f when.json"),
            StringComparison.Ordinal);
    }

    [SkippableFact]
    public async Task Asks_whether_one_may()
    {
        Assert.Equal("yes\n", await Succeed("auth can-i create pytorchjobs/restore"));
        Assert.Equal("yes\n", await Succeed("auth can-i create pytorchjobs/rollback"));
        Assert.Equal("yes\n", await Succeed("auth can-i get pytorchjobs/blame"));
        foreach (string right in (string[])["create pytorchjobs/restore", "create pytorchjobs/rollback", "get pytorchjobs/blame"])
            Assert.Equal("no\n", (await Kubectl($"auth can-i {right} --token {ServerProcess.AliceToken}")).Output);
    }

    private static string[] Actions(JsonNode done) =>
        [.. done["items"]!.AsArray().Select(item => $"{item!["name"]} {item["action"]}").Order()];
}

/// <summary>With the kubectl of this machine.</summary>
[Trait("Category", "Slow")]
public sealed class Restore_and_rollback_of_many_with_the_newest(KubectlServer server) : Restore_and_rollback_of_many(server);

/// <summary>With the one of Debian 12, 1.20.</summary>
[Trait("Category", "Slow")]
public sealed class Restore_and_rollback_of_many_with_Debian_12s(KubectlServer server) : Restore_and_rollback_of_many(server)
{
    protected override string Binary => OldBinary;

    protected override string Needed => OldNeeded;
}
