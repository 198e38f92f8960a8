namespace EventStore.Server.Store.Format;

/// <summary>
/// What servers agree on by name in the database: the commit lock, advisory locks and notification channels.
/// <code>
/// table commit_lock   locked EXCLUSIVE by the commit function until the end of its transaction, and SHARE by a reader that must
///                     wait for the commits under way; only the owner, and so the owner's functions, can lock it
/// lock 7072  shared, held by each server for as long as it serves: servers count one another by it
/// lock 7074  held by a rebuild, of which there is one at a time
/// lock 7075  held by the one server whose Marten daemon counts activity
/// eventstore_commit   a batch was committed; the payload is its last revision
/// eventstore_rebuilt  current jobs were written by a rebuild: feeds read the jobs they remember again
/// table lease         lifetimes: which server ends lifetimes, until when, and under which number; lease_take_1 takes and renews it
/// table epoch         where the store was served: each commit names the last one it knows; epoch_check_1 begins another
/// sequence rebuilds   the number of the last rebuild that wrote current jobs: a batch names the one it knows of
/// </code>
/// </summary>
internal static class DatabaseNames
{
    /// <summary>Held shared by each server while it serves.</summary>
    public const long PresenceLock = 7072;

    /// <summary>Held by the one rebuild that may run.</summary>
    public const long RebuildLock = 7074;

    /// <summary>Held by the one server whose daemon counts activity; the others wait to take over.</summary>
    public const long ActivityLock = 7075;

    /// <summary>The channel that notifies the feeds of other servers of a committed batch.</summary>
    public const string CommitChannel = "eventstore_commit";

    /// <summary>The channel on which a rebuild makes servers reload the current jobs they keep in memory.</summary>
    public const string RebuiltChannel = "eventstore_rebuilt";

    /// <summary>
    /// Counts a rebuild that has written current jobs, under the commit lock. A server that commits after it without knowing of it must
    /// read them again.
    /// </summary>
    public const string CountRebuild = "SELECT nextval('eventstore.rebuilds')";

    /// <summary>Takes the commit lock until the end of the transaction, so that no commit happens meanwhile. Only the owner may.</summary>
    public const string TakeCommitLock = "LOCK TABLE eventstore.commit_lock IN EXCLUSIVE MODE";

    /// <summary>
    /// Waits for every commit under way and blocks the next ones until the end of the transaction. The lock is shared: several sessions of
    /// the serving role may hold it at once. Returns the number of the last rebuild of current jobs.
    /// </summary>
    public const string WaitForCommits = "SELECT eventstore.wait_for_commits_2()";
}
