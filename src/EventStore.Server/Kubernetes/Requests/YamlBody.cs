using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using EventStore.Domain.Json;
using YamlDotNet.Core;
using YamlDotNet.Core.Events;
using ScalarEvent = YamlDotNet.Core.Events.Scalar;

namespace EventStore.Server.Kubernetes.Requests;

/// <summary>
/// Converts a YAML body to JSON, which is then read as any other body. Plain scalars are typed by kubectl's YAML 1.1; decimal
/// numbers keep their digits. Anchors and aliases are refused, because a short text with them can expand to one that fills the
/// memory; so are tags, merge keys and a second document.
/// </summary>
internal static partial class YamlBody
{
    private const string TextTag = "tag:yaml.org,2002:str";

    /// <summary>The body as JSON, or what is wrong with it, or that it has too many values.</summary>
    /// <param name="utf8">The body.</param>
    /// <param name="valuesMax">The most values and names; reading ends there.</param>
    /// <param name="typedNames">
    /// Whether the name of a field is read as a value, too, as upstream reads an applied configuration: <c>y: "1"</c> sets the field
    /// <c>true</c>.
    /// </param>
    public static (ReadOnlyMemory<byte> Json, string? Wrong, bool HasTooMany) Read(
        ReadOnlyMemory<byte> utf8, int valuesMax, bool typedNames = false)
    {
        int left = valuesMax;
        var json = new ArrayBufferWriter<byte>(Math.Max(256, utf8.Length));
        using var writer = new Utf8JsonWriter(json, new JsonWriterOptions { Encoder = PlainEscaping.Encoder, SkipValidation = true });
        var parser = new Parser(new Scanner(new StringReader(Encoding.UTF8.GetString(utf8.Span)), skipComments: true));
        try
        {
            parser.Consume<StreamStart>();
            if (!parser.TryConsume<DocumentStart>(out _))
                return (default, null, false); // nothing: as an empty body
            WriteNode(parser, writer, 0, typedNames, ref left);
            parser.Consume<DocumentEnd>();
            if (!parser.Accept<StreamEnd>(out _))
                return (default, "only one document can be sent at a time", false);
            writer.Flush();
            return (json.WrittenMemory, null, false);
        }
        catch (YamlException) when (left < 0)
        {
            return (default, null, true);
        }
        catch (YamlException e)
        {
            return (default, $"yaml: line {e.Start.Line}: {e.Message.ReplaceLineEndings(" ")}", false);
        }
        catch (Exception e) when (
            e is InvalidOperationException or ArgumentException or IndexOutOfRangeException or NullReferenceException or FormatException)
        {
            // the parser has faults of its own
            return (default, $"yaml: line {parser.Current?.End.Line ?? 0}: it is no YAML ({e.GetType().Name})", false);
        }
    }

    private static void WriteNode(Parser parser, Utf8JsonWriter json, int depth, bool typedNames, ref int left)
    {
        ParsingEvent begin = parser.Require<ParsingEvent>();
        if (begin is AnchorAlias || begin is NodeEvent { Anchor.IsEmpty: false })
            throw new YamlException(begin.Start, begin.End, "anchors and aliases are not read here");
        if (depth > JsonReading.DepthMax)
            throw new YamlException(begin.Start, begin.End, $"exceeded max depth: it may be nested {JsonReading.DepthMax} levels deep");
        Count(begin, ref left);
        if (parser.TryConsume<ScalarEvent>(out ScalarEvent? scalar))
        {
            WriteScalar(scalar, json);
        }
        else if (parser.TryConsume<SequenceStart>(out _))
        {
            json.WriteStartArray();
            while (!parser.TryConsume<SequenceEnd>(out _))
                WriteNode(parser, json, depth + 1, typedNames, ref left);
            json.WriteEndArray();
        }
        else
        {
            parser.Consume<MappingStart>();
            json.WriteStartObject();
            while (!parser.TryConsume<MappingEnd>(out _))
            {
                ParsingEvent at = parser.Current!;
                bool isName = parser.TryConsume<ScalarEvent>(out ScalarEvent? name)
                    && name is { Anchor.IsEmpty: true } and not { Value: "<<", Style: ScalarStyle.Plain }; // in quotes it is a text
                if (!isName)
                    throw new YamlException(at.Start, at.End, "the name of a field must be a text, without an anchor, and not a merge key");
                Count(at, ref left);
                json.WritePropertyName(typedNames ? Name(name!) : name!.Value);
                WriteNode(parser, json, depth + 1, typedNames, ref left);
            }

            json.WriteEndObject();
        }
    }

