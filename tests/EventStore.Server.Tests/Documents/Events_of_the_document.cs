using System.Text.RegularExpressions;
using EventStore.Server.Store.Format;
using EventStore.Server.Tests.Fixtures;

namespace EventStore.Server.Tests.Documents;

/// <summary>The table of events in src/docs/how-it-works.md names the events that are stored, each once.</summary>
public sealed partial class Events_of_the_document
{
    [Fact]
    public void Are_those_of_the_store()
    {
        string text = Repository.Read("src/docs/how-it-works.md");
        IEnumerable<string> named = Table().Match(text).Groups["row"].Captures
            .SelectMany(row => Name().Matches(row.Value.Split('|')[1])).Select(name => name.Groups[1].Value);
        Assert.Equal(EventCodec.Names.Values.Order(StringComparer.Ordinal), named.Order(StringComparer.Ordinal));
    }

    [GeneratedRegex(@"^\| event \| holds \|\n\|---\|---\|\n(?<row>\|.*\n)+", RegexOptions.Multiline)]
    private static partial Regex Table();

    [GeneratedRegex("`([a-z_]+)`")]
    private static partial Regex Name();
}
