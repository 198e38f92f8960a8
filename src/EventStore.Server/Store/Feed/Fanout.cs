using EventStore.Domain.History;
using EventStore.Server.Store.Hosts;
using EventStore.Server.Store.Reads;

namespace EventStore.Server.Store.Feed;

/// <summary>
/// Passes the changes that were read from the log on to all watchers, and keeps the last ones for watchers that reconnect. Watchers join
/// and leave on other threads than the reader's.
/// </summary>
/// <param name="epochs">The known epochs.</param>
/// <param name="limits">How many recent changes are kept.</param>
internal sealed class Fanout(Epochs epochs, FeedLimits limits)
{
    private readonly Lock gate = new();
    private readonly List<FeedSubscription> subscriptions = [];
    private RecentChanges recent = new(0, limits.RingLength, limits.RingBytes);
    private long position = -1;
    private IReadOnlyList<Epoch> met = []; // the epochs that were known when the position was set

    /// <summary>The last revision that was passed on; -1 while nobody watches and nothing is remembered.</summary>
    public long Position => Volatile.Read(ref position);

    /// <summary>The number of watchers.</summary>
    public int Watchers
    {
        get
        {
            lock (gate)
                return subscriptions.Count;
        }
    }

    /// <summary>Adds a watcher, which joins later.</summary>
    public void Add(FeedSubscription subscription)
    {
        lock (gate)
            subscriptions.Add(subscription);
    }

    /// <summary>Removes a watcher; false if it was removed before.</summary>
    public bool Remove(FeedSubscription subscription)
    {
        lock (gate)
            return subscriptions.Remove(subscription);
    }

    /// <inheritdoc cref="FeedSubscription.Join"/>
    public bool Join(FeedSubscription subscription, long after, long reached)
    {
        lock (gate)
        {
            IReadOnlyList<Epoch> known = epochs.Known; // before they are asked: what begins meanwhile is compared later
            if (epochs.Lacking(after) is { } lost)
            {
                subscription.Expire(lost.Number);
                return true;
            }

            // A watcher that stands at the end of the log joins here. One that is behind catches up first, for nobody knows how many
            // bytes it lacks; when it comes back it lacks what is in the ring, whose bytes are bounded. While others write it would
            // always be a little behind.
            if (position < 0)
                (position, recent, met) = (reached, Recent(reached), known);
            if (after < recent.Begin)
                return false;
            subscription.Open(position, recent, after);
            return true;
        }
    }

    /// <summary>
    /// Passes one change on to every watcher. The position moves last: a watcher that reads the new position and then finds its queue empty
    /// has been sent everything up to it.
    /// </summary>
    public void Publish(LogEntry change)
    {
        change.Print(); // once, before many watchers need it
        lock (gate)
        {
            recent.Add(change);
            foreach (FeedSubscription subscription in subscriptions)
                subscription.Offer(change);
            position = change.Revision;
            foreach (FeedSubscription subscription in subscriptions)
                subscription.Reach(position);
        }
    }

    /// <summary>Forgets everything if there is no watcher: the next one determines where the feed begins.</summary>
    /// <returns>Whether something was forgotten.</returns>
    public bool ForgetUnwatched()
    {
        lock (gate)
        {
            if (subscriptions.Count > 0 || position < 0)
                return false;
            (position, recent) = (-1, Recent(0));
            return true;
        }
    }

    /// <summary>
    /// Ends every watch that was sent a change that has been lost since, and resets the position to the last revision of the history that
    /// remains. To be called before a change of another epoch is passed on.
    /// </summary>
    /// <returns>Whether the change passed on last was lost.</returns>
    public bool ForgetLost()
    {
        bool hasLost = false;
        lock (gate)
        {
            IReadOnlyList<Epoch> known = epochs.Known;
            foreach (Epoch begun in known.Except(met)) // two epochs may have one number, where the first was lost
            {
                foreach (FeedSubscription subscription in subscriptions.Where(subscription => begun.Lacks(subscription.Latest)))
                    subscription.Expire(begun.Number);
                if (!begun.Lacks(position))
                    continue;
                (position, recent, hasLost) = (begun.Revision, Recent(begun.Revision), true);
            }

            met = known;
        }

        return hasLost;
    }

    /// <summary>Disconnects all watchers.</summary>
    public void CutOffAll()
    {
        lock (gate)
            subscriptions.ForEach(subscription => subscription.CutOff());
    }

    private RecentChanges Recent(long begin) => new(begin, limits.RingLength, limits.RingBytes);
}
