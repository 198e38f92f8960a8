using System.Text;

namespace EventStore.Server.Access.Files;

/// <summary>One line of a CSV file; a quoted field may make it span several.</summary>
/// <param name="Line">Where it begins, from 1.</param>
/// <param name="Fields">Its fields, without their quotes.</param>
internal sealed record CsvRecord(int Line, IReadOnlyList<string> Fields);

/// <summary>Reads CSV by RFC 4180, as strictly as Go's <c>encoding/csv</c>, which reads this file for kube-apiserver.</summary>
internal static class Csv
{
    /// <summary>The records, without empty lines; or the line at fault and what is wrong with it.</summary>
    public static (IReadOnlyList<CsvRecord> Records, int Line, string? Wrong) Read(string text)
    {
        var records = new List<CsvRecord>();
        (int at, int line) = (text.StartsWith('\uFEFF') ? 1 : 0, 1);
        while (at < text.Length)
        {
            int begin = line;
            var fields = new List<string>();
            do
            {
                if (ReadField(text, ref at, ref line, fields) is { } wrong)
                    return (records, begin, wrong);
            }
            while (at < text.Length && text[at] == ',' && ++at >= 0);
            SkipLineEnd(text, ref at, ref line);
            if (fields is not [""])
                records.Add(new CsvRecord(begin, fields));
        }

        return (records, 0, null);
    }

    private static string? ReadField(string text, ref int at, ref int line, List<string> fields)
    {
        if (at < text.Length && text[at] == '"')
            return ReadQuoted(text, ref at, ref line, fields);
        int length = text.AsSpan(at).IndexOfAny(",\r\n");
        string field = length < 0 ? text[at..] : text.Substring(at, length);
        at += field.Length;
        fields.Add(field);
        return field.Contains('"', StringComparison.Ordinal) ? "a quote in a field that does not begin with one" : null;
    }

    private static string? ReadQuoted(string text, ref int at, ref int line, List<string> fields)
    {
        var field = new StringBuilder();
        for (at++; at < text.Length; at++)
        {
            if (text[at] == '"' && (++at == text.Length || text[at] != '"'))
            {
                fields.Add(field.ToString());
                return at == text.Length || text[at] is ',' or '\r' or '\n' ? null : "text behind a quoted field";
            }

            line += text[at] == '\n' ? 1 : 0;
            field.Append(text[at]);
        }

        return "a quoted field that does not end";
    }

    private static void SkipLineEnd(string text, ref int at, ref int line)
    {
        if (at < text.Length && text[at] == '\r')
            at++;
        if (at < text.Length && text[at] == '\n')
            at++;
        line++;
    }
}
