using System.Text;
using EventStore.Domain.Manifests;

namespace EventStore.Server.Kubernetes.Requests;

/// <summary>
/// Says what is wrong with a text that is no JSON, in the words of Go's <c>encoding/json</c>: Kubernetes hands them on, so people
/// know them and search for them. It runs only once a text has been refused; the state machine follows Go's <c>scanner.go</c>.
/// </summary>
internal ref struct GoSyntax
{
    private readonly ReadOnlySpan<byte> text;
    private readonly Stack<bool> open = []; // true: within an object
    private int at;
    private string? wrong;

    private GoSyntax(ReadOnlySpan<byte> text) => this.text = text;

    private enum Expected
    {
        Value,
        Name,
        EndOfValue,
        EndOfText,
    }

    /// <summary>What Go would say, or null where Go finds nothing wrong (bad Unicode, nesting too deep).</summary>
    public static string? Explain(ReadOnlySpan<byte> text)
    {
        var syntax = new GoSyntax(text);
        var expected = Expected.Value;
        // A loop, not a descent: three megabytes of opening brackets must not take the stack.
        while (syntax.wrong is null && expected != Expected.EndOfText)
        {
            syntax.SkipSpace();
            expected = expected switch
            {
                Expected.Value => syntax.Value(),
                Expected.Name => syntax.Name(),
                _ => syntax.EndOfValue(),
            };
        }

        if (syntax.wrong is null && !syntax.AtEnd)
            syntax.Fail("after top-level value");
        return syntax.wrong;
    }

    private readonly bool AtEnd => at >= text.Length;

    private Expected Value()
    {
        switch (AtEnd ? 0 : text[at])
        {
            case (byte)'{':
                return Open(isObject: true);
            case (byte)'[':
                return Open(isObject: false);
            case (byte)'"':
                String();
                break;
            case (byte)'t':
                Literal("true");
                break;
            case (byte)'f':
                Literal("false");
                break;
            case (byte)'n':
                Literal("null");
                break;
            case (byte)'-' or (>= (byte)'0' and <= (byte)'9'):
                Number();
                break;
            default:
                Fail("looking for beginning of value");
                break;
        }

        return Expected.EndOfValue;
    }

    private Expected Open(bool isObject)
    {
        at++;
        SkipSpace();
        if (!AtEnd && text[at] == (isObject ? '}' : ']'))
        {
            at++;
            return Expected.EndOfValue;
        }

        open.Push(isObject);
        return isObject ? Expected.Name : Expected.Value;
    }

    private Expected Name()
    {
        if (AtEnd || text[at] != '"')
            Fail("looking for beginning of object key string");
        else
            String();
        SkipSpace();
        Take(':', "after object key");
        return Expected.Value;
    }

    private Expected EndOfValue()
    {
        if (open.Count == 0)
            return Expected.EndOfText;
        bool inObject = open.Peek();
        if (!AtEnd && text[at] == (inObject ? '}' : ']'))
        {
            at++;
            open.Pop();
            return Expected.EndOfValue;
        }

        Take(',', inObject ? "after object key:value pair" : "after array element");
        return inObject ? Expected.Name : Expected.Value;
    }

    private void String()
    {
        at++;
        while (!AtEnd && text[at] != '"')
        {
            if (text[at] < 0x20)
            {
                Fail("in string literal");
                return;
            }

            if (text[at++] == '\\' && !Escape())
                return;
        }

        Take('"', "in string literal");
    }

    private bool Escape()
    {
        if (AtEnd || !"bfnrt\\/\"u"u8.Contains(text[at]))
            return Fail("in string escape code");
        if (text[at++] != 'u')
            return true;
        for (int digits = 0; digits < 4; digits++, at++)
        {
            if (AtEnd || !char.IsAsciiHexDigit((char)text[at]))
                return Fail("in \\u hexadecimal character escape");
        }

        return true;
    }

    private void Literal(string word)
    {
        at++;
        foreach (char letter in word.AsSpan(1))
        {
            if (!Take(letter, $"in literal {word} (expecting '{letter}')"))
                return;
        }
    }

    private void Number()
    {
        if (text[at] == '-')
            at++;
        if (!AtEnd && text[at] == '0')
            at++;
        else if (!Digits("in numeric literal"))
            return;
        if (!AtEnd && text[at] == '.')
        {
            at++;
            if (!Digits("after decimal point in numeric literal"))
                return;
        }

        if (AtEnd || text[at] is not ((byte)'e' or (byte)'E'))
            return;
        at++;
        if (!AtEnd && text[at] is (byte)'+' or (byte)'-')
            at++;
        Digits("in exponent of numeric literal");
    }

    private bool Digits(string context)
    {
        if (AtEnd || !char.IsAsciiDigit((char)text[at]))
            return Fail(context);
        while (!AtEnd && char.IsAsciiDigit((char)text[at]))
            at++;
        return true;
    }

    private bool Take(char expected, string context)
    {
        if (wrong is not null || AtEnd || text[at] != expected)
            return Fail(context);
        at++;
        return true;
    }

    private bool Fail(string context)
    {
        wrong ??= AtEnd ? "unexpected end of JSON input" : $"invalid character {QuoteByte(text[at])} {context}";
        return false;
    }

    private void SkipSpace()
    {
        while (!AtEnd && text[at] is (byte)' ' or (byte)'\t' or (byte)'\r' or (byte)'\n')
            at++;
    }

    /// <summary>Go shows the byte as if it were a code point.</summary>
    private static string QuoteByte(byte value) => value switch
    {
        (byte)'\'' => "'\\''",
        (byte)'"' => "'\"'",
        _ => $"'{FieldError.Quote(new Rune(value).ToString())[1..^1]}'",
    };
}
