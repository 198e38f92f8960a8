using EventStore.Domain.Apply;
using EventStore.Domain.Json;
using EventStore.Domain.Manifests;

namespace EventStore.Domain.Jobs;

/// <summary>The result of a command: an event, no change, or a refusal.</summary>
public abstract record Decision
{
    private protected Decision()
    {
    }

    /// <summary>No change: the job already is as the caller wants it. No event, the same resourceVersion.</summary>
    public static readonly Decision NothingToDo = new Unchanged();

    /// <summary>An event that happens.</summary>
    public static implicit operator Decision(JobEvent happens) => new Accepted(happens);

    /// <summary>A refusal.</summary>
    public static implicit operator Decision(Rejection why) => new Refused(why);

    /// <summary>The command is carried out by this event.</summary>
    public sealed record Accepted(JobEvent Event) : Decision;

    /// <summary>Nothing changes.</summary>
    public sealed record Unchanged : Decision;

    /// <summary>The command is refused, and nothing changes.</summary>
    public sealed record Refused(Rejection Why) : Decision;
}

/// <summary>The reasons for which a command is refused, a closed list. Jobs/JobAnswers of the server answers each.</summary>
public abstract record Rejection
{
    private protected Rejection()
    {
    }

    /// <summary>There is no such job.</summary>
    public sealed record NotFound : Rejection;

    /// <summary>There is such a job already.</summary>
    /// <param name="BeingDeleted">Whether its deletion was requested and finalizers hold it.</param>
    public sealed record AlreadyExists(bool BeingDeleted) : Rejection;

    /// <summary>The request contradicts itself or cannot be read as a job.</summary>
    public sealed record BadRequest(string Message) : Rejection;

    /// <summary>Values are outside their range, each named.</summary>
    public sealed record Invalid(IReadOnlyList<FieldError> Errors) : Rejection
    {
        /// <summary>One value outside its range.</summary>
        public Invalid(FieldError error)
            : this([error])
        {
        }
    }

    /// <summary>The change touches fields that cannot be updated.</summary>
    /// <param name="Fields">Those fields.</param>
    /// <param name="Updatable">The fields that can be.</param>
    public sealed record FieldsFixed(IReadOnlyList<FieldPath> Fields, IReadOnlyList<string> Updatable) : Rejection;

    /// <summary>An operation of a JSON Patch does not apply to the object, or the operations are too much work.</summary>
    public sealed record PatchFailed : Rejection;

    /// <summary>The job has no field the scale subresource could show.</summary>
    /// <param name="Path">Where it would stand.</param>
    public sealed record NoScale(string Path) : Rejection;

    /// <summary>The resourceVersion is not usable as a lock: null, empty or zero; or missing in a replacement.</summary>
    public sealed record RevisionMissing : Rejection;

    /// <summary>The caller named a resourceVersion that is not the current one.</summary>
    public sealed record Stale : Rejection;

    /// <summary>A replacement named another incarnation.</summary>
    /// <param name="Asked">The uid in the body.</param>
    /// <param name="Actual">The job's; empty when there is no such job.</param>
    public sealed record UidMismatch(string Asked, string Actual) : Rejection;

    /// <summary>An apply named an incarnation, and there is no such job.</summary>
    /// <param name="Asked">The uid in the body.</param>
    public sealed record NoneToApplyTo(string Asked) : Rejection;

    /// <summary>An apply would create the job, which the caller may not.</summary>
    /// <param name="User">The caller.</param>
    public sealed record CreateForbidden(string User) : Rejection;

    /// <summary>An apply would change what others own.</summary>
    /// <param name="Fields">Each such field with its owner.</param>
    public sealed record ApplyConflict(IReadOnlyList<FieldConflict> Fields) : Rejection;

    /// <summary>A job would be created in a namespace in which none may be, or changed in one that is absent.</summary>
    /// <param name="State">Why not; never <see cref="NamespaceState.Active"/>.</param>
    /// <param name="Named">What the job is called: its name, or the beginning of one that is generated.</param>
    public sealed record NoNewContent(NamespaceState State, string Named) : Rejection
    {
        /// <summary>Null where jobs may be created.</summary>
        internal static Rejection? In(NamespaceState state, string named) =>
            state == NamespaceState.Active ? null : new NoNewContent(state, named);
    }

    /// <summary>A delete named another incarnation.</summary>
    public sealed record UidPrecondition(string Asked, string Actual) : Rejection;

    /// <summary>A delete named another revision.</summary>
    public sealed record RevisionPrecondition(string Asked, string Actual) : Rejection;
}
