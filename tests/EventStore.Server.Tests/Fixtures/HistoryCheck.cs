namespace EventStore.Server.Tests.Fixtures;

/// <summary>What a history can have against the store.</summary>
internal enum FaultKind
{
    /// <summary>What was answered, or read, is not there.</summary>
    Lost,

    /// <summary>A write is there more than once.</summary>
    Doubled,

    /// <summary>A write is there that nobody asked for, or that was answered as not done.</summary>
    NotAsked,

    /// <summary>A revision that was answered or read is another write's now.</summary>
    TwoMeanings,

    /// <summary>A write came before one that had been answered when it began, or was seen before it began.</summary>
    Reordered,

    /// <summary>A read does not show what had been answered or read when it began.</summary>
    Stale,

    /// <summary>A write was done although the job was not at the revision that it required.</summary>
    WrongBase,

    /// <summary>A write was refused although the job was all the time at the revision that it required.</summary>
    FalseConflict,
}

/// <summary>One of them.</summary>
/// <param name="Kind">What it is.</param>
/// <param name="Revision">The revision that it is about.</param>
/// <param name="Text">For people.</param>
internal sealed record Fault(FaultKind Kind, long Revision, string Text);

/// <summary>
/// Checks that a history of concurrent requests is strictly serializable, and so linearizable for each job: there is one order of all that
/// agrees with what each was answered, and in which whatever had been answered comes before whatever began later.
/// </summary>
/// <remarks>
/// Finding such an order is hard in general (Knossos searches for it). Here the store tells it: revisions are the order of the writes, and
/// a read of revision r of a job stands somewhere from r up to the job's next revision. So one pass in the order of the beginnings
/// suffices. It places each request as early as what was answered before it allows, for an earlier place never hinders a later request.
/// </remarks>
internal sealed class HistoryCheck
{
    private readonly List<Fault> faults = [];
    private readonly Dictionary<long, StoredWrite> byRevision = [];
    private readonly Dictionary<(string Job, string Value), StoredWrite> byValue = [];
    private readonly Dictionary<long, long> before = []; // of each revision the one of the same job before it
    private readonly Dictionary<(string Job, long Revision), long> next = []; // and the one behind it
    private readonly Dictionary<(string Job, string Value), Operation> writers = [];

    private HistoryCheck(IReadOnlyCollection<Operation> history, IEnumerable<StoredWrite> stored)
    {
        foreach (Operation write in history.Where(each => each.Result != OperationResult.Seen))
            writers.Add((write.Job, write.Value!), write);
        var last = new Dictionary<string, long>();
        foreach (StoredWrite each in stored.OrderBy(each => each.Revision))
        {
            byRevision.Add(each.Revision, each);
            if (last.TryGetValue(each.Job, out long previous))
                (before[each.Revision], next[(each.Job, previous)]) = (previous, each.Revision);
            last[each.Job] = each.Revision;
            if (each.Value is { } value && !byValue.TryAdd((each.Job, value), each))
                Add(
                    FaultKind.Doubled, each.Revision,
                    $"{value} of {each.Job} is there as {byValue[(each.Job, value)].Revision} and as {each.Revision}");
        }
    }

    /// <summary>All that a history has against what is stored.</summary>
    public static IReadOnlyList<Fault> Faults(IReadOnlyCollection<Operation> history, IEnumerable<StoredWrite> stored)
    {
        var check = new HistoryCheck(history, stored);
        foreach (StoredWrite each in check.byRevision.Values)
            check.WasAskedFor(each);
        check.HaveAnOrder(history);
        return check.faults;
    }

    private void WasAskedFor(StoredWrite stored)
    {
        if (stored.Value is not { } value)
            return;
        if (!writers.TryGetValue((stored.Job, value), out Operation? write))
            Add(FaultKind.NotAsked, stored.Revision, $"nobody wrote {stored}");
        else if (write.Result is OperationResult.NotDone or OperationResult.Conflict)
            Add(FaultKind.NotAsked, stored.Revision, $"{stored} is there, which was answered as not done: {write}");
        else if (write.Sent is { } required && before.GetValueOrDefault(stored.Revision) != required)
            Add(FaultKind.WrongBase, stored.Revision, $"{write} is there behind {before.GetValueOrDefault(stored.Revision)}");
    }

    private void HaveAnOrder(IEnumerable<Operation> history)
    {
        var answered = new PriorityQueue<long, long>(); // where those stand that have been placed, by when they were answered
        long floor = 0; // where the last of those stands that had been answered when this one began
        foreach (Operation each in history.OrderBy(each => each.Began))
        {
            while (answered.TryPeek(out long place, out long ended) && ended < each.Began)
                floor = Math.Max(floor, answered.Dequeue());
            if (Place(each, floor) is { } found)
                answered.Enqueue(found, each.Ended);
        }
    }

    /// <summary>Where a request stands among the revisions; null where that says nothing about others.</summary>
    private long? Place(Operation each, long floor) => each.Result switch
    {
        OperationResult.Done => IsThere(each) ? PlaceOfWrite(each, each.Revision, floor) : null,
        OperationResult.Seen => IsThere(each) ? PlaceOfRead(each, floor) : null,
        OperationResult.Conflict => PlaceOfConflict(each, floor),
        OperationResult.Open => PlaceOfOpen(each, floor),
        _ => null,
    };

    private bool IsThere(Operation each)
    {
        if (!byRevision.TryGetValue(each.Revision, out StoredWrite? there))
            Add(FaultKind.Lost, each.Revision, $"not there: {each}");
        else if ((there.Job, there.Value) != (each.Job, each.Value))
            Add(FaultKind.TwoMeanings, each.Revision, $"{each} is {there} now");
        else
            return true;
        return false;
    }

    private long PlaceOfWrite(Operation write, long revision, long floor)
    {
        if (revision <= floor)
            Add(FaultKind.Reordered, revision, $"{write} is at {revision}, but {floor} had been answered when it began");
        return revision;
    }

    private long PlaceOfRead(Operation read, long floor)
    {
        if (Next(read.Job, read.Revision) is { } later && later <= floor)
            Add(FaultKind.Stale, read.Revision, $"{read} does not show {later}, but {floor} had been answered when it began");
        return Math.Max(read.Revision, floor);
    }

    private long? PlaceOfConflict(Operation refused, long floor)
    {
        long required = refused.Sent!.Value;
        if (!byRevision.ContainsKey(required))
            return null; // read from a history that was lost, which the read tells
        if (Next(refused.Job, required) is { } later && byRevision[later].Value is { } value
            && writers.TryGetValue((refused.Job, value), out Operation? faster) && faster.Began < refused.Ended)
            return Math.Max(later, floor);
        Add(FaultKind.FalseConflict, required, $"{refused} was refused although nobody had written since");
        return null;
    }

    /// <summary>
    /// What is open may happen after its client has given up: it is behind what was answered before, and says nothing of what came later.
    /// </summary>
    private long? PlaceOfOpen(Operation write, long floor)
    {
        if (byValue.TryGetValue((write.Job, write.Value!), out StoredWrite? there))
            PlaceOfWrite(write, there.Revision, floor);
        return null;
    }

    private long? Next(string job, long revision) => next.TryGetValue((job, revision), out long later) ? later : null;

    private void Add(FaultKind kind, long revision, string text) => faults.Add(new Fault(kind, revision, text));
}
