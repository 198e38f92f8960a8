using EventStore.Domain.Jobs;
using EventStore.Server.Kubernetes;
using EventStore.Server.Store;
using Status = EventStore.Server.Kubernetes.Status;

namespace EventStore.Server.Jobs;

/// <summary>What a command's outcome is on the wire: the words of the domain into those of Kubernetes/Status, which chooses the codes.</summary>
internal static class JobAnswers
{
    /// <summary>The resource this folder serves.</summary>
    public static readonly ApiResource Resource = new("kubeflow.org", "v1", "pytorchjobs", "pytorchjob", "PyTorchJob");

    /// <summary>A status of 503 or 429 asks the client to come back after so long.</summary>
    private const int RetryAfterSeconds = 1;

    /// <summary>The answer to a command.</summary>
    /// <param name="outcome">What became of it.</param>
    /// <param name="key">The job.</param>
    /// <param name="requestId">The request's id, for a failure of ours.</param>
    /// <param name="done">The answer when it was carried out.</param>
    public static IResult Of(Outcome outcome, JobKey key, string requestId, Func<Outcome.Done, IResult> done) => outcome switch
    {
        Outcome.Done carriedOut => done(carriedOut),
        Outcome.Refused(var why) => Of(why, key),
        Outcome.Busy => Status.TooManyRequests(RetryAfterSeconds),
        Outcome.Unavailable { MayHaveBeenApplied: true } => Status.Unavailable(
            "the database went away while the change was being committed: it may have been applied; read the job before trying again", RetryAfterSeconds),
        Outcome.Unavailable away => DatabaseAway(away.Why),
        _ => Status.InternalError(requestId),
    };

    /// <summary>503: nothing was done.</summary>
    public static Status DatabaseAway(string why = Store.DatabaseAway.Unreachable) => Status.Unavailable($"{why}; nothing was changed", RetryAfterSeconds);

    /// <summary>The job does not exist.</summary>
    public static Status NotFound(JobKey key) => Status.NotFound(Resource, key.Name);

    private static Status Of(Rejection why, JobKey key) => why switch
    {
        Rejection.NotFound => NotFound(key),
        Rejection.AlreadyExists => Status.AlreadyExists(Resource, key.Name),
        Rejection.BadRequest(var message) => Status.BadRequest(message),
        Rejection.Invalid(var errors) => Status.Invalid(Resource, key.Name, errors),
        Rejection.FieldsFixed(var fields) => Status.FieldsForbidden(Resource, key.Name, fields, UpdatePolicy.UpdatableFields),
        Rejection.RevisionMissing => Status.ResourceVersionMissing(Resource, key.Name),
        Rejection.Stale => Status.Modified(Resource, key.Name),
        Rejection.UidMismatch(var asked, var actual) => Status.UidMismatch(Resource, key.Namespace, key.Name, asked, actual),
        Rejection.UidPrecondition(var asked, var actual) => Status.UidPrecondition(Resource, key.Name, asked, actual),
        Rejection.RevisionPrecondition(var asked, var actual) => Status.ResourceVersionPrecondition(Resource, key.Name, asked, actual),
        _ => throw new System.Diagnostics.UnreachableException($"no answer for {why.GetType().Name}"),
    };
}
