using System.Diagnostics.CodeAnalysis;
using EventStore.Domain.History;

namespace EventStore.Server.Store.Proof;

/// <summary>What became of a revision whose row was checked.</summary>
/// <param name="Event">The event.</param>
/// <param name="Row">Its row; null when it is missing.</param>
/// <param name="Hash">The hash it has for certain.</param>
internal sealed record ProvenRevision(ChainedEvent Event, IndexRow? Row, byte[] Hash);

/// <summary>
/// Follows the chain, event by event with the hash that was recorded for each. One that does not fit, or has none, is held until the next
/// tells what it is: where that follows from the hash it should have, the event is as it was written and only its record was touched.
/// </summary>
/// <param name="start">The hash everything before is proven to lead to.</param>
/// <param name="proven">Is told of each event that is certain, in order.</param>
/// <param name="wrong">Is told of what is not.</param>
internal sealed class ChainWalk(byte[] start, Action<ProvenRevision> proven, Action<Finding> wrong)
{
    private const long FirstRevision = 2; // an empty store stands at 1

    private readonly List<Held> held = [];
    private byte[] computed = start; // where the chain stands if what is held is right
    private byte[] recorded = start; // where it stands by what was recorded last
    private byte[]? older; // where it stood before that
    private ChainedEvent? last;

    /// <summary>Whether everything so far is decided.</summary>
    public bool IsDecided => held.Count == 0;

    /// <summary>The hash recorded last.</summary>
    public ReadOnlySpan<byte> Recorded => recorded;

    /// <summary>The next event, and its row if there is one.</summary>
    public void Next(ChainedEvent happened, IndexRow? row)
    {
        byte[] hash = Chain.Hash(computed, happened.Link);
        if (row is not null && Same(hash, row.Hash))
        {
            Decide(true);
        }
        else if (row is not null && Follows(happened, row))
        {
            hash = row.Hash;
        }
        else
        {
            Hold(happened, row, hash);
            return;
        }

        proven(new ProvenRevision(happened, row, hash));
        Stand(happened with { Link = happened.Link with { Data = default } }, hash);
    }

    /// <summary>A row whose event is not there.</summary>
    public void Removed(IndexRow row)
    {
        if (row.Revision < FirstRevision)
        {
            wrong(new Finding(row.Revision, "the index has a row of a revision there never was"));
            return;
        }

        Decide(false);
        wrong(new Finding(row.Revision, "the event was removed, its row in the index is still there"));
        Stand(null, row.Hash);
    }

    /// <summary>Says where the chain ends by the head.</summary>
    public void End(byte[]? head) => Decide(head is not null && Same(head, computed));

    /// <summary>The chain leaves what is held aside: it, or the event before, was put in and is no link of it.</summary>
    private bool Follows(ChainedEvent happened, IndexRow row)
    {
        if (held.Count > 0)
        {
            bool aside = Same(Chain.Hash(recorded, happened.Link), row.Hash);
            if (aside)
                Decide(false);
            return aside;
        }

        if (older is null || last is null || !Same(Chain.Hash(older, happened.Link), row.Hash))
            return false;
        wrong(new Finding(last.Revision, $"the event was inserted: revision {happened.Revision} follows from what is before it"));
        return true;
    }

    private void Hold(ChainedEvent happened, IndexRow? row, byte[] hash)
    {
        ChainedEvent light = happened with { Link = happened.Link with { Data = default } }; // many may have to wait
        held.Add(new Held(light, row, hash, last));
        computed = hash;
        recorded = row?.Hash ?? recorded;
        (older, last) = (null, light);
    }

    private void Decide(bool right)
    {
        foreach (Held one in held)
        {
            long revision = one.Event.Revision;
            if (right)
            {
                proven(new ProvenRevision(one.Event, one.Row, one.Hash));
                wrong(new Finding(revision,
                    one.Row is null
                    ? "its row in the index is missing"
                    : "its hash was edited; the event is as it was written")
                { IsDerived = true });
            }
            else
            {
                wrong(new Finding(revision, one.Row is null ? "the event was inserted: no link of the chain leads over it" : Broken(one)));
            }
        }

        held.Clear();
        if (!right)
            computed = recorded;
    }

    // What an event without a link has in common with an edited one is that nobody can say what it was.
    private static string Broken(Held one)
    {
        if (one.Before is not { } before)
            return "the event was edited, or another was put in its place, or others before it were removed";
        if (one.Event.Time < before.Time)
            return $"the event is out of order or its time was edited: it is older than revision {before.Revision}";
        return one.Event.Revision == before.Revision + 1
            ? "the event was edited, or another was put in its place"
            : $"the event was edited, or others between revision {before.Revision} and it were removed";
    }

    private void Stand(ChainedEvent? at, byte[] hash)
    {
        older = at is null ? null : recorded;
        (computed, recorded, last) = (hash, hash, at ?? last);
    }

    private static bool Same([NotNullWhen(true)] byte[]? a, byte[] b) => a is not null && a.AsSpan().SequenceEqual(b);

    private sealed record Held(ChainedEvent Event, IndexRow? Row, byte[] Hash, ChainedEvent? Before);
}
