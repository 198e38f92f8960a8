using EventStore.Server.Tests.Fixtures;

namespace EventStore.Server.Tests.Kubectl;

[Trait("Category", "Slow")]
public sealed class Reading_the_history(KubectlServer server) : KubectlTests(server)
{
    [SkippableFact]
    public async Task It_is_a_resource_with_a_short_name()
    {
        string[] wide = (await Succeed("api-resources --api-group=audit.eventstore.io -o wide")).Split('\n');
        Assert.Matches(@"^pytorchjobrevisions +pjr +audit\.eventstore\.io/v1 +true +PyTorchJobRevision +get,list,watch *$", wide[1]);
        Assert.Contains("FIELD: cleanPodPolicy", await Succeed("explain pytorchjob.spec.cleanPodPolicy"), StringComparison.Ordinal);
        Assert.Contains("FIELD: changes <[]Object>", await Succeed("explain pjr.changes"), StringComparison.Ordinal);
        Assert.Contains("FIELD: before", await Succeed("explain pjr.changes.before"), StringComparison.Ordinal);
        Assert.Contains("\n  sourceAddress\t<string>\n", await Succeed("explain pjr --recursive"), StringComparison.Ordinal);
    }

    [SkippableFact]
    public async Task A_list_shows_who_did_what_to_which_fields_the_newest_first()
    {
        await Given("mnist");
        await Given("bert");
        await Succeed(
            "patch pytorchjob mnist --type merge -p {\"spec\":{\"cleanPodPolicy\":\"All\"},\"metadata\":{\"labels\":{\"team\":\"ml\"}}}");
        await Succeed("delete pytorchjob bert");

        string[] lines = (await Succeed("get pjr")).Split('\n');

        Assert.Matches("^NAME +VERB +USER +CHANGED +AGE$", lines[0]);
        Assert.Matches(@"^bert\.\d+ +Deleted +admin +\d+s$", lines[1]);
        Assert.Matches(@"^mnist\.\d+ +Patched +admin +labels\.team,cleanPodPolicy +\d+s$", lines[2]);
        Assert.Matches(@"^bert\.\d+ +Created +admin +\d+s$", lines[3]);
        Assert.Matches(@"^mnist\.\d+ +Created +admin +\d+s$", lines[4]);
        Assert.Equal("", lines[5]);
        Assert.Matches(@"^NAME .* TIME +SOURCE +USER AGENT +IMPERSONATED BY +REASON$", (await Succeed("get pjr -o wide")).Split('\n')[0]);
        Assert.Equal(5, (await Succeed("get pjr --chunk-size=1")).Split('\n', StringSplitOptions.RemoveEmptyEntries).Length);
    }

    [SkippableFact]
    public async Task Selectors_select()
    {
        await Given("mnist");
        await Given("bert");
        await Succeed("label pytorchjob mnist example.com/team=ml");
        Assert.Equal("mnist", await Jobs("get pjr -l 'verb in (Patched,Deleted)'"));
        Assert.Equal("mnist mnist", await Jobs("get pjr -l job=mnist"));
        Assert.Equal("mnist", await Jobs("get pjr --field-selector path=metadata.labels"));
        Assert.Equal("", await Jobs("get pjr --field-selector user=system:admin"));
        Assert.Equal("bert mnist", await Jobs("get pjr --field-selector user=admin,verb=Created"));
        Assert.Contains("label selector not supported here: team=ml", await Fail("get pjr -l team=ml"), StringComparison.Ordinal);
        Assert.Contains("field label not supported: spec.x", await Fail("get pjr --field-selector spec.x=1"), StringComparison.Ordinal);
    }

    [SkippableFact]
    public async Task All_namespaces_are_shown_with_theirs()
    {
        await Given("here");
        await Server.Admin.Create("there", Namespace + "-2");
        string[] lines = (await Succeed("get pjr -A")).Split('\n');
        Assert.Matches("^NAMESPACE +NAME +VERB +USER +CHANGED +AGE$", lines[0]);
        Assert.Contains(
            lines, line => line.StartsWith($"{Namespace} ", StringComparison.Ordinal) && line.Contains(" here.", StringComparison.Ordinal));
        Assert.Contains(lines, line => line.StartsWith($"{Namespace}-2 ", StringComparison.Ordinal) && line.Contains(
            " there.", StringComparison.Ordinal));
    }

    [SkippableFact]
    public async Task One_is_described_and_printed_with_the_job_after_it()
    {
        await Given("mnist");
        string revision = (await Server.Admin.Get(Sample.Job("mnist", Namespace))).Revision();
        string text = await Succeed($"describe pjr mnist.{revision}");
        Assert.StartsWith(
            $"Name:         mnist.{revision}\nNamespace:    {Namespace}\nLabels:       job=mnist\n", text, StringComparison.Ordinal);
        Assert.Matches("\nVerb: +Created\n", text);
        Assert.Matches("Events: +<none>\n$", text);
        string yaml = await Succeed($"get pjr mnist.{revision} -o yaml");
        Assert.StartsWith(
            "apiVersion: audit.eventstore.io/v1\nchanges: []\njob: mnist\nkind: PyTorchJobRevision\nmetadata:\n", yaml,
            StringComparison.Ordinal);
        Assert.Contains("\nobject:\n  apiVersion: kubeflow.org/v1\n  kind: PyTorchJob\n", yaml, StringComparison.Ordinal);
        Assert.Matches(@"^mnist\.\d+ +Created +admin", (await Succeed($"get pjr mnist.{revision}")).Split('\n')[1]);
        Assert.Equal(
            "Error from server (NotFound): pytorchjobrevisions.audit.eventstore.io \"mnist.999999\" not found\n",
            await Fail("get pjr mnist.999999"));
        Assert.Equal(
            "Error from server (MethodNotAllowed): delete is not supported on resources of kind \"pytorchjobrevisions.audit.eventstore.io\"\n",
            await Fail($"delete pjr mnist.{revision}"));
    }

    [SkippableFact]
    public async Task A_watch_prints_what_was_and_what_comes()
    {
        await Given("mnist");
        Task<string> watching = Succeed("get pjr -l job=mnist -w --request-timeout=8s");
        for (int i = 0; i < 10; i++) // kubectl needs a moment to find out what there is; it begins where its list ended
        {
            (await Server.Admin.Patch(Sample.Job("mnist", Namespace), "{}")).EnsureSuccessStatusCode();
            await Task.Delay(100);
        }

        await Given("bert");
        foreach (string n in (string[])["1", "2"])
            (await Server.Admin.Patch(Sample.Job("mnist", Namespace), $"{{\"metadata\":{{\"labels\":{{\"n\":\"{n}\"}}}}}}"))
                .EnsureSuccessStatusCode();

        string[] lines = [.. (await watching).Split('\n', StringSplitOptions.RemoveEmptyEntries)];
        Assert.Equal(4, lines.Length);
        Assert.Matches(@"^mnist\.\d+ +Created ", lines[1]);
        Assert.All(lines[2..], line => Assert.Matches(@"^mnist\.\d+ +Patched +admin +labels\.n +\d+s$", line));
    }

    private async Task<string> Jobs(string command) =>
        string.Join(' ', (await Succeed(command + " -o name")).Split('\n', StringSplitOptions.RemoveEmptyEntries)
            .Select(line => line.Split('/')[1].Split('.')[0]));
}
