using EventStore.Server.Tests.Fixtures;

namespace EventStore.Server.Tests.Kubectl;

/// <summary>api.md lists what does not work here, with what kubectl says then: word for word what it does say.</summary>
public sealed class What_the_document_says(KubectlServer server) : KubectlTests(server)
{
    private const string Before = "What works against other API servers and not here, and what it says instead:\n\n```console\n";

    [SkippableFact]
    public async Task Of_refusals_is_true()
    {
        (string Command, string Says)[] list = List();
        Assert.InRange(list.Length, 7, 50);
        WriteJob("job.json", "pytorch-test");
        await Given("pytorch-test");
        foreach ((string command, string says) in list)
            Assert.Equal((command, says), (command, await Fail(command)));
    }

    private static (string Command, string Says)[] List()
    {
        string document = Repository.Read("src/docs/api.md").ReplaceLineEndings("\n");
        int start = document.IndexOf(Before, StringComparison.Ordinal) + Before.Length;
        Assert.True(start >= Before.Length, "api.md has no list of refusals");
        string block = document[start..document.IndexOf("```\n", start, StringComparison.Ordinal)];
        return [.. block.Split("$ kubectl ", StringSplitOptions.RemoveEmptyEntries).Select(each => each.Split('\n', 2)).Select(lines => (lines[0], lines[1]))];
    }
}
