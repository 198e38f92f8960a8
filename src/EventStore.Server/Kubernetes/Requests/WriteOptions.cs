using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text;
using EventStore.Domain.Json;
using EventStore.Domain.Manifests;
using Microsoft.Extensions.Primitives;

namespace EventStore.Server.Kubernetes.Requests;

/// <summary>How to treat unknown fields and duplicate members.</summary>
public enum FieldValidation
{
    /// <summary>Say so in <c>Warning</c> headers; what upstream does when it is not told.</summary>
    Warn,

    /// <summary>Refuse the request.</summary>
    Strict,

    /// <summary>Nothing.</summary>
    Ignore,
}

/// <summary>
/// Which of upstream's option kinds a query is read as; they differ in name, and <c>force</c> means something to a patch.
/// </summary>
public enum WriteKind
{
    /// <summary><c>CreateOptions</c></summary>
    Create,

    /// <summary><c>UpdateOptions</c></summary>
    Update,

    /// <summary><c>PatchOptions</c></summary>
    Patch,

    /// <summary><c>PatchOptions</c> of an applied configuration: a field manager is required, and <c>force</c> may be given.</summary>
    Apply,
}

/// <summary>The query options of POST, PUT and PATCH (apimachinery <c>ValidatePatchOptions</c> and its siblings).</summary>
/// <param name="DryRun">Do everything but store.</param>
/// <param name="FieldManager">Who the client says it is; empty when it does not.</param>
/// <param name="FieldValidation">What to do about unknown and duplicate fields.</param>
public sealed record WriteOptions(bool DryRun, string FieldManager, FieldValidation FieldValidation)
{
    /// <summary>Whether an apply is to take over what other managers own.</summary>
    public bool Force { get; init; }

    /// <summary>The longest name of a field manager, in bytes of UTF-8.</summary>
    public const int FieldManagerBytesMax = 128;

    private static readonly WriteOptions Default = new(false, "", FieldValidation.Warn);

    /// <summary>Reads the options; every violation is in the one refusal.</summary>
    public static bool TryRead(
        HttpRequest request,
        WriteKind kind,
        [NotNullWhen(true)] out WriteOptions? options,
        [NotNullWhen(false)] out Status? refusal)
    {
        (options, refusal) = (Default, null);
        if (!request.QueryString.HasValue && kind != WriteKind.Apply)
            return true;
        IQueryCollection query = request.Query;
        var errors = new List<FieldError>();
        if (kind == WriteKind.Patch && query.ContainsKey("force"))
            errors.Add(FieldError.Forbidden(FieldPath.Of("force"), "may not be specified for non-apply patch"));
        string manager = query["fieldManager"] is [{ } first, ..] ? first : "";
        if (kind == WriteKind.Apply && manager.Length == 0)
            errors.Add(FieldError.Required(FieldPath.Of("fieldManager"), "is required for apply patch"));
        CheckFieldManager(manager, errors);
        bool dryRun = ReadDryRun(query["dryRun"], errors);
        FieldValidation validation = ReadFieldValidation(query["fieldValidation"], errors);
        if (errors.Count == 0)
            options = new WriteOptions(dryRun, manager, validation) { Force = GoParsing.Flag(query["force"]) ?? false };
        else
            (options, refusal) = (null, Status.InvalidOptions((kind == WriteKind.Apply ? WriteKind.Patch : kind) + "Options", errors));
        return refusal is null;
    }

    /// <summary>
    /// The program a user agent names, by which upstream calls a field manager that does not say its name: everything before the first
    /// slash, as long as a manager's name may be. Empty when there is nothing of it.
    /// </summary>
    public static string Program(string userAgent)
    {
        int end = userAgent.IndexOf('/', StringComparison.Ordinal);
        var name = new StringBuilder();
        int bytes = 0;
        foreach (Rune rune in (end < 0 ? userAgent : userAgent[..end]).EnumerateRunes().Where(IsPrintable))
        {
            if ((bytes += rune.Utf8SequenceLength) > FieldManagerBytesMax)
                break;
            name.Append(rune);
        }

        return name.ToString();
    }

    /// <summary>True when it is given and <c>All</c> each time; anything else it says, nothing included, is an error.</summary>
    internal static bool ReadDryRun(StringValues values, List<FieldError> errors)
    {
        foreach (string? value in values)
        {
            if (value != "All")
            {
                errors.Add(FieldError.NotSupported(FieldPath.Of("dryRun"),
                    new JsonArray([.. values.Select(each => (JsonValue)(each ?? ""))]), "All"));
                return false;
            }
        }

        return values.Count > 0;
    }

    private static FieldValidation ReadFieldValidation(StringValues values, List<FieldError> errors)
    {
        string value = values is [{ } first, ..] ? first : "";
        switch (value)
        {
            case "" or "Warn":
                return FieldValidation.Warn;
            case "Strict":
                return FieldValidation.Strict;
            case "Ignore":
                return FieldValidation.Ignore;
            default:
                errors.Add(FieldError.NotSupported(FieldPath.Of("fieldValidation"), value, "", "Ignore", "Strict", "Warn"));
                return FieldValidation.Warn;
        }
    }

    private static void CheckFieldManager(string manager, List<FieldError> errors)
    {
        FieldPath field = FieldPath.Of("fieldManager");
        if (Encoding.UTF8.GetByteCount(manager) > FieldManagerBytesMax)
            errors.Add(FieldError.TooLong(field, FieldManagerBytesMax));
        CultureInfo culture = CultureInfo.InvariantCulture;
        int position = 0;
        foreach (Rune rune in manager.EnumerateRunes())
        {
            if (!IsPrintable(rune))
                errors.Add(FieldError.Invalid(field, manager,
                    string.Create(culture, $"invalid character U+{rune.Value:X4} (at position {position})")));
            position += rune.Utf8SequenceLength;
        }
    }

    /// <summary>Go's <c>unicode.IsPrint</c>: letters, marks, numbers, punctuation, symbols and the ASCII space.</summary>
    private static bool IsPrintable(Rune rune) => rune.Value == ' ' || Rune.GetUnicodeCategory(rune) is not (
        UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator or
        UnicodeCategory.SpaceSeparator or UnicodeCategory.Surrogate or UnicodeCategory.PrivateUse or UnicodeCategory.OtherNotAssigned);
}
