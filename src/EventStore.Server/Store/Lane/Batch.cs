using EventStore.Domain.Apply;
using EventStore.Domain.Jobs;
using EventStore.Domain.Json;
using EventStore.Server.Store.Format;

namespace EventStore.Server.Store.Lane;

/// <summary>
/// The decisions of one round of the lane, committed together (group commit). The commands of one key are decided in order, each
/// on the job as the one before leaves it. They are committed together or not at all: only if the job is still the one that the first
/// command was decided on.
/// </summary>
internal sealed class Batch
{
    private readonly Dictionary<JobKey, KeyCommands> known = [];

    /// <summary>The commands of each key, in the order in which the keys first occur.</summary>
    public List<KeyCommands> ByKey { get; } = [];

    /// <summary>The events, in the order they are to be appended.</summary>
    public List<Entry> Entries { get; } = [];

    /// <summary>The commands that wait for the next round.</summary>
    public List<QueuedCommand> Deferred { get; } = [];

    /// <summary>The lowest number of a lease that a command names; null where none names one.</summary>
    public long? Lease { get; private set; }

    /// <summary>Decides the commands in order.</summary>
    /// <param name="commands">The commands.</param>
    /// <param name="current">The living job of each key, or null where there is none.</param>
    public static Batch Of(IEnumerable<QueuedCommand> commands, Func<JobKey, Job?> current)
    {
        var batch = new Batch();
        foreach (QueuedCommand command in commands)
            batch.Add(command, current);
        return batch;
    }

    /// <summary>
    /// Decides more commands, of other jobs than before, and releases the parsed jobs: the commit needs only the serialized texts. 10,000
    /// parsed jobs are millions of objects, which the garbage collector would traverse again and again.
    /// </summary>
    /// <param name="commands">The commands.</param>
    /// <param name="current">The living job of each key, or null where there is none.</param>
    /// <returns>The verdicts, in order. They are too little to make a reply of.</returns>
    public IReadOnlyList<CondensedVerdict> AddCondensed(IEnumerable<QueuedCommand> commands, Func<JobKey, Job?> current)
    {
        int before = ByKey.Count;
        foreach (QueuedCommand command in commands)
            Add(command, current);
        return [.. ByKey.Skip(before).SelectMany(each => each.Condense())];
    }

    private void Add(QueuedCommand queued, Func<JobKey, Job?> current)
    {
        JobKey key = queued.Command.Key;
        if (queued.Lease is { } lease)
            Lease = Math.Min(Lease ?? lease, lease);
        if (!known.TryGetValue(key, out KeyCommands? commands))
        {
            Job? basis = current(key);
            known[key] = commands = new KeyCommands(ByKey.Count, key, basis);
            ByKey.Add(commands);
        }

        if (commands.LastEntry is not null && queued.NamesRevision)
        {
            Deferred.Add(queued);
            return;
        }

        DecidedCommand decided = queued.Early is { } early && ReferenceEquals(early.Basis, commands.Living)
            ? early
            : DecidedCommand.Of(commands.Living, queued.Command);
        switch (decided.Decision)
        {
            case Decision.Refused(var why):
                commands.Verdicts.Add(new Verdict(queued, null, null, null, why));
                break;
            case Decision.Accepted when queued.DryRun:
                Entry? shown = commands.Living is null ? null : commands.LastEntry; // what would be created anew has no revision to show
                Job preview = decided.After! with { Revision = commands.Living?.Revision ?? 0 };
                commands.Verdicts.Add(new Verdict(queued, preview, decided.Text, shown, null));
                break;
            case Decision.Accepted(var happened):
                var entry = new Entry(Entries.Count, commands, queued.Command.Origin, happened, decided);
                Entries.Add(entry);
                if (commands.LastEntry is { } previous && previous.After.Uid == entry.After.Uid)
                    previous.WritesRow = false;
                commands.LastEntry = entry;
                commands.Verdicts.Add(new Verdict(queued, entry.After, entry.Text, entry, null));
                break;
            default:
                JobText unchanged = commands.LastEntry?.Text ?? commands.BasisText;
                commands.Verdicts.Add(new Verdict(queued, commands.Living!, unchanged, commands.LastEntry, null));
                break;
        }
    }

    /// <summary>The commands of one key, in order.</summary>
    internal sealed class KeyCommands(int place, JobKey key, Job? basis)
    {
        private JobText? basisText;

        /// <summary>The index among the batch's keys, from 0.</summary>
        public int Place { get; } = place;

        /// <summary>The key.</summary>
        public JobKey Key { get; } = key;

