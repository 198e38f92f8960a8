using System.Text;
using FsCheck;
using FsCheck.Fluent;

namespace EventStore.Server.Tests.Fuzz;

/// <summary>
/// Inputs nobody would write: those of the corpus, damaged. A few edits keep most of what makes an input interesting, so that it gets past
/// the first check and on to the next. An input that once did harm is kept in the corpus and tried first ever after.
/// </summary>
internal static class Inputs
{
    private const int Portion = 1000;

    // Most bytes of a damaged text make it no JSON; this edit keeps it JSON more often than not.
    private const int ReplacesValue = 5;

    // Where parsers have their edges: values of JSON, and pieces of it.
    private static readonly string[] Values =
    [
        "null", "true", "{}", "[]", "[null]", "\"\"", "\"x\"", "\"All\"", "\"7\"", "0", "-0", "-1", "3600", "1e2", "1E-400",
        "9223372036854775808", "0.1", "{\"a\":\"b\"}", "{\"labels\":{\"a\":\"b\"}}", "\"\\u0000\"", "\"\\ud800\"", "1e400",
    ];

    private static readonly string[] Fragments =
    [
        .. Values, "\\", "\"", "{", "}", "[", "]", ":", ",",
        "\"metadata\":", "\"labels\":", "\"spec\":", "\"resourceVersion\":\"0\"", "\"finalizers\":[\"a/b\"]", "\"name\":\"other\"",
        "\"kind\":7", "\"status\":", "\uFEFF", "\0", "é", "\U0001F600", " in (", ")", "!", "=", "==", "!=", "notin", ">", "<", "(", "((",
        ",,", "a/b/c", "%00", "*/*", ";q=", new string('9', 401), new string('x', 64), new string('[', 120),
    ];

    /// <summary>The inputs kept in a folder of the corpus.</summary>
    public static byte[][] Corpus(string kind) =>
        [.. Directory.EnumerateFiles(Path.Combine(AppContext.BaseDirectory, "Fuzz", "corpus", kind)).Order(StringComparer.Ordinal)
            .Select(File.ReadAllBytes)];

    /// <summary>The corpus itself, and then so many inputs made of it.</summary>
    public static IEnumerable<byte[]> Of(string kind, int count)
    {
        byte[][] corpus = Corpus(kind);
        foreach (byte[] kept in corpus)
            yield return kept;
        Gen<byte[]> damaged = Damaged(corpus);
        for (int done = 0; done < count; done += Portion)
        {
            foreach (byte[] input in damaged.Sample(Math.Min(Portion, count - done)))
                yield return input;
        }
    }

    /// <summary>As C# and a person can read it, for the message of a failure.</summary>
    public static string Show(byte[] input) => $"base64 {Convert.ToBase64String(input)}\n{Encoding.UTF8.GetString(input)}";

    private static Gen<byte[]> Damaged(byte[][] corpus) =>
        from seed in Gen.Elements(corpus)
        from count in Gen.Frequency((4, Gen.Constant(1)), (3, Gen.Choose(2, 4)), (1, Gen.Choose(5, 30)))
        from edits in Edit(corpus).ArrayOf(count)
        select edits.Aggregate(seed, (input, edit) => edit(input));

    private static Gen<Func<byte[], byte[]>> Edit(byte[][] corpus) =>
        from at in Gen.Choose(0, int.MaxValue - 1)
        from length in Gen.Frequency((3, Gen.Choose(1, 4)), (1, Gen.Choose(5, 200)))
        from other in Gen.Elements(corpus)
        from fragment in Gen.Elements(Fragments)
        from value in Gen.Choose(0, 255)
        from kind in Gen.Frequency((1, Gen.Choose(0, 6)), (2, Gen.Constant(ReplacesValue)))
        select Edit(kind, at, length, other, Encoding.UTF8.GetBytes(fragment), (byte)value);

    private static Func<byte[], byte[]> Edit(int kind, int at, int length, byte[] other, byte[] fragment, byte value) => input =>
    {
        int from = at % (input.Length + 1), to = Math.Min(input.Length, from + length);
        return kind switch
        {
            0 => [.. input[..from], .. input[to..]],
            1 => [.. input[..from], .. fragment, .. input[from..]],
            2 => [.. input[..from], .. fragment, .. input[to..]],
            3 => [.. input[..to], .. input[from..to], .. input[to..]],
            4 => [.. input[..from], .. other[(at % (other.Length + 1))..]],
            ReplacesValue => ReplaceValue(input, from, Encoding.UTF8.GetBytes(Values[at % Values.Length])),
            _ => from == input.Length ? [.. input, value] : [.. input[..from], value, .. input[(from + 1)..]],
        };
    };

    // The value behind a colon, up to where the next thing begins.
    private static byte[] ReplaceValue(byte[] input, int from, byte[] by)
    {
        int colon = input.AsSpan(from).IndexOf((byte)':');
        if (colon < 0)
            return input;
        int begin = from + colon + 1;
        int end = input.AsSpan(begin).IndexOfAny((byte)',', (byte)'}');
        return end < 0 ? input : [.. input[..begin], .. by, .. input[(begin + end)..]];
    }
}
