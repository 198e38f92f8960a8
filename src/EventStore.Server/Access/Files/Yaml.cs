using EventStore.Domain.Json;
using YamlDotNet.Core;
using YamlDotNet.Core.Events;
using ScalarEvent = YamlDotNet.Core.Events.Scalar;

namespace EventStore.Server.Access.Files;

/// <summary>A value of a YAML document, and the line it begins in, from 1.</summary>
internal abstract record Yaml(int Line)
{
    private Yaml()
        : this(0)
    {
    }

    /// <summary>A text. JSON's numbers, booleans and null are none unless they stand in quotes.</summary>
    internal sealed record Text(int Line, string Value) : Yaml(Line);

    internal sealed record List(int Line, IReadOnlyList<Yaml> Items) : Yaml(Line);

    /// <summary>An object, its members in their order; no two have one name.</summary>
    internal sealed record Object(int Line, IReadOnlyList<(string Name, int Line, Yaml Value)> Members) : Yaml(Line);

    internal sealed record Null(int Line) : Yaml(Line);

    /// <summary>A number or a boolean.</summary>
    internal sealed record Other(int Line, string Word) : Yaml(Line);
}

/// <summary>
/// Reads YAML (and so JSON) with line numbers, as far as Kubernetes objects need it. Anchors and aliases are refused: a short text
/// with them can expand to one that fills the memory.
/// </summary>
internal static class YamlReading
{
    private const int DepthMax = 32;

    /// <summary>The documents of a file that have a content; or the line at fault and what is wrong with it.</summary>
    public static (IReadOnlyList<Yaml> Documents, int Line, string? Wrong) Read(string text)
    {
        var documents = new List<Yaml>();
        var parser = new Parser(new Scanner(new StringReader(text), skipComments: true));
        try
        {
            parser.Consume<StreamStart>();
            while (parser.TryConsume<DocumentStart>(out _))
            {
                if (ReadNode(parser, 0) is var node and not Yaml.Null)
                    documents.Add(node);
                parser.Consume<DocumentEnd>();
            }

            return (documents, 0, null);
        }
        catch (YamlException e)
        {
            return (documents, (int)e.Start.Line, e.Message.ReplaceLineEndings(" "));
        }
        catch (Exception e) when (e is not YamlException)
        {
            // The parser has bugs, for a misplaced brace for example. A file must not be able to crash the server.
            return (documents, (int)(parser.Current?.End.Line ?? 0), $"it is no YAML ({e.GetType().Name})");
        }
    }

    private static Yaml ReadNode(Parser parser, int depth)
    {
        ParsingEvent begin = parser.Require<ParsingEvent>();
        if (begin is AnchorAlias || begin is NodeEvent { Anchor.IsEmpty: false })
            throw new YamlException(begin.Start, begin.End, "anchors and aliases are not read here");
        if (depth > DepthMax)
            throw new YamlException(begin.Start, begin.End, $"nested more than {DepthMax} deep");
        int line = (int)begin.Start.Line;
        if (parser.TryConsume<ScalarEvent>(out ScalarEvent? scalar))
            return OfScalar(scalar, line);
        if (parser.TryConsume<SequenceStart>(out _))
        {
            var items = new List<Yaml>();
            while (!parser.TryConsume<SequenceEnd>(out _))
                items.Add(ReadNode(parser, depth + 1));
            return new Yaml.List(line, items);
        }

        parser.Consume<MappingStart>();
        return ReadMembers(parser, line, depth);
    }

    private static Yaml.Object ReadMembers(Parser parser, int line, int depth)
    {
        var members = new List<(string Name, int Line, Yaml Value)>();
        var names = new HashSet<string>();
        while (!parser.TryConsume<MappingEnd>(out _))
        {
            ParsingEvent at = parser.Current!;
            if (ReadNode(parser, depth + 1) is not Yaml.Text name)
                throw new YamlException(at.Start, at.End, "the name of a field must be a text");
            if (!names.Add(name.Value))
                throw new YamlException(at.Start, at.End, $"the field \"{name.Value}\" stands there twice");
            members.Add((name.Value, name.Line, ReadNode(parser, depth + 1)));
        }

        return new Yaml.Object(line, members);
    }

    private static Yaml OfScalar(ScalarEvent scalar, int line)
    {
        if (!scalar.Tag.IsEmpty && !scalar.Tag.IsNonSpecific && scalar.Tag.Value != "tag:yaml.org,2002:str")
            throw new YamlException(scalar.Start, scalar.End, "tags are not read here");
        if (scalar.Style != ScalarStyle.Plain || !scalar.Tag.IsEmpty)
            return new Yaml.Text(line, scalar.Value);
        return YamlScalar.IsNull(scalar.Value) ? new Yaml.Null(line)
            : YamlScalar.IsText(scalar.Value) ? new Yaml.Text(line, scalar.Value)
            : new Yaml.Other(line, scalar.Value);
    }
}
