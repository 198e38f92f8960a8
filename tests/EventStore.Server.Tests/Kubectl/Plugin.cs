using EventStore.Server.Tests.Fixtures;

namespace EventStore.Server.Tests.Kubectl;

/// <summary>
/// The plugin as a person has it: fetched from the server, in the PATH, run by <c>kubectl pjr</c>, whatever kubectl it is.
/// </summary>
public abstract class Plugin(KubectlServer server) : KubectlTests(server)
{
    private readonly string folder = Directory.CreateTempSubdirectory("kubectl-plugin-").FullName;

    /// <summary>The kubectl that runs the plugin, and that the plugin runs.</summary>
    protected abstract string Kubectls { get; }

    /// <summary>What stands where kubectl does: <c>kubectl pjr</c>, with the plugin in the PATH.</summary>
    protected override string Binary => Path.Combine(folder, "pjr");

    [SkippableFact]
    public async Task Tells_the_history_and_takes_it_back()
    {
        await Install();
        string first = (await Server.Admin.Create("mnist", Namespace)).Revision();
        string second = (await (await Server.Admin.Patch(Sample.Job("mnist", Namespace), """{"spec":{"cleanPodPolicy":"All"}}"""))
            .Manifest()).Revision();

        string[] log = Lines(await Succeed("log mnist"));
        Assert.Equal(["REVISION", second, first], log.Select(line => line.Split(' ')[0]));
        Assert.DoesNotContain('\u001b', string.Concat(log));
        Assert.Contains(Lines(await Succeed("blame mnist")), line => line.StartsWith(second, StringComparison.Ordinal)
            && line.Contains("spec.cleanPodPolicy ", StringComparison.Ordinal) && line.EndsWith(" All", StringComparison.Ordinal));
        Assert.Equal(["metadata.generation", "- 1", "+ 2", "spec.cleanPodPolicy", "+ All"], Lines(
            await Succeed($"diff mnist@{first} mnist@{second}")));
        Assert.DoesNotContain("cleanPodPolicy", await Succeed($"show mnist@{first}"), StringComparison.Ordinal);
        Assert.Contains(
            "All", Assert.Single(Lines(await Succeed("who --path spec.cleanPodPolicy --since 1h")).Skip(1)), StringComparison.Ordinal);

        Assert.Equal($"pytorchjob.kubeflow.org/mnist taken back to {first} (dry run)\n", await Succeed("undo mnist --dry-run"));
        Assert.Equal($"pytorchjob.kubeflow.org/mnist taken back to {first}\n", await Succeed("undo mnist --reason 'by mistake'"));
        Assert.Contains("by mistake", Lines(await Succeed("log mnist --limit 1"))[1], StringComparison.Ordinal);
        Assert.Null((await Server.Admin.Get(Sample.Job("mnist", Namespace)))["spec"]!["cleanPodPolicy"]);

        await (await Server.Admin.DeleteAsync(Sample.Job("mnist", Namespace))).Manifest();
        Assert.Equal("pytorchjob.kubeflow.org/mnist restored\n", await Succeed("restore mnist"));
        Assert.Contains(
            "Error from server (AlreadyExists): pytorchjobs.kubeflow.org \"mnist\" already exists", await Fail("restore mnist"),
            StringComparison.Ordinal);
        Assert.Contains("\"kind\": \"PyTorchJobBlame\"", await Succeed("blame mnist -o json"), StringComparison.Ordinal);
    }

    private async Task Install()
    {
        if (!File.Exists(Kubectls) && Kubectls.Contains('/', StringComparison.Ordinal))
            await Run(["version"], folder, Server.Kubeconfig, binary: Kubectls, needed: Needed); // which says what is missing
        await Write("kubectl-pjr", await Server.Admin.GetStringAsync("/ui/kubectl-pjr"));
        await Write("pjr", $"#!/bin/sh\nPATH='{folder}':$PATH KUBECTL='{Kubectls}' exec '{Kubectls}' pjr \"$@\"\n");

        async Task Write(string name, string text)
        {
            string file = Path.Combine(folder, name);
            await File.WriteAllTextAsync(file, text);
            if (!OperatingSystem.IsWindows())
                File.SetUnixFileMode(file, UnixFileMode.UserRead | UnixFileMode.UserExecute | UnixFileMode.UserWrite);
        }
    }

    /// <summary>The folder with the plugin goes, too.</summary>
    protected override void Clean() => Directory.Delete(folder, recursive: true);

    private static string[] Lines(string output) => output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
}

/// <summary>With the kubectl of this machine.</summary>
[Trait("Category", "Slow")]
public sealed class Plugin_with_the_newest(KubectlServer server) : Plugin(server)
{
    protected override string Kubectls => NewBinary;
}

/// <summary>With the one of Debian 12, 1.20.</summary>
[Trait("Category", "Slow")]
public sealed class Plugin_with_Debian_12s(KubectlServer server) : Plugin(server)
{
    protected override string Kubectls => OldBinary;

    protected override string Needed => OldNeeded;
}
