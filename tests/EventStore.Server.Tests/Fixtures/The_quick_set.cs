using System.Text.RegularExpressions;

namespace EventStore.Server.Tests.Fixtures;

/// <summary>The tests that are not marked Slow: none starts a server with options of its own or a browser, which takes seconds.</summary>
public sealed partial class The_quick_set
{
    [Fact]
    public void Starts_no_server_but_the_one_a_class_shares_and_no_browser()
    {
        string tests = Repository.PathOf("tests/EventStore.Server.Tests");
        string[] quick = [.. Directory.EnumerateFiles(tests, "*.cs", SearchOption.AllDirectories)
            .Where(file => !Path.GetRelativePath(tests, file).StartsWith("obj", StringComparison.Ordinal))
            .Where(file => File.ReadAllText(file) is var text && Test().IsMatch(text) && !text.Contains(
                "\"Slow\"", StringComparison.Ordinal))];
        Assert.True(quick.Length > 50, $"{quick.Length} files");
        Assert.Equal([], quick.Where(file => Starts().IsMatch(File.ReadAllText(file))).Select(file => Path.GetRelativePath(tests, file)));
    }

    [GeneratedRegex(@"\[(Skippable)?(Fact|Theory)\b|\[Property\b")]
    private static partial Regex Test();

    [GeneratedRegex(@"ServerProcess\.Start\(|PageTests\.Name|Kubectl[S]erver|Two[S]ervers|OwnCluster\.")]
    private static partial Regex Starts();
}
