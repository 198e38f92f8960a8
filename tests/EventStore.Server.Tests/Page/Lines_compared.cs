using EventStore.Server.Page.OneJob;
using FsCheck.Xunit;

namespace EventStore.Server.Tests.Page;

/// <summary>Two texts compared line by line.</summary>
public sealed class Lines_compared
{
    [Property(MaxTest = 500)]
    public void Hold_both_texts_whole_and_in_order(byte[] before, byte[] after)
    {
        string[] left = [.. (before ?? []).Select(line => $"line {line % 4}")],
            right = [.. (after ?? []).Select(line => $"line {line % 4}")];

        DiffRow[] rows = [.. LineDiff.Of(left, right).SelectMany(stretch => stretch.Rows)];

        Assert.Equal(left, rows.Select(row => Text(row.Before)).OfType<string>());
        Assert.Equal(right, rows.Select(row => Text(row.After)).OfType<string>());
        Assert.Equal(Enumerable.Range(1, left.Length), rows.Select(row => row.Before?.Number).OfType<int>());
        Assert.Equal(Enumerable.Range(1, right.Length), rows.Select(row => row.After?.Number).OfType<int>());
        Assert.All(
            rows, row => Assert.Equal(row.IsSame, row is { Before: not null, After: not null } && Text(row.Before) == Text(row.After)));
        // Unified, the same lines in the same order on each side, and none twice.
        DiffRow[] unified = [.. LineDiff.Unified(rows)];
        Assert.Equal(left, unified.Select(row => Text(row.Before)).OfType<string>());
        Assert.Equal(right, unified.Select(row => Text(row.After)).OfType<string>());
        Assert.All(unified, row => Assert.True(row.IsSame || row.Before is null || row.After is null));
    }

    [Fact]
    public void Are_folded_where_nothing_changed_but_for_three_lines_around_a_change()
    {
        string[] before = [.. Enumerable.Range(1, 40).Select(i => $"a: {i}")];
        string[] after = [.. before.Select(line => line is "a: 12" or "a: 16" or "a: 39" ? line + "0" : line)];

        IReadOnlyList<DiffStretch> stretches = LineDiff.Of(before, after);

        Assert.Equal(
            ["1-8 folded", "9-19 shown", "20-35 folded", "36-40 shown"],
            stretches.Select(stretch =>
                $"{stretch.Rows[0].Before!.Number}-{stretch.Rows[^1].Before!.Number} {(stretch.IsCollapsed ? "folded" : "shown")}"));
    }

    [Fact]
    public void That_are_the_same_are_one_fold() =>
        Assert.True(Assert.Single(LineDiff.Of(["a", "b", "c", "d", "e"], ["a", "b", "c", "d", "e"])).IsCollapsed);

    [Fact]
    public void Mark_the_words_that_changed()
    {
        DiffRow row = Assert.Single(Assert.Single(LineDiff.Of(["image: pytorch:v1 # old"], ["image: pytorch:v2 # old"])).Rows);

        Assert.Equal("image: pytorch:v1 # old", Text(row.Before));
        Assert.Contains(
            "v1", string.Concat(row.Before!.Pieces.Where(piece => piece.IsChanged).Select(piece => piece.Text)), StringComparison.Ordinal);
        Assert.Contains(
            row.After!.Pieces, piece => piece is { IsChanged: false } && piece.Text.StartsWith("image: ", StringComparison.Ordinal));
    }

    [Fact]
    public void Are_not_compared_where_that_would_take_long()
    {
        Assert.False(LineDiff.Fits([.. Enumerable.Repeat("x", LineDiff.LinesMax)], ["x"]));
        Assert.False(LineDiff.Fits([new string('x', LineDiff.CharactersMax)], ["x"]));
        Assert.True(LineDiff.Fits([.. Enumerable.Repeat("x", LineDiff.LinesMax - 1)], ["x"]));
    }

    private static string? Text(DiffLine? line) => line is null ? null : string.Concat(line.Pieces.Select(piece => piece.Text));
}
