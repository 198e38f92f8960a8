using System.ComponentModel.DataAnnotations;
using System.Globalization;
using System.Reflection;
using System.Text;
using System.Text.RegularExpressions;
using System.Xml.Linq;
using EventStore.Server.Hosting;
using EventStore.Server.Limits;
using EventStore.Server.Store.Feed;
using EventStore.Server.Store.Lane;
using EventStore.Server.Tests.Fixtures;

namespace EventStore.Server.Tests.Documents;

/// <summary>
/// The tables of src/docs/limits.md are printed from the limit records: names, defaults, ranges and the sentences of their doc comments.
/// With <c>UPDATE_GOLDEN=1</c> in the environment the document is written first.
/// </summary>
public sealed partial class Limits_of_the_document
{
    private const string Document = "src/docs/limits.md";
    private const string Begin = "<!-- printed from the limit records; UPDATE_GOLDEN=1 writes it anew -->\n";
    private const string End = "<!-- end of what is printed -->\n";

    private static readonly (string Section, string Title, object Default)[] Sections =
    [
        ("Limits", "Requests and users", new RequestLimits()),
        ("Lists", "Lists", new ListLimits()),
        ("Lane", "The commit lane", new LaneLimits()),
        ("Feed", "The feed and its watchers", new FeedLimits()),
        ("Stop", "Shutdown", new StopLimits()),
    ];

    [Fact]
    public void Are_those_of_the_server()
    {
        string text = Repository.Read(Document);
        (int from, int to) = (text.IndexOf(Begin, StringComparison.Ordinal) + Begin.Length, text.IndexOf(End, StringComparison.Ordinal));
        string printed = Print();
        if (Environment.GetEnvironmentVariable("UPDATE_GOLDEN") == "1")
            Repository.Write(Document, text = text[..from] + printed + text[to..]);
        to = text.IndexOf(End, StringComparison.Ordinal);
        Assert.Equal(printed, text[from..to]);
    }

    private static string Print()
    {
        Dictionary<string, XElement> comments = XDocument.Load(Path.Combine(AppContext.BaseDirectory, "EventStore.Server.xml"))
            .Descendants("member").ToDictionary(member => member.Attribute("name")!.Value);
        var text = new StringBuilder();
        foreach ((string section, string title, object defaults) in Sections)
        {
            text.Append(CultureInfo.InvariantCulture, $"\n## {title}\n\n| setting | default | |\n|---|---|---|\n");
            foreach (PropertyInfo limit in defaults.GetType().GetProperties().Where(property => property.SetMethod is { IsPublic: true }))
            {
                string about = OnOneLine(comments[$"P:{limit.DeclaringType!.FullName}.{limit.Name}"].Element("summary")!);
                text.Append(
                    CultureInfo.InvariantCulture,
                    $"| `{section}:{limit.Name}` | {Value(limit, limit.GetValue(defaults)!)}{Range(limit)} | {about} |\n");
            }
        }

        return text.Append('\n').ToString();
    }

    private static string OnOneLine(XElement summary) => Spaces().Replace(string.Concat(summary.Nodes().Select(node => node switch
    {
        XElement { Name.LocalName: "c" } code => $"`{code.Value}`",
        XElement see => $"`{see.Attribute("cref")!.Value.Split('.')[^1]}`",
        XText plain => plain.Value,
        _ => throw new FormatException($"{node} cannot be shown in a table"),
    })), " ").Trim();

    private static string Range(PropertyInfo limit) => limit.GetCustomAttribute<RangeAttribute>() is not { } range ? string.Empty
        : range.Maximum is int.MaxValue ? $" (from {Bound(range.Minimum)})"
        : $" ({Bound(range.Minimum)} to {Bound(range.Maximum)})";

    private static string Bound(object bound) => bound switch
    {
        string text when TimeSpan.TryParse(text, CultureInfo.InvariantCulture, out TimeSpan time)
            && text.Contains(':', StringComparison.Ordinal) => Time(time),
        string text => Bytes(long.Parse(text, CultureInfo.InvariantCulture)),
        int number when number % 1024 == 0 && number > 0 => Bytes(number),
        _ => string.Create(CultureInfo.InvariantCulture, $"{bound:#,0}"),
    };

    private static string Value(PropertyInfo limit, object value) => value switch
    {
        TimeSpan time => Time(time),
        bool flag => flag ? "true" : "false",
        _ when limit.Name.EndsWith("Bytes", StringComparison.Ordinal) => Bytes(Convert.ToInt64(value, CultureInfo.InvariantCulture)),
        _ => string.Create(CultureInfo.InvariantCulture, $"{value:#,0}"),
    };

    private static string Time(TimeSpan time) =>
        time.TotalSeconds is > 0 and < 1 ? string.Create(CultureInfo.InvariantCulture, $"{time.TotalMilliseconds} ms")
        : time.TotalDays >= 1 ? string.Create(CultureInfo.InvariantCulture, $"{time.TotalDays} d")
        : string.Create(CultureInfo.InvariantCulture, $"{time.TotalSeconds} s");

    private static string Bytes(long count)
    {
        string[] units = ["B", "KiB", "MiB", "GiB", "TiB"];
        int unit = 0;
        for (; count >= 1024 && count % 1024 == 0 && unit < units.Length - 1; unit++)
            count /= 1024;
        return string.Create(CultureInfo.InvariantCulture, $"{count} {units[unit]}");
    }

    [GeneratedRegex(@"\s+")]
    private static partial Regex Spaces();
}