    private static void Count(ParsingEvent at, ref int left)
    {
        if (--left < 0)
            throw new YamlException(at.Start, at.End, "it has more values than a body may have");
    }

    private static void WriteScalar(ScalarEvent scalar, Utf8JsonWriter json)
    {
        string text = scalar.Value;
        bool isTagged = !scalar.Tag.IsEmpty && !scalar.Tag.IsNonSpecific;
        if (isTagged && scalar.Tag.Value != TextTag)
            throw new YamlException(scalar.Start, scalar.End, "tags are not read here");
        if (scalar.Style != ScalarStyle.Plain || isTagged)
            json.WriteStringValue(text);
        else if (text is "" or "~" or "null" or "Null" or "NULL")
            json.WriteNullValue();
        else if (Flag(text) is { } flag)
            json.WriteBooleanValue(flag);
        else if (Number(text) is { } number)
            json.WriteRawValue(number, skipInputValidation: true);
        else if (Endless().IsMatch(text))
            throw new YamlException(scalar.Start, scalar.End, $"{text} is no number that JSON has");
        else
            json.WriteStringValue(text);
    }

    private static string Name(ScalarEvent name) =>
        name.Style != ScalarStyle.Plain || (!name.Tag.IsEmpty && !name.Tag.IsNonSpecific) ? name.Value
        : Flag(name.Value) is { } flag ? (flag ? "true" : "false")
        : Number(name.Value) ?? name.Value;

    private static bool? Flag(string text) => text switch
    {
        "true" or "True" or "TRUE" or "yes" or "Yes" or "YES" or "on" or "On" or "ON" or "y" or "Y" => true,
        "false" or "False" or "FALSE" or "no" or "No" or "NO" or "off" or "Off" or "OFF" or "n" or "N" => false,
        _ => null,
    };

    /// <summary>The number as JSON writes it, or null.</summary>
    private static string? Number(string text)
    {
        if (!MaybeNumber().IsMatch(text))
            return null;
        string plain = text.Replace("_", "", StringComparison.Ordinal);
        string sign = plain.StartsWith('-') ? "-" : "";
        string digits = plain.TrimStart('+', '-');
        if (digits.Length > 2 && digits[0] == '0' && Base(digits[1]) is var (radix, start) && OfBase(digits[start..], radix) is { } value)
            return sign + value;
        if (!Decimal().IsMatch(digits))
            return null;
        digits = digits.StartsWith('.') ? "0" + digits : digits;
        int point = digits.IndexOf('.', StringComparison.Ordinal);
        if (point >= 0 && (point + 1 == digits.Length || !char.IsAsciiDigit(digits[point + 1])))
            digits = digits.Insert(point + 1, "0");
        return sign + (
            digits.Length > 1 && digits[0] == '0' && char.IsAsciiDigit(digits[1]) ? digits.TrimStart('0').PadLeft(1, '0') : digits);
    }

    private static (int Radix, int Start) Base(char c) => c switch
    {
        'x' or 'X' => (16, 2),
        'b' or 'B' => (2, 2),
        'o' or 'O' => (8, 2),
        _ => (8, 1), // 0644, as file modes are written
    };

    private static string? OfBase(string digits, int radix)
    {
        System.Numerics.BigInteger value = 0;
        foreach (char c in digits)
        {
            int digit = char.IsAsciiHexDigit(c) ? Convert.ToInt32(c.ToString(), 16) : radix;
            if (digit >= radix)
                return null;
            value = (value * radix) + digit;
        }

        return value.ToString(CultureInfo.InvariantCulture);
    }

    [GeneratedRegex(@"^[-+]?[.]?[0-9][0-9_a-fA-FxXoO.+-]{0,1000}$", RegexOptions.CultureInvariant | RegexOptions.NonBacktracking)]
    private static partial Regex MaybeNumber();

    [GeneratedRegex(@"^([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][-+]?[0-9]+)?$", RegexOptions.CultureInvariant | RegexOptions.NonBacktracking)]
    private static partial Regex Decimal();

    [GeneratedRegex(@"^([-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN))$", RegexOptions.CultureInvariant | RegexOptions.NonBacktracking)]
    private static partial Regex Endless();
}
