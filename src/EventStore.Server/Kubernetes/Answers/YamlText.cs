using System.Text;
using EventStore.Domain.Json;

namespace EventStore.Server.Kubernetes.Answers;

/// <summary>A line of YAML, and which value begins on it.</summary>
/// <param name="Text">The line, without its end.</param>
/// <param name="Path">The value: on a line that begins a list or an object with its first leaf, the leaf.</param>
/// <param name="IsLeaf">Whether the value is on this line whole; else its parts follow on the next lines.</param>
public readonly record struct YamlLine(string Text, FieldPath Path, bool IsLeaf);

/// <summary>
/// JSON as YAML, in the form kubectl prints: blocks indented by two spaces, lists at the indent of their name. Numbers keep their digits. A
/// text stands without quotes only where no version of YAML could take it for anything else; in quotes it is written as in JSON, which
/// is YAML. So every value that is no list and no object is on one line.
/// </summary>
internal sealed class YamlText
{
    private static readonly HashSet<string> Words = new(StringComparer.OrdinalIgnoreCase)
    {
        "y", "n", "yes", "no", "on", "off", "true", "false", "null",
    };

    private readonly StringBuilder text = new();
    private readonly List<YamlLine>? lines;

    private YamlText(List<YamlLine>? lines) => this.lines = lines;

    public static string Of(JsonValue value)
    {
        var yaml = new YamlText(null);
        yaml.Document(value, null);
        return yaml.text.ToString();
    }

    /// <summary>The lines of a whole document.</summary>
    public static IReadOnlyList<YamlLine> Lines(JsonValue value)
    {
        var yaml = new YamlText([]);
        yaml.Document(value, FieldPath.Root);
        return yaml.lines!;
    }

    /// <summary>One item of a list that stands at the left margin.</summary>
    public static string Item(JsonValue value)
    {
        var yaml = new YamlText(null);
        yaml.Item(value, 0, null);
        return yaml.text.ToString();
    }

    // The path is null where nobody asks for it: making one for every value would double the cost of an answer.
    private void Document(JsonValue value, FieldPath? at)
    {
        if (value is JsonObject { Count: > 0 } members)
            Members(members, 0, at, isFirstPlaced: true);
        else if (value is JsonArray { Items.Count: > 0 } list)
            Items(list, 0, at);
        else
            Leaf(value, at);
    }

    private void Members(JsonObject members, int indent, FieldPath? at, bool isFirstPlaced)
    {
        foreach (KeyValuePair<string, JsonValue> member in members.Members)
        {
            text.Append(' ', isFirstPlaced ? indent : 0);
            isFirstPlaced = true;
            text.Append(Scalar(member.Key)).Append(':');
            FieldPath? path = at?.Member(member.Key);
            if (member.Value is JsonObject { Count: > 0 } inner)
            {
                EndLine(path, isLeaf: false);
                Members(inner, indent + 2, path, isFirstPlaced: true);
            }
            else if (member.Value is JsonArray { Items.Count: > 0 } list)
            {
                EndLine(path, isLeaf: false);
                Items(list, indent, path);
            }
            else
            {
                text.Append(' ');
                Leaf(member.Value, path);
            }
        }
    }

    private void Items(JsonArray list, int indent, FieldPath? at)
    {
        for (int i = 0; i < list.Items.Count; i++)
            Item(list.Items[i], indent, at?.Item(i));
    }

    private void Item(JsonValue item, int indent, FieldPath? at)
    {
        text.Append(' ', indent).Append('-');
        if (item is JsonObject { Count: > 0 } members)
        {
            text.Append(' '); // the first member stands behind the dash
            Members(members, indent + 2, at, isFirstPlaced: false);
        }
        else if (item is JsonArray { Items.Count: > 0 } list)
        {
            EndLine(at, isLeaf: false);
            Items(list, indent + 2, at);
        }
        else
        {
            text.Append(' ');
            Leaf(item, at);
        }
    }

    private void Leaf(JsonValue value, FieldPath? at)
    {
        text.Append(value is JsonText scalar ? Scalar(scalar.Value) : value.ToString());
        EndLine(at, isLeaf: true);
    }

    private void EndLine(FieldPath? at, bool isLeaf)
    {
        if (lines is null)
        {
            text.Append('\n');
            return;
        }

        lines.Add(new YamlLine(text.ToString(), at!, isLeaf));
        text.Clear();
    }

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
