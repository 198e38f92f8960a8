using System.Text;

namespace EventStore.Domain.Manifests;

/// <summary>
/// The syntax of names, and of the keys of labels and annotations, with the texts of apimachinery's util/validation word for word (the
/// two spaces in the lists of examples are upstream's). Each rule returns what is wrong with a text; nothing if it is valid. Lengths are
/// bytes, as Go counts them.
/// </summary>
public static class NameRules
{
    private const string LabelFormat = "[a-z0-9]([-a-z0-9]*[a-z0-9])?";
    private const string SubdomainFormat = LabelFormat + @"(\." + LabelFormat + ")*";
    internal const string NameFormat = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]";

    private const string LabelText =
        "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an " +
        $"alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '{LabelFormat}')";

    private const string SubdomainText =
        "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an " +
        $"alphanumeric character (e.g. 'example.com', regex used for validation is '{SubdomainFormat}')";

    private const string NameText =
        "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character " +
        $"(e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '{NameFormat}')";

    /// <summary>
    /// The document's own rule for a name, narrower than upstream's: a DNS label of at most 63. What upstream refuses too is refused in
    /// upstream's words for a subdomain; the words for a label are left for what only the document refuses, dots and 64 to 253 bytes.
    /// </summary>
    public static IReadOnlyList<string> OfJobName(string text) => OfSubdomain(text) is { Length: > 0 } errors ? errors : OfLabel(text);

    /// <summary>A prefix of a generated name: it may end in a dash (upstream's maskTrailingDash).</summary>
    public static IReadOnlyList<string> OfJobNamePrefix(string text) => OfSubdomain(MaskTrailingDash(text)) is { Length: > 0 } errors
        ? errors
        : IsLabel(MaskTrailingDash(text)) ? [] : [LabelText];

    /// <summary>A DNS label (RFC 1123) of at most 63 bytes.</summary>
    public static IReadOnlyList<string> OfLabel(string text) => Both(TooLong(text, 63), IsLabel(text) ? null : LabelText);

    /// <summary>A key of a label or an annotation, or a finalizer: a name, with or without a DNS subdomain and a slash before it.</summary>
    public static IReadOnlyList<string> OfQualifiedName(string text)
    {
        string[] parts = text.Split('/');
        if (parts.Length > 2)
            return [$"a qualified name {NameText} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')"];
        var errors = new List<string>();
        if (parts.Length == 2)
            errors.AddRange((parts[0].Length == 0 ? ["must be non-empty"] : OfSubdomain(parts[0])).Select(error => "prefix part " + error));
        string name = parts[^1];
        if ((name.Length == 0 ? "must be non-empty" : TooLong(name, 63)) is { } length)
            errors.Add("name part " + length);
        if (!IsName(name))
            errors.Add("name part " + NameText);
        return errors;
    }

    /// <summary>A DNS subdomain (RFC 1123) of at most 253 bytes.</summary>
    public static string[] OfSubdomain(string text) =>
        Both(TooLong(text, 253), text.Split('.').All(IsLabel) ? null : SubdomainText);

    internal static string? TooLong(string text, int bytesMax) =>
        Encoding.UTF8.GetByteCount(text) > bytesMax ? $"must be no more than {bytesMax} characters" : null;

    internal static string[] Both(string? length, string? spelling) => [.. new[] { length, spelling }.OfType<string>()];

    private static string MaskTrailingDash(string text) => text.Length > 1 && text[^1] == '-' ? text[..^2] + "a" : text;

    private static bool IsLabel(string text) => text.Length > 0 && IsLowerOrDigit(text[0]) && IsLowerOrDigit(text[^1]) &&
        text.All(c => IsLowerOrDigit(c) || c == '-');

    internal static bool IsName(string text) =>
        text.Length > 0 && char.IsAsciiLetterOrDigit(text[0]) && char.IsAsciiLetterOrDigit(text[^1]) &&
        text.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.');

    private static bool IsLowerOrDigit(char c) => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c);
}
