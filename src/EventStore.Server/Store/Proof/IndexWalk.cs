using System.Runtime.CompilerServices;
using EventStore.Domain.Jobs;
using EventStore.Server.Store.Format;
using Npgsql;

namespace EventStore.Server.Store.Proof;

/// <summary>A correction of the index entries of one revision.</summary>
/// <param name="Revision">The revision.</param>
/// <param name="Row">The right row; null if the stored one is right, or the right one is not known.</param>
/// <param name="Missing">Paths it is not indexed under and should be.</param>
/// <param name="Stale">Paths it is indexed under and should not be.</param>
internal sealed record IndexFix(long Revision, IndexRow? Row, IReadOnlyList<string> Missing, IReadOnlyList<string> Stale)
{
    /// <summary>Whether there is a row, which is wrong.</summary>
    public bool IsThere { get; init; }
}

/// <summary>Follows the chain through the log and compares the index entries of each event: its row and its paths.</summary>
/// <param name="keys">The name of the job of each incarnation.</param>
/// <param name="wrong">Called for each difference.</param>
/// <param name="fix">Called with the correction, where it is certain.</param>
internal sealed class IndexWalk(IReadOnlyDictionary<Guid, JobKey> keys, Action<Finding> wrong, Action<IndexFix> fix)
{
    /// <summary>Checks revision by revision, and yields each one when it has been checked.</summary>
    /// <param name="connection">A connection within the snapshot to be read; it may be used while a revision is being handled.</param>
    /// <param name="behind">The revision behind which it begins, whose hash is <paramref name="start"/>.</param>
    /// <param name="start">The hash to begin from.</param>
    /// <param name="head">The hash of the head; null if there is no head.</param>
    /// <param name="stop">Cancels the read.</param>
    /// <returns>The revisions, and whether every mismatch up to each is decided.</returns>
    public async IAsyncEnumerable<(long Revision, bool Decided)> Follow(
        NpgsqlConnection connection, long behind, byte[] start, byte[]? head, [EnumeratorCancellation] CancellationToken stop)
    {
        var chain = new ChainWalk(start, Compare, wrong);
        var epochs = new Queue<EpochRow>(await ChainRows.Epochs(connection, behind, stop));
        long floor = 0;
        await using IAsyncEnumerator<IndexRow> rows = ChainRows.Rows(connection, behind, stop).GetAsyncEnumerator(stop);
        await using IAsyncEnumerator<(long Revision, string Path)> paths =
            ChainRows.Paths(connection, behind, stop).GetAsyncEnumerator(stop);
        bool row = await rows.MoveNextAsync(), path = await paths.MoveNextAsync();
        await foreach (ChainedEvent happened in ChainRows.Events(connection, behind, stop))
        {
            for (; row && rows.Current.Revision < happened.Revision; row = await rows.MoveNextAsync())
                chain.Removed(rows.Current);
            for (; path && paths.Current.Revision < happened.Revision; path = await paths.MoveNextAsync())
                Stray(paths.Current);
            for (; path && paths.Current.Revision == happened.Revision; path = await paths.MoveNextAsync())
                happened.Found.Add(paths.Current.Path);
            for (; epochs.TryPeek(out EpochRow? begun) && begun.Epoch.Revision < happened.Revision; floor = epochs.Dequeue().Epoch.Floor)
                chain.Next(begun);
            if (happened.Revision <= floor)
                wrong(new Finding(happened.Revision, $"its revision was never given out: those of its epoch are above {floor}"));
            if (happened.Uncovered is { } uncovered)
                wrong(new Finding(happened.Revision, uncovered));
            bool found = row && rows.Current.Revision == happened.Revision;
            chain.Next(happened, found ? rows.Current : null);
            row = found ? await rows.MoveNextAsync() : row;
            yield return (happened.Revision, chain.IsDecided);
        }

        for (; row; row = await rows.MoveNextAsync())
            chain.Removed(rows.Current);
        for (; path; path = await paths.MoveNextAsync())
            Stray(paths.Current);
        foreach (EpochRow begun in epochs)
            chain.Next(begun);
        chain.End(head);
    }

    private void Stray((long Revision, string Path) path)
    {
        wrong(new Finding(path.Revision, $"the index has it under {path.Path}, and there is no such event") { IsDerived = true });
        fix(new IndexFix(path.Revision, null, [], [path.Path]));
    }

    private void Compare(ProvenRevision proven)
    {
        ChainedEvent happened = proven.Event;
        JobKey? key = keys.TryGetValue(happened.Link.Uid, out JobKey known) ? known : null;
        IndexRow? should = key is { } job
            ? new IndexRow(
                happened.Revision, job.Namespace, job.Name, happened.Link.Type, happened.Link.User ?? string.Empty, proven.Hash,
                happened.Link.Reason)
            : null;
        // ChainWalk reports a missing row and an edited hash.
        bool rowHolds = proven.Row is { } row && (should is null || Same(should, row));
        string[] missing = [.. happened.Paths.Except(happened.Found)], stale = [.. happened.Found.Except(happened.Paths)];
        bool pathsHold = missing.Length + stale.Length == 0;
        if (proven.Row is { } stored && should is not null && !Same(should, stored with { Hash = should.Hash }))
            wrong(new Finding(happened.Revision, "its row in the index is not what the event says") { IsDerived = true });
        if (!pathsHold)
            wrong(new Finding(happened.Revision, "the paths it is found by are not those the event changed") { IsDerived = true });
        if ((!rowHolds && should is not null) || !pathsHold)
            fix(new IndexFix(happened.Revision, rowHolds ? null : should, missing, stale) { IsThere = proven.Row is not null });
    }

    private static bool Same(IndexRow a, IndexRow b) =>
        (a.Namespace, a.Job, a.Type, a.User, a.Reason) == (b.Namespace, b.Job, b.Type, b.User, b.Reason)
        && a.Hash.AsSpan().SequenceEqual(b.Hash);
}
