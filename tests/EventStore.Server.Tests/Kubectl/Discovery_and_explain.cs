using System.Text.RegularExpressions;
using EventStore.Server.Tests.Fixtures;

namespace EventStore.Server.Tests.Kubectl;

[Trait("Category", "Slow")]
public sealed class Discovery_and_explain(KubectlServer server) : KubectlTests(server)
{
    private const string AsAlice = " --token " + ServerProcess.AliceToken;

    [SkippableFact]
    public async Task It_is_a_kubectl_of_today()
    {
        string version = await Succeed("version");
        int minor = int.Parse(Regex.Match(version, @"Client Version: v1\.(\d+)").Groups[1].Value);
        Assert.True(minor >= 32, version);
        Assert.Matches(@"\nServer Version: v1\.34\.0\+eventstore\.\d+\.\d+\.\d+\n", version);
    }

    [SkippableFact]
    public async Task Resources_are_listed_with_their_verbs()
    {
        string[] wide = (await Succeed("api-resources --api-group=kubeflow.org -o wide")).Split('\n');
        Assert.Equal(["pytorchjobs", "kubeflow.org/v1", "true", "PyTorchJob"], Words(wide[1])[..4]);
        Assert.Empty(((string[])["create", "delete", "get", "list", "patch", "update"]).Except(Words(wide[1])[4].Split(',')));
        Assert.Equal(
            ["customresourcedefinitions.apiextensions.k8s.io", "events", "namespaces", "pytorchjobrevisions.audit.eventstore.io",
                "pytorchjobs.kubeflow.org", "selfsubjectaccessreviews.authorization.k8s.io",
                "selfsubjectreviews.authentication.k8s.io", "selfsubjectrulesreviews.authorization.k8s.io", ],
            (await Succeed("api-resources -o name")).Split('\n', StringSplitOptions.RemoveEmptyEntries).Order(StringComparer.Ordinal));
    }

    [SkippableFact]
    public async Task Versions_are_listed() => Assert.Equal(
        "apiextensions.k8s.io/v1\naudit.eventstore.io/v1\nauthentication.k8s.io/v1\nauthorization.k8s.io/v1\nkubeflow.org/v1\nv1\n",
        await Succeed("api-versions"));

    [SkippableFact]
    public async Task A_field_is_explained_with_its_values()
    {
        string text = await Succeed("explain pytorchjob.spec.cleanPodPolicy");
        Assert.StartsWith(
            "GROUP:      kubeflow.org\nKIND:       PyTorchJob\nVERSION:    v1\n\nFIELD: cleanPodPolicy <string>\nENUM:\n    All\n    Running\n    None\n",
            text,
            StringComparison.Ordinal);
        Assert.Contains("Which pods the operator deletes when the job has finished", text, StringComparison.Ordinal);
    }

    [SkippableFact]
    public async Task The_whole_job_is_explained_down_to_the_pods()
    {
        string tree = await Succeed("explain pytorchjob --recursive");
        Assert.Contains("\n    pytorchReplicaSpecs\t<map[string]Object> -required-\n", tree, StringComparison.Ordinal);
        Assert.Contains("\n          containers\t<[]Object> -required-\n", tree, StringComparison.Ordinal);
        Assert.Contains("\n    conditions\t<[]Object>\n", tree, StringComparison.Ordinal);
        Assert.Contains("\n    labels\t<map[string]string>\n", tree, StringComparison.Ordinal);
        Assert.Contains("PodTemplateSpec", await Succeed("explain pytorchjob.spec.pytorchReplicaSpecs.template"), StringComparison.Ordinal);
    }

    [SkippableTheory]
    [InlineData("explain pjr.changes", "FIELD: changes <[]Object>")]
    [InlineData("explain namespaces", "Namespaces need not be created")]
    [InlineData("explain events", "There are none")]
    public async Task The_other_resources_are_explained_too(string command, string expected) =>
        Assert.Contains(expected, await Succeed(command), StringComparison.Ordinal);

