using System.Text;
using EventStore.Domain.Json;

namespace EventStore.Server.Kubernetes.Answers;

/// <summary>
/// JSON as YAML, in the form kubectl prints: blocks indented by two spaces, lists at the indent of their name. Numbers keep their digits. A
/// text stands without quotes only where no version of YAML could take it for anything else; in quotes it is written as in JSON, which
/// is YAML.
/// </summary>
internal static class YamlText
{
    private static readonly HashSet<string> Words = new(StringComparer.OrdinalIgnoreCase)
    {
        "y", "n", "yes", "no", "on", "off", "true", "false", "null",
    };

    /// <summary>A whole document.</summary>
    public static string Of(JsonValue value)
    {
        var text = new StringBuilder();
        if (value is JsonObject { Count: > 0 } members)
            Members(text, members, 0, isFirstPlaced: true);
        else if (value is JsonArray { Items.Count: > 0 } list)
            Items(text, list, 0);
        else
            text.Append(Inline(value)).Append('\n');
        return text.ToString();
    }

    /// <summary>One item of a list that stands at the left margin.</summary>
    public static string Item(JsonValue value)
    {
        var text = new StringBuilder();
        Item(text, value, 0);
        return text.ToString();
    }

    private static void Members(StringBuilder text, JsonObject members, int indent, bool isFirstPlaced)
    {
        foreach (KeyValuePair<string, JsonValue> member in members.Members)
        {
            text.Append(' ', isFirstPlaced ? indent : 0);
            isFirstPlaced = true;
            text.Append(Scalar(member.Key)).Append(':');
            if (member.Value is JsonObject { Count: > 0 } inner)
            {
                text.Append('\n');
                Members(text, inner, indent + 2, isFirstPlaced: true);
            }
            else if (member.Value is JsonArray { Items.Count: > 0 } list)
            {
                text.Append('\n');
                Items(text, list, indent);
            }
            else
            {
                text.Append(' ').Append(Inline(member.Value)).Append('\n');
            }
        }
    }

    private static void Items(StringBuilder text, JsonArray list, int indent)
    {
        foreach (JsonValue item in list.Items)
            Item(text, item, indent);
    }

    private static void Item(StringBuilder text, JsonValue item, int indent)
    {
        text.Append(' ', indent).Append('-');
        if (item is JsonObject { Count: > 0 } members)
        {
            text.Append(' '); // the first member stands behind the dash
            Members(text, members, indent + 2, isFirstPlaced: false);
        }
        else if (item is JsonArray { Items.Count: > 0 } list)
        {
            text.Append('\n');
            Items(text, list, indent + 2);
        }
        else
        {
            text.Append(' ').Append(Inline(item)).Append('\n');
        }
    }

    private static string Inline(JsonValue value) => value is JsonText text ? Scalar(text.Value) : value.ToString();

    private static string Scalar(string text) => IsPlain(text) ? text : new JsonText(text).ToString();

    private static bool IsPlain(string text)
    {
        if (text.Length == 0 || !(char.IsAsciiLetter(text[0]) || text[0] is '/' or '_') || Words.Contains(text))
            return false;
        for (int i = 1; i < text.Length; i++)
        {
            // ": " begins a value and " #" a comment; neither a colon nor a space may end a text.
            bool isSeparator = text[i] is ':' or ' ' && (i + 1 == text.Length || text[i + 1] == ' ');
            if (isSeparator || !(char.IsAsciiLetterOrDigit(text[i]) || " _./:@+=-".Contains(text[i], StringComparison.Ordinal)))
                return false;
        }

        return true;
    }
}
