using System.Collections.Frozen;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using EventStore.Domain.Json;

namespace EventStore.Server.Kubernetes.Selectors;

/// <summary>How a label is asked about.</summary>
public enum LabelOperator
{
    /// <summary><c>k=v</c>; <c>==</c> means the same.</summary>
    Equal,

    /// <summary><c>k!=v</c>; holds for objects without the label too.</summary>
    NotEqual,

    /// <summary><c>k in (a,b)</c></summary>
    In,

    /// <summary><c>k notin (a,b)</c>; holds for objects without the label too.</summary>
    NotIn,

    /// <summary><c>k</c></summary>
    Exists,

    /// <summary><c>!k</c></summary>
    DoesNotExist,

    /// <summary><c>k&gt;1</c>: the label's value is an int64 and larger.</summary>
    GreaterThan,

    /// <summary><c>k&lt;1</c>: the label's value is an int64 and smaller.</summary>
    LessThan,
}

/// <summary>One condition on one label.</summary>
/// <param name="Key">The label's name, valid.</param>
/// <param name="Operator">How it is asked about.</param>
/// <param name="Values">
/// Valid label values in ordinal order, each once: one for the comparisons, one or more for the sets, none for existence.
/// </param>
public sealed record LabelRequirement(string Key, LabelOperator Operator, IReadOnlyList<string> Values)
{
    private readonly FrozenSet<string>? set = Values.Count > 8 ? Values.ToFrozenSet(StringComparer.Ordinal) : null;

    /// <summary>Whether an object with these labels fulfils the condition.</summary>
    public bool Matches(JsonObject? labels)
    {
        string? value = labels?[Key] is JsonText text ? text.Value : null;
        return Operator switch
        {
            LabelOperator.Equal or LabelOperator.In => value is not null && Has(value),
            LabelOperator.NotEqual or LabelOperator.NotIn => value is null || !Has(value),
            LabelOperator.Exists => value is not null,
            LabelOperator.DoesNotExist => value is null,
            LabelOperator.GreaterThan => Compare(value) > 0,
            _ => Compare(value) < 0,
        };
    }

    /// <inheritdoc/>
    public bool Equals(LabelRequirement? other) =>
        other is not null && other.Key == Key && other.Operator == Operator && other.Values.SequenceEqual(Values);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Key, Operator, Values.Count, Values.Count == 0 ? "" : Values[0]);

    /// <summary>The condition as the selector's grammar writes it.</summary>
    public override string ToString() => Operator switch
    {
        LabelOperator.Equal => $"{Key}={Values[0]}",
        LabelOperator.NotEqual => $"{Key}!={Values[0]}",
        LabelOperator.In => $"{Key} in ({string.Join(',', Values)})",
        LabelOperator.NotIn => $"{Key} notin ({string.Join(',', Values)})",
        LabelOperator.Exists => Key,
        LabelOperator.DoesNotExist => "!" + Key,
        LabelOperator.GreaterThan => $"{Key}>{Values[0]}",
        _ => $"{Key}<{Values[0]}",
    };

    /// <summary>Looked up, not searched for: it is asked for every object of a list.</summary>
    private bool Has(string value) => set?.Contains(value) ?? Values.Contains(value);

    /// <summary>The sign of value minus bound; null, which is neither above nor below 0, when the value is no number.</summary>
    private int? Compare(string? value) =>
        long.TryParse(value, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long number)
            ? number.CompareTo(long.Parse(Values[0], NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture))
            : null;
}

/// <summary>A label selector: every requirement must hold (apimachinery <c>pkg/labels</c>).</summary>
/// <param name="Requirements">By key in ordinal order.</param>
public sealed record LabelSelector(IReadOnlyList<LabelRequirement> Requirements)
{
    /// <summary>The most terms of a selector, unless a setting says otherwise.</summary>
    public const int TermsMax = 256;

    /// <summary>The selector that every object matches.</summary>
    public static readonly LabelSelector Everything = new([]);

    /// <summary>Whether it selects every object.</summary>
    public bool IsEmpty => Requirements.Count == 0;

    /// <summary>How many terms it has; each value of a set is one.</summary>
    public int Terms => Requirements.Sum(requirement => Math.Max(1, requirement.Values.Count));

    /// <summary>Reads a selector; the refusal is a 400 in upstream's words. Equal requirements are one.</summary>
    /// <param name="text">What the client wrote.</param>
    /// <param name="selector">The selector.</param>
    /// <param name="refusal">What is wrong, or null.</param>
    /// <param name="termsMax">The most <see cref="Terms"/>: every object of a list is held against each.</param>
    public static bool TryParse(string text, out LabelSelector selector, [NotNullWhen(false)] out Status? refusal, int termsMax = TermsMax)
    {
        (selector, string? wrong) = text.Length == 0 ? (Everything, null) : LabelSelectorParser.Parse(text);
        if (wrong is null && selector.Terms is var terms && terms > termsMax)
            wrong = TooManyTerms("label", terms, termsMax);
        refusal = wrong is null ? null : Status.BadRequest(wrong);
        return refusal is null;
    }

    /// <summary>Whether an object with these labels is selected.</summary>
    public bool Matches(JsonObject? labels)
    {
        foreach (LabelRequirement requirement in Requirements)
        {
            if (!requirement.Matches(labels))
                return false;
        }

        return true;
    }

    /// <summary>The refusal of a selector that is too long.</summary>
    internal static string TooManyTerms(string of, int terms, int most) =>
        string.Create(
            CultureInfo.InvariantCulture, $"the {of} selector has {terms} different terms and values; at most {most} are allowed");

    /// <inheritdoc/>
    public bool Equals(LabelSelector? other) => other is not null && other.Requirements.SequenceEqual(Requirements);

    /// <inheritdoc/>
    public override int GetHashCode() => Requirements.Count;

    /// <summary>The selector as its grammar writes it.</summary>
    public override string ToString() => string.Join(',', Requirements);
}
