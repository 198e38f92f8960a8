using System.Text;
using System.Text.RegularExpressions;
using EventStore.Domain.History;
using EventStore.Domain.Jobs;

namespace EventStore.Server.Store.Activities;

/// <summary>
/// The fields activity is counted by: the first two names of a changed path, such as <c>spec.cleanPodPolicy</c>, <c>metadata.labels</c>
/// (for each label) or <c>status.conditions</c>. Single labels and list items would be too many to count by.
/// </summary>
internal static partial class ActivityField
{
    /// <summary>The same in SQL, of an expression that is a path as text.</summary>
    public static string Sql(string path)
    {
        string two = $"coalesce(substring({path} FROM '^[A-Za-z_][A-Za-z0-9_]*(?:[.][A-Za-z_][A-Za-z0-9_]*)?'), '')";
        return $"CASE WHEN {two} = '' OR octet_length({two}) > {BytesMax} THEN 'other' ELSE {two} END";
    }

    /// <summary>The longest name that is counted by, in bytes. Longer ones are counted together, as <c>other</c>.</summary>
    private const int BytesMax = 100;

    /// <summary>The fields an event changed, each once.</summary>
    public static IEnumerable<string> Of(JobEvent happened) => ChangedPaths.Of(happened).Select(Of).Distinct();

    /// <summary>Whether a path is counted by itself, and not together with others.</summary>
    public static bool IsCounted(string path) => Of(path) == path;

    private static string Of(string path)
    {
        ReadOnlySpan<char> two = FirstTwo().Match(path).ValueSpan;
        return two.IsEmpty || Encoding.UTF8.GetByteCount(two) > BytesMax ? "other" : two.ToString();
    }

    [GeneratedRegex(@"\A[A-Za-z_][A-Za-z0-9_]*(?:[.][A-Za-z_][A-Za-z0-9_]*)?")]
    private static partial Regex FirstTwo();
}
