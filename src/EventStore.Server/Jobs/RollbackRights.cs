using System.Collections.Concurrent;
using EventStore.Domain.Jobs;
using EventStore.Server.Access;
using EventStore.Server.Resources;
using Status = EventStore.Server.Kubernetes.Status;

namespace EventStore.Server.Jobs;

/// <summary>
/// What a caller may do of a rollback of many: deleting and restoring are rights of their own, which a rule may give by name. Whether all
/// of a namespace may be deleted or restored is asked first; only where it may not is each job asked for, some at once: a cluster that is
/// asked takes a round trip for each.
/// </summary>
internal sealed class RollbackRights
{
    private const int AtOnceMax = 16;

    private readonly Authorization authorization;
    private readonly Caller caller;
    private readonly ConcurrentDictionary<JobKey, string> forbidden = new();
    private bool mayRestoreAll;
    private bool mayDeleteAll;

    private RollbackRights(HttpContext http) =>
        (authorization, caller) = (http.RequestServices.GetRequiredService<Authorization>(), Caller.Of(http.User));

    /// <summary>The jobs of which something is forbidden, and why.</summary>
    public IReadOnlyDictionary<JobKey, string> Forbidden => forbidden;

    /// <summary>Whether each job has to be asked for.</summary>
    public bool AreOfEachJob => !(mayRestoreAll && mayDeleteAll);

    /// <summary>Asks for the namespace.</summary>
    public static async Task<RollbackRights> Ask(HttpContext http, string @namespace, bool restores, bool deletes)
    {
        var rights = new RollbackRights(http);
        rights.mayRestoreAll = !restores || await rights.May("create", "restore", @namespace, null, http.RequestAborted);
        rights.mayDeleteAll = !deletes || await rights.May("delete", "", @namespace, null, http.RequestAborted);
        return rights;
    }

    /// <summary>Adds to <see cref="Forbidden"/> what of these commands the caller may not do.</summary>
    public Task Check(IEnumerable<JobCommand> commands, CancellationToken stop) => Parallel.ForEachAsync(
        commands.Where(IsInQuestion), new ParallelOptions { MaxDegreeOfParallelism = AtOnceMax, CancellationToken = stop }, Check);

    private async ValueTask Check(JobCommand command, CancellationToken stop)
    {
        (string verb, string part) = command is DeleteJob ? ("delete", "") : ("create", "restore");
        JobKey key = command.Key;
        if (!await May(verb, part, key.Namespace, key.Name, stop))
            forbidden.TryAdd(key, Status.Forbidden(
                caller.Name, verb, JobResource.Names.Group, JobResource.Names.Plural, part, key.Name, key.Namespace).Message);
    }

    private bool IsInQuestion(JobCommand command) => command switch
    {
        DeleteJob => !mayDeleteAll,
        RestoreJob => !mayRestoreAll,
        _ => false,
    };

    private ValueTask<bool> May(string verb, string part, string @namespace, string? name, CancellationToken stop) =>
        authorization.AllowsAsync(
            caller, new AccessRequest(verb, JobResource.Names.Group, JobResource.Names.Plural, part, @namespace, name), stop);
}