        /// <summary>The living job that the first command was decided on; null if there was none.</summary>
        public Job? Basis { get; private set; } = basis;

        /// <summary>That job as an answer shows it.</summary>
        public JobText BasisText => basisText ??= JobText.Of(Basis!);

        /// <summary>The last event so far.</summary>
        public Entry? LastEntry { get; set; }

        /// <summary>The verdicts, in order.</summary>
        public List<Verdict> Verdicts { get; } = [];

        /// <summary>The living job after the last event so far, or null.</summary>
        public Job? Living => LastEntry is null ? Basis : LastEntry.After.Deleted ? null : LastEntry.After;

        /// <summary>Releases the parsed jobs, after the last command of this key.</summary>
        /// <returns>The verdicts.</returns>
        public IReadOnlyList<CondensedVerdict> Condense()
        {
            CondensedVerdict[] decided =
                [.. Verdicts.Select(verdict => new CondensedVerdict(Key, WithoutObject(verdict.Job), verdict.Entry, verdict.Why))];
            Verdicts.Clear();
            Basis = WithoutObject(Basis);
            foreach (Entry entry in decided.Select(verdict => verdict.Entry).OfType<Entry>())
                entry.Condense();
            return decided;
        }

        internal static Job? WithoutObject(Job? job) =>
            job is null ? null : job with { Manifest = JsonObject.Empty, Owners = FieldOwners.None };
    }

    /// <summary>An event to be appended.</summary>
    internal sealed class Entry(int place, KeyCommands ofKey, Origin origin, JobEvent happened, DecidedCommand decided)
    {
        /// <summary>The index among the batch's events, from 0.</summary>
        public int Place { get; } = place;

        /// <summary>The commands of its key.</summary>
        public KeyCommands OfKey { get; } = ofKey;

        /// <summary>Who asked for it.</summary>
        public Origin Origin { get; } = origin;

        /// <summary>The stored name of the event.</summary>
        public string Name { get; } = EventCodec.NameOf(happened);

        /// <summary>The job after it, its revision still unknown.</summary>
        public Job After { get; private set; } = decided.After!;

        /// <summary>The event's own id: the look-up after a lost reply finds it by this.</summary>
        public Guid Id { get; } = decided.Id;

        /// <summary>The job after the event as its row has it and an answer shows it.</summary>
        public JobText Text { get; } = decided.Text!;

        /// <summary>The event as it is stored.</summary>
        public string Data { get; } = decided.Data!;

        /// <summary>The paths under which the history indexes the event.</summary>
        public IReadOnlyCollection<string> Paths { get; } = decided.Paths!;

        /// <summary>Who asked for it, as it is stored beside the event.</summary>
        public string Headers { get; } = decided.Headers!;

        /// <summary>Whether this is the last event of its incarnation in the batch, the one that writes the row.</summary>
        public bool WritesRow { get; set; } = true;

        /// <summary>Releases the parsed job: the commit needs only which one it is.</summary>
        public void Condense() => After = KeyCommands.WithoutObject(After)!;
    }

    /// <summary>The verdict on a command, without the parsed job.</summary>
    /// <param name="Key">The job.</param>
    /// <param name="Job">The job it leaves, without its manifest, for a command that is not refused.</param>
    /// <param name="Entry">The event that gave that job its revision, when it is one of this batch.</param>
    /// <param name="Why">Why it is refused, if it is.</param>
    internal sealed record CondensedVerdict(JobKey Key, Job? Job, Entry? Entry, Rejection? Why);

    /// <summary>The answer to a command, if the commands of its key are committed.</summary>
    /// <param name="Queued">The command.</param>
    /// <param name="Job">The job it leaves, for a command that is not refused.</param>
    /// <param name="Text">That job as the answer shows it; printed before the commit, so that nothing can fail after it.</param>
    /// <param name="Entry">The event that gave that job its revision, when it is one of this batch.</param>
    /// <param name="Why">Why it is refused, if it is.</param>
    internal sealed record Verdict(QueuedCommand Queued, Job? Job, JobText? Text, Entry? Entry, Rejection? Why)
    {
        /// <summary>The outcome, once the batch is committed.</summary>
        public Outcome Answer(Committed committed)
        {
            if (Why is { } why)
                return new Outcome.Refused(why);
            long revision = Entry is { } entry ? committed.Revisions[entry.Place] : Job!.Revision;
            return new Outcome.Done(Job! with { Revision = revision }, Text!.ToUtf8(revision));
        }
    }
}