    [SkippableFact]
    public async Task A_field_there_is_not_is_not_explained() =>
        Assert.Equal("error: field \"nope\" does not exist\n", await Fail("explain pytorchjob.spec.nope"));

    [SkippableTheory]
    [InlineData("patch pytorchjobs", "yes", "no")]
    [InlineData("get pytorchjobs --subresource=status", "yes", "no")]
    [InlineData("delete pytorchjob/mnist", "yes", "no")]
    [InlineData("get pytorchjobs --subresource=blame", "yes", "no")]
    [InlineData("create pytorchjobs --subresource=restore", "yes", "no")]
    [InlineData("create pytorchjobs --subresource=rollback", "yes", "no")]
    [InlineData("create pytorchjobs/rollback", "yes", "no")]
    [InlineData("list pytorchjobs -A", "yes", "no")]
    [InlineData("'*' '*'", "yes", "no")]
    [InlineData("create selfsubjectaccessreviews.authorization.k8s.io", "yes", "yes")]
    [InlineData("get /apis/kubeflow.org/v1", "yes", "yes")]
    [InlineData("get /metrics", "yes", "no")]
    public async Task What_one_may_do_is_answered_by_the_rules_in_force(string question, string admin, string alice)
    {
        Assert.Equal(admin + "\n", (await Kubectl($"auth can-i {question}")).Output);
        KubectlRun run = await Kubectl($"auth can-i {question}{AsAlice}");
        Assert.Equal((alice + "\n", alice == "yes" ? 0 : 1), (run.Output, run.ExitCode));
    }

    [SkippableFact]
    public async Task All_that_one_may_do_is_listed()
    {
        string[][] admin = [.. (await Succeed("auth can-i --list")).Split('\n').Select(Words)];
        Assert.Contains(["*.*", "[]", "[]", "[*]"], admin);
        Assert.Contains(["[*]", "[]", "[*]"], admin);
        string[][] alice = [.. (await Succeed("auth can-i --list" + AsAlice)).Split('\n').Select(Words)];
        Assert.Contains(["selfsubjectreviews.authentication.k8s.io", "[]", "[]", "[create]"], alice);
        Assert.Contains(["[/apis/*]", "[]", "[get]"], alice);
        Assert.DoesNotContain(alice, line => line is ["*.*", ..] or ["[*]", ..]);
    }

    [SkippableFact]
    public async Task One_is_told_who_one_is()
    {
        Assert.Equal(
            ["ATTRIBUTE VALUE", "Username admin", "UID admin-uid", "Groups [system:masters system:authenticated]", ""],
            (await Succeed("auth whoami")).Split('\n').Select(line => string.Join(' ', Words(line))));
        Assert.Contains("alice", await Succeed("auth whoami" + AsAlice), StringComparison.Ordinal);
    }

    [SkippableFact]
    public async Task Without_a_right_one_reads_whose_and_which()
    {
        Assert.Equal(
            "Error from server (Forbidden): pytorchjobs.kubeflow.org is forbidden: User \"alice\" cannot list resource \"pytorchjobs\" in API group "
            + "\"kubeflow.org\" in the namespace \"NS\"\n",
            Plain(await Fail("get pytorchjobs" + AsAlice)));
        Assert.Equal(
            "Error from server (Forbidden): namespaces is forbidden: User \"alice\" cannot list resource \"namespaces\" in API group \"\" at the cluster scope\n",
            await Fail("get namespaces" + AsAlice));
    }

    [SkippableFact]
    public async Task With_a_credential_nobody_knows_one_is_asked_to_log_in() =>
        Assert.Contains("You must be logged in to the server", await Fail("get pytorchjobs --token unknown"), StringComparison.Ordinal);

    private static string[] Words(string line) => line.Split((char[])[' ', '\t'], StringSplitOptions.RemoveEmptyEntries);
}
