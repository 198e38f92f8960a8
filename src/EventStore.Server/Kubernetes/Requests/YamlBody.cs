using System.Buffers;
using System.Text;
using System.Text.Json;
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
internal static class YamlBody
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
        else if (YamlScalar.IsNull(text))
            json.WriteNullValue();
        else if (YamlScalar.Flag(text) is { } flag)
            json.WriteBooleanValue(flag);
        else if (YamlScalar.Number(text) is { } number)
            json.WriteRawValue(number, skipInputValidation: true);
        else if (YamlScalar.IsEndless(text))
            throw new YamlException(scalar.Start, scalar.End, $"{text} is no number that JSON has");
        else
            json.WriteStringValue(text);
    }

    private static string Name(ScalarEvent name) =>
        name.Style != ScalarStyle.Plain || (!name.Tag.IsEmpty && !name.Tag.IsNonSpecific) ? name.Value
        : YamlScalar.Flag(name.Value) is { } flag ? (flag ? "true" : "false")
        : YamlScalar.Number(name.Value) ?? name.Value;
}
