using System.Text;
using EventStore.Domain.Jobs;

namespace EventStore.Domain.History;

/// <summary>
/// The paths an event is indexed by. <c>ChainRows</c> derives them a second time, to verify them. The index holds them for all
/// events ever written, so a change here needs a migration.
/// </summary>
public static class ChangedPaths
{
    /// <summary>The most bytes of a path in the index, in UTF-8. A row of a PostgreSQL index holds 2,704 bytes at most.</summary>
    public const int BytesMax = 2048;

    private static readonly string[] Groups = ["metadata.labels", "metadata.annotations"];

    /// <summary>
    /// The paths an event recorded. One label or annotation counts as <c>metadata.labels</c> or <c>metadata.annotations</c> too, so that
    /// all changes to any of them are found. A creation and a plain deletion change no single field.
    /// </summary>
    public static IReadOnlyCollection<string> Of(JobEvent happened)
    {
        IReadOnlyList<string> paths = Recorded(happened);
        return [.. paths.Select(Indexed).Concat(Groups.Where(group => paths.Any(path => IsBelow(path, group)))).Distinct()];
    }

    /// <summary>The path as the index has it: its first <see cref="BytesMax"/> bytes, less an unfinished character.</summary>
    public static string Indexed(string path)
    {
        if (path.Length <= BytesMax / 3 || Encoding.UTF8.GetByteCount(path) <= BytesMax)
            return path;
        (int length, int bytes) = (0, 0);
        foreach (Rune rune in path.EnumerateRunes())
        {
            bytes += rune.Utf8SequenceLength;
            if (bytes > BytesMax)
                break;
            length += rune.Utf16SequenceLength;
        }

        return path[..length];
    }

    private static IReadOnlyList<string> Recorded(JobEvent happened) => happened switch
    {
        JobEdit edit => edit.Paths,
        JobStatusUpdated updated => updated.Paths,
        JobDeletionRequested => ["metadata.deletionTimestamp"],
        JobDeleted deleted => deleted.Paths,
        _ => [],
    };

    private static bool IsBelow(string path, string group) =>
        path.Length > group.Length && path.StartsWith(group, StringComparison.Ordinal) && path[group.Length] is '.' or '[';
}
