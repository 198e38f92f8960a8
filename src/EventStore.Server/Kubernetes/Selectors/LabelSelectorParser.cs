using System.Buffers;
using EventStore.Domain.Manifests;

namespace EventStore.Server.Kubernetes.Selectors;

/// <summary>
/// The grammar of label selectors, token by token and message by message as apimachinery's <c>labels/selector.go</c> has it:
/// <c>x in (foo,,baz),y,z notin ()</c>. It differs in one thing: U+0000 is a character like any other (and so refused by the rules for
/// keys and values) where upstream takes it for the end and drops what follows.
/// </summary>
internal ref struct LabelSelectorParser
{
    private static readonly SearchValues<char> EndOfWord = SearchValues.Create("=!(),>< \t\r\n");
    private readonly List<(Token Token, string Text)> tokens;
    private int at;
    private string? wrong;

    private LabelSelectorParser(List<(Token, string)> tokens) => this.tokens = tokens;

    private enum Token
    {
        End,
        Identifier,
        In,
        NotIn,
        Open,
        Close,
        Comma,
        Not,
        Equal,
        DoubleEqual,
        NotEqual,
        Greater,
        Less,
    }

    /// <summary>The selector, or what is wrong with the text.</summary>
    public static (LabelSelector Selector, string? Wrong) Parse(string text)
    {
        var parser = new LabelSelectorParser(Scan(text));
        List<LabelRequirement> requirements = parser.Selector();
        if (parser.wrong is not null)
            return (LabelSelector.Everything, parser.wrong);
        IEnumerable<LabelRequirement> distinct = requirements.DistinctBy(requirement => requirement.ToString());
        return (new LabelSelector([.. distinct.OrderBy(requirement => requirement.Key, StringComparer.Ordinal)]), null);
    }

    private List<LabelRequirement> Selector()
    {
        var requirements = new List<LabelRequirement>();
        while (wrong is null && Peek() is var (token, text) && token != Token.End)
        {
            if (token is not (Token.Identifier or Token.Not))
            {
                Fail($"found '{text}', expected: !, identifier, or 'end of string'");
                break;
            }

            LabelRequirement? requirement = Requirement();
            if (wrong is not null)
            {
                wrong = $"unable to parse requirement: {wrong}";
                break;
            }

            requirements.Add(requirement!);
            (token, text) = Take();
            if (token == Token.End)
                break;
            if (token != Token.Comma)
                Fail($"found '{text}', expected: ',' or 'end of string'");
            else if (Peek() is var (next, found) && next is not (Token.Identifier or Token.Not))
                Fail($"found '{found}', expected: identifier after ','");
        }

        return requirements;
    }

    private LabelRequirement? Requirement()
    {
        (Token token, string key) = Take();
        bool not = token == Token.Not;
        if (not)
            (token, key) = Take();
        if (token != Token.Identifier)
            return Fail($"found '{key}', expected: identifier");
        if (LabelRules.OfKey(key) is { Count: > 0 } faults)
            return Fail($"<nil>: Invalid value: {FieldError.Quote(key)}: {string.Join("; ", faults)}");
        if (not)
            return new LabelRequirement(key, LabelOperator.DoesNotExist, []);
        if (Peek().Token is Token.End or Token.Comma)
            return new LabelRequirement(key, LabelOperator.Exists, []);
        if (Operator() is not { } operation)
            return null;
        var values = new SortedSet<string>(StringComparer.Ordinal);
        if (operation is LabelOperator.In or LabelOperator.NotIn)
            Values(values);
        else
            Value(values);
        return wrong is null ? Checked(key, operation, [.. values]) : null;
    }

    private LabelOperator? Operator()
    {
        (Token token, string text) = Take(keywords: true);
        switch (token)
        {
            case Token.In: return LabelOperator.In;
            case Token.NotIn: return LabelOperator.NotIn;
            case Token.Equal or Token.DoubleEqual: return LabelOperator.Equal;
            case Token.NotEqual: return LabelOperator.NotEqual;
            case Token.Greater: return LabelOperator.GreaterThan;
            case Token.Less: return LabelOperator.LessThan;
            default:
                Fail($"found '{text}', expected: in, notin, =, ==, !=, gt, lt");
                return null;
        }
    }

    private void Value(SortedSet<string> values)
    {
        if (Peek().Token is Token.End or Token.Comma)
        {
            values.Add("");
            return;
        }

        (Token token, string text) = Take();
        if (token == Token.Identifier)
            values.Add(text);
        else
            Fail($"found '{text}', expected: identifier");
    }

    private void Values(SortedSet<string> values)
    {
        (Token token, string text) = Take();
        if (token != Token.Open)
        {
            Fail($"found '{text}' expected: '('");
            return;
        }

        (token, text) = Peek();
        if (token is not (Token.Identifier or Token.Comma or Token.Close))
        {
            Fail($"found '{text}', expected: ',', ')' or identifier");
            return;
        }

        // An empty value stands wherever two of ( , ) meet.
        bool valueBefore = false;
        while (wrong is null)
        {
            (token, text) = Take();
            if (token == Token.Identifier)
                values.Add(text);
            else if (token is (Token.Comma or Token.Close) && !valueBefore)
                values.Add("");
            if (token == Token.Close)
                return;
            if (token == Token.Identifier ? Peek().Token is not (Token.Comma or Token.Close) : token != Token.Comma)
                Fail(token == Token.Identifier
                    ? $"found '{Peek().Text}', expected: ',' or ')'"
                    : $"found '{text}', expected: ',', or identifier");
            valueBefore = token == Token.Identifier;
        }
    }

    /// <summary>The rules for values (<c>NewRequirement</c>): every violation is named.</summary>
    private LabelRequirement? Checked(string key, LabelOperator operation, string[] values)
    {
        var faults = new List<string>();
        if (operation is LabelOperator.GreaterThan or LabelOperator.LessThan && GoParsing.Int64(values[0], out _) is not null)
            faults.Add($"values[0]: Invalid value: {FieldError.Quote(values[0])}: for 'Gt', 'Lt' operators, the value must be an integer");
        for (int i = 0; i < values.Length; i++)
        {
            if (LabelRules.OfValue(values[i]) is { Count: > 0 } bad)
                faults.Add($"values[{i}][{key}]: Invalid value: {FieldError.Quote(values[i])}: {string.Join("; ", bad)}");
        }

        if (faults.Count > 0)
            return Fail(faults.Count == 1 ? faults[0] : $"[{string.Join(", ", faults)}]");
        return new LabelRequirement(key, operation, values);
    }

    private LabelRequirement? Fail(string what)
    {
        wrong ??= what;
        return null;
    }

    /// <summary>The next token; <c>in</c> and <c>notin</c> are names like any other except where an operator stands.</summary>
    private readonly (Token Token, string Text) Peek(bool keywords = false)
    {
        (Token token, string text) = tokens[Math.Min(at, tokens.Count - 1)];
        return (!keywords && token is Token.In or Token.NotIn ? Token.Identifier : token, text);
    }

    private (Token Token, string Text) Take(bool keywords = false)
    {
        (Token, string) taken = Peek(keywords);
        at++;
        return taken;
    }

    private static List<(Token, string)> Scan(string text)
    {
        var tokens = new List<(Token, string)>();
        int at = 0;
        while (at < text.Length)
        {
            if (text[at] is ' ' or '\t' or '\r' or '\n')
            {
                at++;
                continue;
            }

            int length = IsSymbol(text[at]) ? SymbolLength(text.AsSpan(at)) : text.AsSpan(at).IndexOfAny(EndOfWord);
            string word = length < 0 ? text[at..] : text.Substring(at, length);
            tokens.Add((TokenOf(word), word));
            at += word.Length;
        }

        tokens.Add((Token.End, ""));
        return tokens;
    }

    private static bool IsSymbol(char c) => "=!(),><".Contains(c, StringComparison.Ordinal);

    private static int SymbolLength(ReadOnlySpan<char> text) => text.StartsWith("==") || text.StartsWith("!=") ? 2 : 1;

    private static Token TokenOf(string word) => word switch
    {
        "in" => Token.In,
        "notin" => Token.NotIn,
        "(" => Token.Open,
        ")" => Token.Close,
        "," => Token.Comma,
        "!" => Token.Not,
        "=" => Token.Equal,
        "==" => Token.DoubleEqual,
        "!=" => Token.NotEqual,
        ">" => Token.Greater,
        "<" => Token.Less,
        _ => Token.Identifier,
    };
}
