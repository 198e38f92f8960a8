namespace EventStore.Server.Store.Format;

/// <summary>
/// What servers agree on by name in the database: advisory locks and notification channels.
/// <code>
/// lock 7071  held by the commit function until the end of its transaction: whoever has it knows that no commit is under way
/// lock 7072  shared, held by each server for as long as it serves: by it servers count one another
/// lock 7074  held by a rebuild, of which there is one at a time
/// eventstore_commit   a batch was committed; the payload is its last revision
/// eventstore_rebuilt  current jobs were written by a rebuild: caches of jobs are to be emptied
/// </code>
/// </summary>
internal static class DatabaseNames
{
    /// <summary>The lock of <see cref="TakeCommitLock"/>, as the migrations name it.</summary>
    public const long CommitLock = 7071;

    /// <summary>Held shared by each server while it serves.</summary>
    public const long PresenceLock = 7072;

    /// <summary>Held by the one rebuild that may run.</summary>
    public const long RebuildLock = 7074;

    /// <summary>Tells the feeds of other servers that a batch was committed.</summary>
    public const string CommitChannel = "eventstore_commit";

    /// <summary>Tells whoever keeps current jobs in memory to read them again.</summary>
    public const string RebuiltChannel = "eventstore_rebuilt";

    /// <summary>Takes the commit function's lock until the end of the transaction: once it is granted, no earlier commit is under way.</summary>
    public const string TakeCommitLock = "SELECT pg_advisory_xact_lock(7071)";
}
