using System.Text;
using EventStore.Domain.Json;

namespace EventStore.Server.Kubernetes.Requests;

/// <summary>
/// Reports unknown fields and duplicate members, which decoding ignores: as warnings or as a refusal (apimachinery
/// <c>strictDecodingError</c>, apiserver <c>filters/warning.go</c>).
/// </summary>
public static class StrictDecoding
{
    private const int RunesMax = 4096;
    private const int RunesOfOneWhenTruncatingMax = 256;

    // Python's http.client, and every client built on it, gives up on a reply of more than 100 header lines.
    private const int WarningsMax = 64;

    /// <summary>The texts in the order they are reported: duplicates first, as the decoder meets them first.</summary>
    public static IReadOnlyList<string> Texts(IReadOnlyList<FieldPath> unknown, IReadOnlyList<FieldPath> duplicates)
    {
        if (unknown.Count + duplicates.Count == 0)
            return [];
        var texts = new List<string>(unknown.Count + duplicates.Count);
        foreach (FieldPath path in duplicates)
            texts.Add($"duplicate field \"{path}\"");
        foreach (FieldPath path in unknown)
            texts.Add($"unknown field \"{path}\"");
        return texts;
    }

    /// <summary>The refusal of a POST or PUT, when there is something to refuse.</summary>
    public static Status RefuseObject(ApiResource resource, IReadOnlyList<string> texts) => Status.BadRequest(
        $"{resource.Kind} in version \"{resource.Version}\" cannot be handled as a {resource.Kind}: {Join(texts)}");

    /// <summary>The refusal of a PATCH, which upstream words as an invalid patch and shows the whole result of.</summary>
    public static Status RefusePatch(JsonValue patched, IReadOnlyList<string> texts) => Status.InvalidPatch(patched, Join(texts));

    /// <summary>The refusal of an applied configuration.</summary>
    public static Status RefuseConfiguration(IReadOnlyList<string> texts) => Status.BadRequest($"error {Join(texts)}");

    /// <summary>
    /// Adds a <c>Warning</c> header for each of the first 64 distinct texts. If these have more than 4096 characters together, each is cut
    /// to 256, and the rest are dropped once 4096 are written. A text with control characters is dropped too.
    /// </summary>
    public static void Warn(IHeaderDictionary headers, IReadOnlyList<string> texts)
    {
        if (texts.Count == 0)
            return;
        string[] once = [.. texts.Distinct().Take(WarningsMax)];
        bool truncating = once.Sum(RuneCount) > RunesMax;
        int written = 0;
        foreach (string text in once)
        {
            string shown = truncating ? Truncate(text, RunesOfOneWhenTruncatingMax) : text;
            if (truncating && written >= RunesMax)
                return;
            written += RuneCount(shown);
            if (Header(shown) is { } header)
                headers.Append("Warning", header);
        }
    }

    private static string Join(IReadOnlyList<string> texts)
    {
        string more = texts.Count > Status.ListedMax ? $", and {texts.Count - Status.ListedMax} more" : "";
        return "strict decoding error: " + string.Join(", ", texts.Take(Status.ListedMax)) + more;
    }

    /// <summary>
    /// Null for a text a header cannot carry: one with control characters. Others than ASCII, which upstream sends as
    /// UTF-8, become <c>?</c>.
    /// </summary>
    private static string? Header(string text)
    {
        var header = new StringBuilder("299 - \"", text.Length + 10);
        foreach (char c in text)
        {
            if (char.IsControl(c))
                return null;
            if (c is '"' or '\\')
                header.Append('\\');
            header.Append(char.IsAscii(c) ? c : '?');
        }

        return header.Append('"').ToString();
    }

    private static int RuneCount(string text) => text.EnumerateRunes().Count();

    private static string Truncate(string text, int runesMax) =>
        text.Length <= runesMax ? text : string.Concat(text.EnumerateRunes().Take(runesMax));
}
