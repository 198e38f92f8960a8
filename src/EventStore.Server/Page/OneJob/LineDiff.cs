using DiffPlex;
using DiffPlex.Chunkers;
using DiffPlex.Model;

namespace EventStore.Server.Page.OneJob;

/// <summary>A piece of a line.</summary>
/// <param name="Text">The text.</param>
/// <param name="IsChanged">Whether this is what differs from the line beside it.</param>
public readonly record struct DiffPiece(string Text, bool IsChanged);

/// <summary>A line of one side.</summary>
/// <param name="Number">Its number, from 1.</param>
/// <param name="Pieces">Its text in pieces.</param>
public sealed record DiffLine(int Number, IReadOnlyList<DiffPiece> Pieces);

/// <summary>What stands side by side: the same line twice, a line and what became of it, or a line that only one side has.</summary>
/// <param name="Before">The line on the left.</param>
/// <param name="After">The line on the right.</param>
/// <param name="IsSame">Whether both are the same.</param>
public sealed record DiffRow(DiffLine? Before, DiffLine? After, bool IsSame);

/// <summary>Rows that are shown or collapsed together.</summary>
/// <param name="IsCollapsed">Whether they are unchanged and far from any change.</param>
/// <param name="Rows">The rows.</param>
public sealed record DiffStretch(bool IsCollapsed, IReadOnlyList<DiffRow> Rows);

/// <summary>Two texts compared line by line, and changed lines word by word (Myers' algorithm, by DiffPlex).</summary>
internal static class LineDiff
{
    /// <summary>
    /// How many lines both texts may have together, and how many characters. The algorithm takes time that grows with the product of length
    /// and difference.
    /// </summary>
    public const int LinesMax = 8_000;

    /// <summary>How many characters both texts may have together.</summary>
    public const int CharactersMax = 2 << 20;

    private const int Context = 3;
    private const int CollapsedMin = 4;
    private const int WordsLengthMax = 400;

    /// <summary>Whether the texts are small enough to be compared within a request.</summary>
    public static bool Fits(IReadOnlyList<string> before, IReadOnlyList<string> after) =>
        before.Count + after.Count <= LinesMax && before.Concat(after).Sum(line => (long)line.Length) <= CharactersMax;

    /// <summary>Compares two texts and collapses what is unchanged.</summary>
    public static IReadOnlyList<DiffStretch> Of(IReadOnlyList<string> before, IReadOnlyList<string> after) => Collapse(Rows(before, after));

    /// <summary>The rows of a unified view: within each change first all lines that went, then all that came.</summary>
    public static IEnumerable<DiffRow> Unified(IEnumerable<DiffRow> rows)
    {
        var came = new List<DiffRow>();
        foreach (DiffRow row in rows)
        {
            if (row.IsSame)
            {
                foreach (DiffRow each in came)
                    yield return each;
                came.Clear();
                yield return row;
                continue;
            }

            if (row.After is not null)
                came.Add(row with { Before = null });
            if (row.Before is not null)
                yield return row with { After = null };
        }

        foreach (DiffRow each in came)
            yield return each;
    }

    private static List<DiffRow> Rows(IReadOnlyList<string> before, IReadOnlyList<string> after)
    {
        var rows = new List<DiffRow>();
        (int left, int right) = (0, 0);
        foreach (DiffBlock block in Blocks(string.Join('\n', before), string.Join('\n', after), LineChunker.Instance).DiffBlocks)
        {
            AddSame(block.DeleteStartA);
            int paired = Math.Min(block.DeleteCountA, block.InsertCountB);
            for (int i = 0; i < paired; i++)
                rows.Add(Changed(left + i + 1, before[left + i], right + i + 1, after[right + i]));
            for (int i = paired; i < block.DeleteCountA; i++)
                rows.Add(new DiffRow(Whole(left + i + 1, before[left + i]), null, false));
            for (int i = paired; i < block.InsertCountB; i++)
                rows.Add(new DiffRow(null, Whole(right + i + 1, after[right + i]), false));
            (left, right) = (left + block.DeleteCountA, right + block.InsertCountB);
        }

        AddSame(before.Count);
        return rows;

        void AddSame(int end)
        {
            for (; left < end; left++, right++)
                rows.Add(new DiffRow(Whole(left + 1, before[left]), Whole(right + 1, after[right]), true));
        }
    }

    private static DiffRow Changed(int leftNumber, string before, int rightNumber, string after)
    {
        if (before.Length > WordsLengthMax || after.Length > WordsLengthMax)
            return new DiffRow(Whole(leftNumber, before), Whole(rightNumber, after), false);
        DiffResult words = Blocks(before, after, WordChunker.Instance);
        return new DiffRow(
            new DiffLine(leftNumber, Pieces(words.PiecesOld, words.DiffBlocks.Select(block => (block.DeleteStartA, block.DeleteCountA)))),
            new DiffLine(rightNumber, Pieces(words.PiecesNew, words.DiffBlocks.Select(block => (block.InsertStartB, block.InsertCountB)))),
            false);
    }

    private static DiffResult Blocks(string before, string after, IChunker chunker) =>
        Differ.Instance.CreateDiffs(before, after, ignoreWhiteSpace: false, ignoreCase: false, chunker);

    private static List<DiffPiece> Pieces(IReadOnlyList<string> words, IEnumerable<(int Start, int Count)> changed)
    {
        var pieces = new List<DiffPiece>();
        int at = 0;
        foreach ((int start, int count) in changed)
        {
            Add(start, false);
            Add(start + count, true);
        }

        Add(words.Count, false);
        return pieces;

        void Add(int end, bool isChanged)
        {
            if (end > at)
                pieces.Add(new DiffPiece(string.Concat(words.Skip(at).Take(end - at)), isChanged));
            at = end;
        }
    }

    private static DiffLine Whole(int number, string text) => new(number, [new DiffPiece(text, false)]);

    private static List<DiffStretch> Collapse(List<DiffRow> rows)
    {
        var stretches = new List<DiffStretch>();
        int shown = 0; // from here on nothing is in a stretch yet
        for (int at = 0; at < rows.Count;)
        {
            int end = at;
            while (end < rows.Count && rows[end].IsSame)
                end++;
            (int from, int to) = (at == 0 ? 0 : at + Context, end == rows.Count ? end : end - Context);
            if (to - from >= CollapsedMin)
            {
                Add(shown, from, false);
                Add(from, to, true);
                shown = to;
            }

            at = end == at ? at + 1 : end;
        }

        Add(shown, rows.Count, false);
        return stretches;

        void Add(int from, int to, bool isCollapsed)
        {
            if (to > from)
                stretches.Add(new DiffStretch(isCollapsed, rows.GetRange(from, to - from)));
        }
    }
}
