using System.Text.RegularExpressions;
using EventStore.Server.Tests.Fixtures;

namespace EventStore.Server.Tests.Documents;

/// <summary>A Markdown document of the repository, as its blocks of code.</summary>
internal static partial class Document
{
    /// <summary>The blocks of a document, in order: the language (empty for none) and the text.</summary>
    public static IReadOnlyList<(string Language, string Text)> Blocks(string path) =>
        [.. Fence().Matches(Repository.Read(path)).Select(match => (match.Groups[1].Value, match.Groups[2].Value))];

    /// <summary>The commands of a <c>console</c> block, each with what it prints.</summary>
    public static IEnumerable<(string Command, string Prints)> Commands(string console) => Command().Matches(console)
        .Select(match => (match.Groups[1].Value, match.Groups[2].Value));

    /// <summary>
    /// Whether a text is what a document shows: <c>…</c> stands for anything, and what differs from run to run (ids, times, ages, hashes,
    /// the width of columns) counts as equal.
    /// </summary>
    public static bool IsShownAs(string shown, string said) =>
        Regex.IsMatch(Same(said), $"^{Regex.Escape(Same(shown)).Replace("…", ".*?", StringComparison.Ordinal)}$", RegexOptions.Singleline);

    /// <summary>A text with everything that differs from run to run replaced by what it is.</summary>
    public static string Same(string text)
    {
        text = Uid().Replace(text, "UID");
        text = Time().Replace(text, "TIME");
        text = Hash().Replace(text, "HASH");
        text = Port().Replace(text, "127.0.0.1:PORT");
        text = Age().Replace(text, "AGE");
        text = Curl().Replace(text, "curl");
        return Blanks().Replace(text, " ").Replace(" …", "…", StringComparison.Ordinal).Replace("… ", "…", StringComparison.Ordinal).Trim();
    }

    [GeneratedRegex(@"^```(\w*)\n(.*?)^```$", RegexOptions.Multiline | RegexOptions.Singleline)]
    private static partial Regex Fence();

    [GeneratedRegex(@"^\$ (.+)\n((?:(?!\$ ).*\n)*)", RegexOptions.Multiline)]
    private static partial Regex Command();

    [GeneratedRegex("[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")]
    private static partial Regex Uid();

    [GeneratedRegex(@"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")]
    private static partial Regex Time();

    [GeneratedRegex("[0-9a-f]{64}")]
    private static partial Regex Hash();

    [GeneratedRegex(@"127\.0\.0\.1:\d+")]
    private static partial Regex Port();

    [GeneratedRegex(@"(?<=\s|\()\d+(\.\d+)? ?m?s(?=\s|\)|$)")]
    private static partial Regex Age();

    [GeneratedRegex(@"curl/[\d.]+(-\w+)?")]
    private static partial Regex Curl();

    [GeneratedRegex(@"\s+")]
    private static partial Regex Blanks();
}
