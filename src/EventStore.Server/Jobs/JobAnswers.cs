using EventStore.Domain.Apply;
using EventStore.Domain.Jobs;
using EventStore.Server.Kubernetes;
using EventStore.Server.Resources;
using EventStore.Server.Store.Format;
using EventStore.Server.Store.Lane;
using Status = EventStore.Server.Kubernetes.Status;

namespace EventStore.Server.Jobs;

/// <summary>
/// Maps the outcome of a command to a reply: a refusal of the domain becomes a Kubernetes Status, which chooses the code.
/// </summary>
internal static class JobAnswers
{
    /// <summary>The answer to a command.</summary>
    /// <param name="outcome">What became of it.</param>
    /// <param name="key">The job.</param>
    /// <param name="requestId">The request's id, for a failure of ours.</param>
    /// <param name="done">The answer when it was carried out.</param>
    public static IResult Of(Outcome outcome, JobKey key, string requestId, Func<Outcome.Done, IResult> done) => outcome switch
    {
        Outcome.Done carriedOut => done(carriedOut),
        Outcome.Refused(var why) => Of(why, key),
        Outcome.Busy => Status.TooManyRequests(),
        Outcome.Unavailable { MayHaveBeenApplied: true, Why: DatabaseAway.NotReplicated and var why } => Status.Unavailable(
            $"{why}: it may have been applied, and may be lost with the primary; read the job before trying again"),
        Outcome.Unavailable { MayHaveBeenApplied: true } => Status.Unavailable(
            "the database went away while the change was being committed: it may have been applied; read the job before trying again"),
        Outcome.Unavailable away => DatabaseAnswers.Away(away.Why),
        Outcome.Failed { MayHaveBeenApplied: true } => Status.InternalError(
            requestId, "; the change may have been applied: read the job before trying again"),
        _ => Status.InternalError(requestId),
    };

    /// <summary>The job does not exist.</summary>
    public static Status NotFound(JobKey key) => Status.NotFound(JobResource.Names, key.Name);

    /// <summary>Why a command is refused, in words.</summary>
    public static string Why(Rejection why, JobKey key) => Of(why, key).Message;

    private static Status Of(Rejection why, JobKey key) => why switch
    {
        Rejection.NotFound => NotFound(key),
        Rejection.AlreadyExists(var beingDeleted) => Status.AlreadyExists(JobResource.Names, key.Name, beingDeleted),
        Rejection.BadRequest(var message) => Status.BadRequest(message),
        Rejection.Invalid(var errors) => Status.Invalid(JobResource.Names, key.Name, errors),
        Rejection.FieldsFixed(var fields, var updatable) => Status.FieldsForbidden(JobResource.Names, key.Name, fields, updatable),
        Rejection.PatchFailed => Status.PatchFailed(),
        Rejection.NoScale(var path) => Status.NoScale(path),
        Rejection.RevisionMissing => Status.ResourceVersionMissing(JobResource.Names, key.Name),
        Rejection.Stale => Status.Modified(JobResource.Names, key.Name),
        Rejection.UidMismatch(var asked, var actual) => Status.UidMismatch(JobResource.Names, key.Namespace, key.Name, asked, actual),
        Rejection.NoneToApplyTo(var asked) => Status.Conflict(
            JobResource.Names, key.Name, $"uid mismatch: the provided object specified uid {asked}, and no existing object was found"),
        Rejection.CreateForbidden(var user) =>
            Status.Forbidden(user, "create", JobResource.Names.Group, JobResource.Names.Plural, "", key.Name, key.Namespace),
        Rejection.NoNewContent(var state, var named) => state switch
        {
            NamespaceState.Absent => Status.NotFound(NamespaceEndpoints.Namespaces, key.Namespace),
            NamespaceState.Terminating => Status.NamespaceTerminating(JobResource.Names, named, key.Namespace),
            _ => Status.Unavailable(
                $"the cluster cannot be asked for the namespace {key.Namespace}; nothing was changed"),
        },
        Rejection.ApplyConflict(var fields) => Status.ApplyConflict(
            FieldConflict.Message(fields), [.. fields.Select(field => new StatusCause("FieldManagerConflict", field.Cause, field.Path))]),
        Rejection.UidPrecondition(var asked, var actual) => Status.UidPrecondition(JobResource.Names, key.Name, asked, actual),
        Rejection.RevisionPrecondition(var asked, var actual) =>
            Status.ResourceVersionPrecondition(JobResource.Names, key.Name, asked, actual),
        _ => throw new System.Diagnostics.UnreachableException($"no answer for {why.GetType().Name}"),
    };
}
