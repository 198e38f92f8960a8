using System.Diagnostics.CodeAnalysis;
using System.Text;

namespace EventStore.Server.Kubernetes.Selectors;

/// <summary>One condition on one field: it is this value, or it is not.</summary>
public sealed record FieldRequirement(string Field, bool IsEqual, string Value)
{
    /// <summary>The condition as the selector's grammar writes it, with <c>\ , =</c> of the value escaped.</summary>
    public override string ToString()
    {
        string value = new StringBuilder(Value).Replace("\\", "\\\\").Replace(",", "\\,").Replace("=", "\\=").ToString();
        return $"{Field}{(IsEqual ? "=" : "!=")}{value}";
    }
}

/// <summary>A field selector: every requirement must hold (apimachinery <c>pkg/fields</c>).</summary>
/// <param name="Requirements">In the order of their texts.</param>
public sealed record FieldSelector(IReadOnlyList<FieldRequirement> Requirements)
{
    /// <summary>The selector that every object matches.</summary>
    public static readonly FieldSelector Everything = new([]);

    /// <summary>Whether it selects every object.</summary>
    public bool IsEmpty => Requirements.Count == 0;

    /// <summary>Reads a selector; the refusal is a 400 in upstream's words.</summary>
    /// <param name="text">What the client wrote.</param>
    /// <param name="supported">The fields that can be asked about.</param>
    /// <param name="selector">The selector.</param>
    /// <param name="refusal">What is wrong, or null.</param>
    /// <param name="termsMax">The most terms; equal ones count once.</param>
    public static bool TryParse(
        string text,
        IReadOnlyCollection<string> supported,
        out FieldSelector selector,
        [NotNullWhen(false)] out Status? refusal,
        int termsMax = LabelSelector.TermsMax)
    {
        (selector, string? wrong) = Parse(text);
        if (selector.Requirements.Count > termsMax)
            wrong ??= LabelSelector.TooManyTerms("field", selector.Requirements.Count, termsMax);
        foreach (FieldRequirement requirement in selector.Requirements)
        {
            if (wrong is null && !supported.Contains(requirement.Field))
                wrong = $"field label not supported: {requirement.Field}";
        }

        refusal = wrong is null ? null : Status.BadRequest(wrong);
        return refusal is null;
    }

    /// <summary>Whether an object is selected whose fields have the values that <paramref name="valueOf"/> gives.</summary>
    public bool Matches(Func<string, string> valueOf)
    {
        foreach (FieldRequirement requirement in Requirements)
        {
            if (valueOf(requirement.Field) == requirement.Value != requirement.IsEqual)
                return false;
        }

        return true;
    }

    /// <summary>The one value a field must have, or null when the selector leaves a choice: a lookup by name, for instance.</summary>
    public string? ExactValue(string field)
    {
        foreach (FieldRequirement requirement in Requirements)
        {
            if (requirement.IsEqual && requirement.Field == field)
                return requirement.Value;
        }

        return null;
    }

    /// <summary>The one name a list or a watch is narrowed to by its query, or null; as <c>ListOptions</c> reads it.</summary>
    public static string? SelectedName(HttpRequest request)
    {
        const string name = "metadata.name";
        (FieldSelector selector, string? wrong) = Parse(GoParsing.First(request.Query["fieldSelector"]) ?? "");
        return wrong is null
            && selector.ExactValue(name) is { Length: > 0 } value
            && value is not ("." or "..")
            && value.AsSpan().IndexOfAny('/', '%') < 0
            ? value
            : null;
    }

    /// <inheritdoc/>
    public bool Equals(FieldSelector? other) => other is not null && other.Requirements.SequenceEqual(Requirements);

    /// <inheritdoc/>
    public override int GetHashCode() => Requirements.Count;

    /// <summary>The selector as its grammar writes it.</summary>
    public override string ToString() => string.Join(',', Requirements);

    private static (FieldSelector Selector, string? Wrong) Parse(string text)
    {
        var requirements = new List<FieldRequirement>();
        List<string> terms = SplitTerms(text);
        terms.Sort(StringComparer.Ordinal);
        foreach (string term in terms)
        {
            if (term.Length == 0)
                continue;
            (int at, int length) = FindOperator(term);
            if (at < 0)
                return (Everything, $"invalid selector: '{text}'; can't understand '{term}'");
            (string value, string? wrong) = Unescape(term.AsSpan(at + length));
            if (wrong is not null)
                return (Everything, $"invalid field selector: {wrong}");
            requirements.Add(new FieldRequirement(term[..at], term[at] != '!', value));
        }

        return (new FieldSelector([.. requirements.Distinct()]), null);
    }

    /// <summary>The parts between commas; a comma behind a backslash does not part.</summary>
    private static List<string> SplitTerms(string text)
    {
        var terms = new List<string>();
        int start = 0;
        for (int i = 0; i < text.Length; i++)
        {
            if (text[i] == '\\')
            {
                i++;
            }
            else if (text[i] == ',')
            {
                terms.Add(text[start..i]);
                start = i + 1;
            }
        }

        terms.Add(text[start..]);
        return terms;
    }

    /// <summary>The first <c>!=</c>, <c>==</c> or <c>=</c>; names of fields have no escapes.</summary>
    private static (int At, int Length) FindOperator(string term)
    {
        for (int i = 0; i < term.Length; i++)
        {
            bool equalsNext = i + 1 < term.Length && term[i + 1] == '=';
            if (term[i] == '=' || (term[i] == '!' && equalsNext))
                return (i, equalsNext ? 2 : 1);
        }

        return (-1, 0);
    }

    private static (string Value, string? Wrong) Unescape(ReadOnlySpan<char> text)
    {
        var value = new StringBuilder(text.Length);
        for (int i = 0; i < text.Length; i++)
        {
            if (text[i] is ',' or '=')
                return ("", $"unescaped character in value: {(int)text[i]}"); // upstream prints the rune as a number
            if (text[i] == '\\' && (++i == text.Length || text[i] is not ('\\' or ',' or '=')))
                return ("", $"invalid escape sequence: \\{(i < text.Length ? text[i] : "")}");
            value.Append(text[i]);
        }

        return (value.ToString(), null);
    }
}
