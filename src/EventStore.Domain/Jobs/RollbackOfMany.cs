namespace EventStore.Domain.Jobs;

/// <summary>
/// Taking many jobs back to one revision. A job that lived then and lives still goes back by a rollback; what was deleted since may be
/// restored, what was created since may be deleted, and what is neither stays as it is.
/// </summary>
/// <param name="Time">When it was asked.</param>
/// <param name="Origin">The caller, stored with each event.</param>
/// <param name="Revision">The revision to go back to.</param>
/// <param name="RestoresDeleted">Whether what was deleted since is restored.</param>
/// <param name="DeletesCreated">Whether what was created since is deleted.</param>
public sealed record RollbackOfMany(DateTimeOffset Time, Origin Origin, long Revision, bool RestoresDeleted, bool DeletesCreated)
{
    /// <summary>The commands for one name, in order; none where it stays as it is.</summary>
    /// <param name="key">The name.</param>
    /// <param name="living">The uid of the job that lives there now; null for none.</param>
    /// <param name="past">The job that lived there at the revision, as it stood then; null for none.</param>
    /// <param name="restored">The uid of the job that is made, if one is.</param>
    public IReadOnlyList<JobCommand> Commands(JobKey key, Guid? living, Job? past, Guid restored)
    {
        if (living is not null && past?.Uid == living)
            return [new RollBackJob(key, Time, Origin, Revision, past, null)];
        var commands = new List<JobCommand>();
        if (living is { } since && DeletesCreated)
            commands.Add(new DeleteJob(key, Time, Origin, since.ToString(), null));
        if (past is not null && RestoresDeleted)
            commands.Add(new RestoreJob(key, Time, Origin, past, restored));
        return commands;
    }
}
