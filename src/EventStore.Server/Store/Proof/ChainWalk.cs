using EventStore.Domain.History;
using EventStore.Server.Store.Format;

namespace EventStore.Server.Store.Proof;

/// <summary>An event, its row and the hash it must have.</summary>
/// <param name="Event">The event.</param>
/// <param name="Row">Its row; null if it is missing.</param>
/// <param name="Hash">The hash over the hash before and the event.</param>
internal sealed record ProvenRevision(ChainedEvent Event, IndexRow? Row, byte[] Hash);

/// <summary>
/// Recomputes the hash of each event and compares it with the stored one. A mismatch stays undecided until the next event that matches: if
/// its hash follows from the recomputed one, only the stored hash is wrong or missing; if from the stored one, the events between were
/// changed.
/// </summary>
/// <param name="start">The hash to begin from.</param>
/// <param name="proven">Called for each unchanged event, in order.</param>
/// <param name="wrong">Called for each difference.</param>
internal sealed class ChainWalk(byte[] start, Action<ProvenRevision> proven, Action<Finding> wrong)
{
    private const long FirstRevision = 2; // an empty store is at revision 1

    private readonly List<ProvenRevision> pending = [];
    private byte[] computed = start;
    private byte[] stored = start;

    /// <summary>Whether no mismatch is undecided.</summary>
    public bool IsDecided => pending.Count == 0;

    /// <summary>Checks the next event.</summary>
    /// <param name="happened">The event.</param>
    /// <param name="row">Its row; null if it is missing.</param>
    public void Next(ChainedEvent happened, IndexRow? row)
    {
        byte[] hash = Chain.Hash(computed, happened.Link);
        if (row is not null && Same(hash, row.Hash))
        {
            Settle(true);
        }
        else if (row is not null && pending.Count > 0 && Same(Chain.Hash(stored, happened.Link), row.Hash))
        {
            Settle(false);
            hash = row.Hash;
        }
        else
        {
            // Without its data: all events may have to wait, if all rows are missing.
            pending.Add(new ProvenRevision(happened with { Link = happened.Link with { Data = default } }, row, hash));
            (computed, stored) = (hash, row?.Hash ?? stored);
            return;
        }

        proven(new ProvenRevision(happened, row, hash));
        (computed, stored) = (hash, hash);
    }

    /// <summary>Checks the record of an epoch, which is linked between two events.</summary>
    public void Next(EpochRow begun)
    {
        bool follows = Same(Chain.Hash(computed, begun.Epoch), begun.Hash);
        Settle(follows);
        if (!follows && !Same(Chain.Hash(stored, begun.Epoch), begun.Hash))
            wrong(new Finding(begun.Epoch.Revision, $"the record of epoch {begun.Epoch.Number} is not as it was written"));
        (computed, stored) = (begun.Hash, begun.Hash);
    }

    /// <summary>Reports a row without an event.</summary>
    public void Removed(IndexRow row)
    {
        if (row.Revision < FirstRevision)
        {
            wrong(new Finding(row.Revision, "the index has a row of a revision there never was"));
            return;
        }

        Settle(false);
        wrong(new Finding(row.Revision, "the event was removed, its row in the index is still there"));
        (computed, stored) = (row.Hash, row.Hash);
    }

    /// <summary>Decides the last mismatches by the hash of the head.</summary>
    /// <param name="head">The hash; null if there is no head.</param>
    public void End(byte[]? head) => Settle(head is not null && Same(head, computed));

    private void Settle(bool asWritten)
    {
        if (pending is [{ Event.Revision: var first }, ..] && !asWritten)
            wrong(new Finding(first, Broken(pending[^1].Event.Revision - first)));
        foreach (ProvenRevision each in asWritten ? pending : [])
        {
            proven(each);
            string what = each.Row is null ? "its row in the index is missing" : "its hash was edited; the event is as it was written";
            wrong(new Finding(each.Event.Revision, what) { IsDerived = true });
        }

        pending.Clear();
        if (!asWritten)
            computed = stored;
    }

    private static string Broken(long more) =>
        "the chain is broken: the event, or what is before it, is not as it was written"
        + (more == 0 ? string.Empty : $"; nothing proves the {more} revisions after it either");

    private static bool Same(byte[] a, byte[] b) => a.AsSpan().SequenceEqual(b);
}
