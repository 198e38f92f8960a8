using EventStore.Domain.Manifests;
using EventStore.Server.Kubernetes;
using EventStore.Server.Kubernetes.Documents;
using EventStore.Server.Resources;
using JsonArray = System.Text.Json.Nodes.JsonArray;
using JsonObject = System.Text.Json.Nodes.JsonObject;
using Status = EventStore.Server.Kubernetes.Status;

namespace EventStore.Server.Activities;

/// <summary>What the documents say about the activity.</summary>
internal static class ActivityDocumentation
{
    public const string About = "How often somebody did something: changes of PyTorchJobs, counted by day, namespace, user, verb and "
        + "field; or a line for each job.";

    private const string Activity = "Activity";
    private const string ActivityList = Activity + "List";
    private static readonly TextShape Text = new();

    /// <summary>One line of it.</summary>
    public static ObjectShape Shape { get; } = new(
        ("apiVersion", Text, JobResource.Revisions.GroupVersion),
        ("changes", new IntegerShape(), "by=job: how many revisions the job has."),
        ("count", new IntegerShape(), "How many changes there were; by field, each counts once for each field it changed."),
        ("created", new TimeShape(), "by=job: when the job was created."),
        ("createdBy", Text, "by=job: who created it."),
        ("day", Text, "per=day: the day, in UTC."),
        ("deleted", new TimeShape(), "by=job: when it was deleted; absent while it lives."),
        ("field", Text, "by=field: the field, for example spec.cleanPodPolicy or metadata.labels."),
        ("finished", Text, "by=job: status.completionTime, else when it was deleted."),
        ("job", Text, "by=job: the name of the job."),
        ("kind", Text, Activity),
        ("lastChange", new TimeShape(), "by=job: when it was last changed."),
        ("lastRevision", new IntegerShape(), "by=job: the revision of its last change."),
        ("metadata", Schema.ObjectMeta, "The namespace, and the name of a job."),
        ("state", Text, "by=job: the type of the last of status.conditions."),
        ("uid", Text, "by=job: which job of that name."),
        ("user", Text, "by=user: who did it."),
        ("verb", Text, $"by=verb: one of {string.Join(", ", RevisionVerbs.All)}."));

    /// <summary>What a list of activity can be asked beyond what every list can.</summary>
    public static IReadOnlyList<ApiParameter> ListParameters { get; } =
    [
        new("by", Text, "What to count by: some of namespace, user, verb and field with commas between; or job alone, for "
            + "a line for each job. Absent: user,verb, in all namespaces namespace,user,verb."),
        new("per", new TextShape("day"), "day: count each day by itself."),
        new("since", Text, "Only this day (UTC) or later: 2026-11-23, or a time of RFC 3339 within it. With by=job: jobs changed since."),
        new("until", Text, "Only before this day (UTC). With by=job: jobs created before."),
    ];

    /// <summary>List, of one namespace.</summary>
    public static ApiOperation List() => Of("listActivity", "How often somebody did something");

    /// <summary>List, of all namespaces.</summary>
    public static ApiOperation ListAll() => Of("listAllActivity", "How often somebody did something, in all namespaces");

    private static ApiOperation Of(string id, string summary) => new(
        id, summary,
        """
        Changes are counted a moment after they are committed: `metadata.resourceVersion` is the revision up to which they are. A list with
        `resourceVersion` waits until those up to that revision are counted.

        The highest counts come first, with `per=day` the latest day before that; of jobs those that were changed last. An answer has at
        most `limit` lines; `metadata.remainingItemCount` says how many were left out.
        """)
    {
        Tag = "History",
        Parameters =
        [
            ApiParameters.Namespace,
            .. ListParameters,
            new ApiParameter("limit", new IntegerShape(), "The most lines of the answer."),
            ApiParameters.ResourceVersion,
            ApiParameters.Pretty,
        ],
        Answers = CommonAnswers.With(
            ActivityEndpoints.Resource,
            new ApiAnswer(200, "OK", ActivityList, Example()),
            ApiAnswer.Refusal(
                Status.BadRequest("per: Unsupported value: \"hour\": supported values: \"day\""),
                "BadRequest: a parameter cannot be understood"),
            CommonAnswers.Forbidden(ActivityEndpoints.Resource, "list"),
            ApiAnswer.Refusal(
                Status.TooLargeResourceVersion(72519300, 72519229), "Timeout: the revision that was named is not counted yet")),
    };

    private static JsonObject Example() => new()
    {
        ["apiVersion"] = ActivityEndpoints.Resource.GroupVersion,
        ["items"] = new JsonArray(new JsonObject
        {
            ["apiVersion"] = ActivityEndpoints.Resource.GroupVersion,
            ["count"] = 42,
            ["field"] = "spec.cleanPodPolicy",
            ["kind"] = Activity,
            ["metadata"] = new JsonObject { ["namespace"] = JobExamples.Namespace },
            ["user"] = "alice",
        }),
        ["kind"] = ActivityList,
        ["metadata"] = new JsonObject { ["resourceVersion"] = "72519229" },
    };
}
