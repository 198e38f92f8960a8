using System.Diagnostics.CodeAnalysis;
using EventStore.Domain.Jobs;
using EventStore.Server.Kubernetes;
using EventStore.Server.Store;
using Status = EventStore.Server.Kubernetes.Status;

namespace EventStore.Server.Audit;

/// <summary>What a revision did, and how a label selector asks for it.</summary>
internal static class RevisionSelector
{
    /// <summary>The verb of each event: what it did, in one word.</summary>
    private static readonly Dictionary<Type, string> Verbs = new()
    {
        [typeof(JobCreated)] = "Created",
        [typeof(JobPatched)] = "Patched",
        [typeof(JobReplaced)] = "Replaced",
        [typeof(JobStatusUpdated)] = "StatusUpdated",
        [typeof(JobRolledBack)] = "RolledBack",
        [typeof(JobDeletionRequested)] = "DeletionRequested",
        [typeof(JobDeleted)] = "Deleted",
    };

    /// <summary>All verbs.</summary>
    public static IReadOnlyCollection<string> AllVerbs => Verbs.Values;

    /// <summary>What the event did.</summary>
    public static string Verb(JobEvent happened) => Verbs[happened.GetType()];

    /// <summary>Understands <c>job=</c>, <c>uid=</c> and <c>verb=</c>; anything else is a 400 that says so.</summary>
    public static bool TryRead(LabelSelector labels, [NotNullWhen(true)] out RevisionQuery? query, [NotNullWhen(false)] out Status? refusal)
    {
        (query, refusal) = (new RevisionQuery(), null);
        foreach (LabelRequirement requirement in labels.Requirements)
        {
            query = requirement is { Operator: LabelOperator.Equal or LabelOperator.In, Values.Count: 1 } ? With(query, requirement.Key, requirement.Values[0]) : null;
            if (query is not null)
                continue;
            refusal = Status.BadRequest($"label selector not supported here: {requirement}; revisions are selected by job=NAME, uid=UID and "
                + $"verb=VERB, where VERB is one of {string.Join(", ", Verbs.Values)}");
            return false;
        }

        return true;
    }

    private static RevisionQuery? With(RevisionQuery query, string key, string value) => key switch
    {
        "job" => query with { Job = value },
        "uid" => Guid.TryParse(value, out Guid uid) ? query with { Uid = uid } : null,
        "verb" => Verbs.FirstOrDefault(verb => verb.Value == value).Key is { } type ? query with { EventName = MartenSetup.EventNames[type] } : null,
        _ => null,
    };
}
