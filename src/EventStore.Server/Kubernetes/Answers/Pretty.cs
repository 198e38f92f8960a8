using System.Buffers;
using System.Text;

namespace EventStore.Server.Kubernetes.Answers;

/// <summary>Indents answers for human readers.</summary>
public static class Pretty
{
    /// <summary>
    /// <c>?pretty=</c> decides by Go's <c>strconv.ParseBool</c>; without it a User-Agent of a person's tool does
    /// (apiserver <c>isPrettyPrint</c>).
    /// </summary>
    public static bool IsWanted(HttpRequest request)
    {
        if (request.QueryString.HasValue && request.Query.TryGetValue("pretty", out var values) && values is [{ Length: > 0 } asked, ..])
            return asked is "1" or "t" or "T" or "true" or "TRUE" or "True";
        string agent = request.Headers.UserAgent.ToString();
        return agent.StartsWith("curl", StringComparison.Ordinal)
            || agent.StartsWith("Wget", StringComparison.Ordinal)
            || agent.StartsWith("Mozilla/5.0", StringComparison.Ordinal);
    }

    /// <summary>
    /// The same JSON with each member and item on a line of its own, indented by two spaces; every token keeps its bytes.
    /// </summary>
    /// <param name="compact">Well-formed JSON without white space between its tokens.</param>
    /// <param name="depth">How deep within another value this one will stand.</param>
    public static byte[] Indent(ReadOnlySpan<byte> compact, int depth = 0)
    {
        var indented = new ArrayBufferWriter<byte>(compact.Length * 2);
        while (!compact.IsEmpty)
        {
            int length = compact[0] == '"' ? StringLength(compact) : 1;
            byte token = compact[0];
            bool opens = token is (byte)'{' or (byte)'[';
            bool empty = opens && compact.Length > 1 && compact[1] is (byte)'}' or (byte)']';
            if (empty)
                length = 2;
            if (token is (byte)'}' or (byte)']')
                NewLine(indented, --depth);
            indented.Write(compact[..length]);
            if (opens && !empty)
                NewLine(indented, ++depth);
            else if (token == ',')
                NewLine(indented, depth);
            else if (token == ':')
                indented.Write(" "u8);
            compact = compact[length..];
        }

        return indented.WrittenSpan.ToArray();
    }

    /// <summary>
    /// Indents a list that is sent in pieces: returns the text up to the bracket that opens the items, and the text from the line
    /// that closes them.
    /// </summary>
    public static (string Begin, string End) IndentAround(string begin, string end)
    {
        const string item = "\"\\u0000\""; // stands nowhere else: no JSON written here escapes U+0000
        string whole = Encoding.UTF8.GetString(Indent(Encoding.UTF8.GetBytes(begin + item + end)));
        int at = whole.IndexOf(item, StringComparison.Ordinal);
        return (whole[..at].TrimEnd(), whole[(at + item.Length)..]);
    }

    private static int StringLength(ReadOnlySpan<byte> text)
    {
        int at = 1;
        while (text[at] != '"')
            at += text[at] == '\\' ? 2 : 1;
        return at + 1;
    }

    private static void NewLine(ArrayBufferWriter<byte> indented, int depth)
    {
        Span<byte> line = indented.GetSpan(1 + (2 * depth))[..(1 + (2 * depth))];
        line.Fill((byte)' ');
        line[0] = (byte)'\n';
        indented.Advance(line.Length);
    }
}
