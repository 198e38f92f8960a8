using System.Globalization;
using System.Text;
using EventStore.Domain.History;
using EventStore.Domain.Jobs;
using EventStore.Domain.Manifests;

namespace EventStore.Server.Audit;

/// <summary>
/// What changed, in one cell of a table: the paths without <c>metadata.</c> and <c>spec.</c>, as many as fit, and how many more there are.
/// </summary>
internal static class ChangedColumn
{
    private const int LengthMax = 60;

    private static readonly string[] Understood = ["metadata.", "spec."];

    /// <summary>The cell of an event; empty for one that changed no single field.</summary>
    public static string Of(JobEvent happened)
    {
        IReadOnlyList<Change> changes = Changes.Of(happened);
        var cell = new StringBuilder();
        for (int i = 0; i < changes.Count; i++)
        {
            string path = Short(changes[i].Path.ToString());
            if (i > 0 && cell.Length + path.Length + 1 > LengthMax)
                return cell.Append(CultureInfo.InvariantCulture, $" +{changes.Count - i}").ToString();
            cell.Append(i > 0 ? "," : "").Append(path);
        }

        return cell.ToString();
    }

    private static string Short(string path)
    {
        string prefix = Understood.FirstOrDefault(each => path.StartsWith(each, StringComparison.Ordinal)) ?? "";
        path = path[prefix.Length..];
        return path.Length <= LengthMax ? path : path[..(LengthMax - 3)] + "...";
    }
}
