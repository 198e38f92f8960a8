using EventStore.Server.Tests.Fixtures;

namespace EventStore.Server.Tests.Kubectl;

/// <summary>The plugin as a person has it: fetched from the server, in the PATH, run by python3 with the real kubectl.</summary>
[Trait("Category", "Slow")]
public sealed class Plugin(KubectlServer server) : KubectlTests(server)
{
    private readonly string file = Path.GetTempFileName();

    /// <summary>The plugin stands where kubectl does.</summary>
    protected override string Binary => file;

    [SkippableFact]
    public async Task Tells_the_history_and_takes_it_back()
    {
        await File.WriteAllTextAsync(file, await Server.Admin.GetStringAsync("/ui/kubectl-pjr"));
        if (!OperatingSystem.IsWindows())
            File.SetUnixFileMode(file, UnixFileMode.UserRead | UnixFileMode.UserExecute | UnixFileMode.UserWrite);
        string first = (await Server.Admin.Create("mnist", Namespace)).Revision();
        string second = (await (await Server.Admin.Patch(Sample.Job("mnist", Namespace), """{"spec":{"cleanPodPolicy":"All"}}""")).Manifest()).Revision();

        string[] log = Lines(await Succeed("log mnist"));
        Assert.Equal(["REVISION", second, first], log.Select(line => line.Split(' ')[0]));
        Assert.DoesNotContain('\u001b', string.Concat(log));
        Assert.Contains(Lines(await Succeed("blame mnist")), line => line.StartsWith(second, StringComparison.Ordinal) && line.Contains("spec.cleanPodPolicy ", StringComparison.Ordinal) && line.EndsWith(" All", StringComparison.Ordinal));
        Assert.Equal(["metadata.generation", "- 1", "+ 2", "spec.cleanPodPolicy", "+ All"], Lines(await Succeed($"diff mnist@{first} mnist@{second}")));
        Assert.DoesNotContain("cleanPodPolicy", await Succeed($"show mnist@{first}"), StringComparison.Ordinal);
        Assert.Contains("All", Assert.Single(Lines(await Succeed("who --path spec.cleanPodPolicy --since 1h")).Skip(1)), StringComparison.Ordinal);

        Assert.Equal($"pytorchjob.kubeflow.org/mnist taken back to {first} (dry run)\n", await Succeed("undo mnist --dry-run"));
        Assert.Equal($"pytorchjob.kubeflow.org/mnist taken back to {first}\n", await Succeed("undo mnist --reason 'by mistake'"));
        Assert.Contains("by mistake", Lines(await Succeed("log mnist --limit 1"))[1], StringComparison.Ordinal);
        Assert.Null((await Server.Admin.Get(Sample.Job("mnist", Namespace)))["spec"]!["cleanPodPolicy"]);

        await (await Server.Admin.DeleteAsync(Sample.Job("mnist", Namespace))).Manifest();
        Assert.Equal("pytorchjob.kubeflow.org/mnist restored\n", await Succeed("restore mnist"));
        Assert.Contains("Error from server (AlreadyExists): pytorchjobs.kubeflow.org \"mnist\" already exists", await Fail("restore mnist"), StringComparison.Ordinal);
        Assert.Contains("\"kind\": \"PyTorchJobBlame\"", await Succeed("blame mnist -o json"), StringComparison.Ordinal);
        File.Delete(file);
    }

    private static string[] Lines(string output) => output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
}
