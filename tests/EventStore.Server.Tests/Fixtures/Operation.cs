namespace EventStore.Server.Tests.Fixtures;

/// <summary>What became of an operation, as its client knows it.</summary>
internal enum OperationResult
{
    /// <summary>A write was answered as done.</summary>
    Done,

    /// <summary>A write was answered as not done.</summary>
    NotDone,

    /// <summary>A write with a resourceVersion was answered 409: the job was at another revision.</summary>
    Conflict,

    /// <summary>A write was not answered, or as one that may have been done. It may still happen at any time.</summary>
    Open,

    /// <summary>A read was answered.</summary>
    Seen,
}

/// <summary>One request of a history that <see cref="HistoryCheck"/> judges, of one job.</summary>
/// <param name="Job">The job's name.</param>
/// <param name="Result">What became of it.</param>
/// <param name="Began">When it was sent, by a clock that never goes back; the unit does not matter.</param>
/// <param name="Ended">When it was answered, by the same clock.</param>
/// <param name="Value">What was written, which no other write writes; or what was read, null before any write.</param>
/// <param name="Sent">The resourceVersion that a write required; null for none.</param>
/// <param name="Revision">The resourceVersion of the answer; 0 where there is none.</param>
internal sealed record Operation(
    string Job, OperationResult Result, long Began, long Ended, string? Value = null, long? Sent = null, long Revision = 0);

/// <summary>One event of a job as it is stored at the end.</summary>
/// <param name="Job">The job's name.</param>
/// <param name="Revision">Its revision; by it all events are in the order of their commits.</param>
/// <param name="Value">What was written; null for the job's creation.</param>
internal sealed record StoredWrite(string Job, long Revision, string? Value);
