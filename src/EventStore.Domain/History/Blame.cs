using EventStore.Domain.Jobs;
using EventStore.Domain.Json;
using EventStore.Domain.Manifests;

namespace EventStore.Domain.History;

/// <summary>A leaf of a job and the event that last set it.</summary>
/// <param name="Path">Where it stands.</param>
/// <param name="Value">Its value. An array is one value, because a merge patch replaces it whole.</param>
/// <param name="Revision">
/// The event's revision; null where the paths that events record do not tell it: they record 1,000 at most, of 1,000 characters at most.
/// </param>
public sealed record BlamedLeaf(FieldPath Path, JsonValue Value, long? Revision);

/// <summary>A leaf of an updatable field that is there no more.</summary>
/// <param name="Path">Where it stood.</param>
/// <param name="Revision">The revision of the event that took it away.</param>
public sealed record RemovedLeaf(string Path, long Revision);

/// <summary>
/// The last setter of each value. A value was last set by the event after which it stood as it stands now and before which it did not. That
/// is the last event that changed its path, a path above it (a scalar gave way to an object), or, where the value is null or empty, one
/// below it (its last member went). So it follows from the last revision at which each path was touched, and no event needs to be replayed.
/// </summary>
/// <param name="Leaves">The leaves, in order.</param>
/// <param name="Removed">What was removed of the five updatable fields and has not come back, in order.</param>
public sealed record Blame(IReadOnlyList<BlamedLeaf> Leaves, IReadOnlyList<RemovedLeaf> Removed)
{
    // The server writes these; which event did is always recorded.
    private static readonly string[] Recorded =
        ["creationTimestamp", "deletionGracePeriodSeconds", "deletionTimestamp", "generation", "name", "namespace", "uid"];

    /// <summary>The blame of a job.</summary>
    /// <param name="job">The job as it stood.</param>
    /// <param name="touched">For each path of <see cref="TouchedPaths"/> the last revision of an event that touched it by then.</param>
    /// <param name="born">The revision of the job's first event, which set whatever no later one touched.</param>
    public static Blame Of(Job job, IReadOnlyDictionary<string, long> touched, long born)
    {
        var leaves = new List<BlamedLeaf>();
        var present = new HashSet<string>(StringComparer.Ordinal);
        new LeavesOfJob(touched, leaves, present).Collect(FieldPath.Root, job.Manifest, born);
        IEnumerable<RemovedLeaf> removed = touched
            .Where(path => !present.Contains(path.Key)
                && Profile.Documented.Updatable.RolledBackPaths.Any(field => IsAtOrBelow(path.Key, field)))
            .Select(path => new RemovedLeaf(path.Key, path.Value));
        return new Blame(leaves, [.. removed.OrderBy(leaf => leaf.Path, StringComparer.Ordinal)]);
    }

    /// <summary>The same with the leaves that were undecided and that an event set: the newest one that was not yet asked.</summary>
    public Blame Decide(JobEvent happened, long revision)
    {
        string[] changed = [.. Changes.Of(happened).Select(change => change.Path.ToString())];
        return this with
        {
            Leaves =
            [
                .. Leaves.Select(leaf =>
                    leaf.Revision is null && changed.Any(path => Sets(path, leaf)) ? leaf with { Revision = revision } : leaf),
            ],
        };
    }

    private static bool Sets(string changed, BlamedLeaf leaf)
    {
        string path = leaf.Path.ToString();
        return IsAtOrBelow(path, changed) || (leaf.Value.IsVoid && IsAtOrBelow(changed, path));
    }

    private static bool IsAtOrBelow(string path, string other) =>
        path.StartsWith(other, StringComparison.Ordinal) && (path.Length == other.Length || path[other.Length] is '.' or '[');

    /// <summary>Collects the leaves of a job, with the last revision that touched what is above.</summary>
    private sealed class LeavesOfJob(IReadOnlyDictionary<string, long> touched, List<BlamedLeaf> leaves, HashSet<string> present)
    {
        private readonly Lazy<string[]> sorted = new(() => [.. touched.Keys.Order(StringComparer.Ordinal)]);

        public void Collect(FieldPath at, JsonObject members, long above)
        {
            foreach (KeyValuePair<string, JsonValue> member in members.Members)
            {
                FieldPath path = at.Member(member.Key);
                if (path.Length > RecordedPaths.LengthMax)
                {
                    AddUndecided(path, member.Value);
                    continue;
                }

                string text = path.ToString();
                present.Add(text);
                long last = Math.Max(above, touched.GetValueOrDefault(text));
                if (member.Value is JsonObject { Count: > 0 } below)
                    Collect(path, below, last);
                else
                    leaves.Add(new BlamedLeaf(path, member.Value, Decided(path, text, member.Value, last)));
            }
        }

        private void AddUndecided(FieldPath path, JsonValue value)
        {
            if (value is not JsonObject { Count: > 0 } members)
                leaves.Add(new BlamedLeaf(path, value, null));
            else
                foreach (KeyValuePair<string, JsonValue> member in members.Members)
                    AddUndecided(path.Member(member.Key), member.Value);
        }

        private long? Decided(FieldPath path, string text, JsonValue value, long last)
        {
            if (value.IsVoid)
                last = Math.Max(last, Math.Max(LastBelow(text + "."), LastBelow(text + "[")));
            string more = path.FirstMember == "status" ? TouchedPaths.MoreOfStatus : TouchedPaths.MoreOfRest;
            bool isRecorded = Recorded.Any(name => text == $"metadata.{name}");
            return touched.GetValueOrDefault(more) > last && !isRecorded ? null : last;
        }

        // What begins in the same way stands together; a binary search finds where.
        private long LastBelow(string beginning)
        {
            int at = Array.BinarySearch(sorted.Value, beginning, StringComparer.Ordinal);
            return sorted.Value.Skip(at < 0 ? ~at : at).TakeWhile(path => path.StartsWith(beginning, StringComparison.Ordinal))
                .Select(path => touched[path]).DefaultIfEmpty().Max();
        }
    }
}
