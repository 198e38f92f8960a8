using System.Globalization;
using EventStore.Domain.Json;
using EventStore.Server.Access;
using EventStore.Server.Kubernetes;
using EventStore.Server.Kubernetes.Answers;
using EventStore.Server.Kubernetes.Documents;
using EventStore.Server.Limits;
using EventStore.Server.Resources;
using EventStore.Server.Store.Activities;
using EventStore.Server.Store.Format;
using EventStore.Server.Store.Reads;
using Status = EventStore.Server.Kubernetes.Status;

namespace EventStore.Server.Activities;

/// <summary>
/// The activity on the wire: who did how much of what, and what became of each job. It can be listed, in one namespace or in all; it is
/// counted a moment after the changes, and every answer says up to which revision.
/// </summary>
internal static class ActivityEndpoints
{
    private const int GroupsMax = 100_000;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    /// <summary>The resource this folder serves.</summary>
    public static readonly ApiResource Resource = JobResource.Audit("activity", "activity", "Activity");

    private static readonly string EveryNamespace = Resource.Path();
    private static readonly string Collection = Resource.Path("{namespace}");

    /// <summary>What discovery says of it.</summary>
    public static IReadOnlyList<ServedResource> Served { get; } =
    [
        new(Resource, "", [], ["list"])
        {
            ListedAcrossNamespaces = true,
            Shape = ActivityDocumentation.Shape,
            About = ActivityDocumentation.About,
            ListParameters = ActivityDocumentation.ListParameters,
        },
    ];

    public static void MapActivity(this IEndpointRouteBuilder app)
    {
        RouteGroupBuilder activity = app.MapGroup(string.Empty);
        activity.MapRead(EveryNamespace, ListAll).Documented(ActivityDocumentation.ListAll);
        activity.MapRead(Collection, List).Documented(ActivityDocumentation.List);
        foreach (string path in (string[])[EveryNamespace, Collection])
            Fallback.MapOtherMethods(activity, path, Resource);
        activity.WithMetadata(new RequiresAccess(Resource.Group, Resource.Plural));
    }

    private static Task<IResult> ListAll(HttpContext http, ActivityReads reads, JobReads jobReads, TimeProvider clock) =>
        List(http, null, reads, jobReads, clock);

    private static async Task<IResult> List(
        HttpContext http, string? @namespace, ActivityReads reads, JobReads jobReads, TimeProvider clock)
    {
        if (!ActivityQuestion.TryRead(http.Request.Query, @namespace, out ActivityQuestion? question, out Status? refusal)
            || !ObjectView.TryRead(http, ActivityView.Kind(question), isList: true, out ObjectView form, out refusal))
            return refusal!;
        if (question.Revision is { } asked && await jobReads.WaitFor(asked, http.RequestAborted) is { } missing)
            return DatabaseAnswers.Missing(missing);
        long upTo = await reads.WaitFor(question.Revision ?? 0, Patience, http.RequestAborted);
        if (upTo < question.Revision)
            return Status.TooLargeResourceVersion(question.Revision.Value, upTo);
        ListLimits limits = http.RequestServices.GetRequiredService<ListLimits>();
        int limit = (int)Math.Min(question.Limit ?? limits.RevisionsUnasked, limits.Revisions);
        var view = new ActivityView(form, question, clock);
        if (question.OfJobs)
        {
            (IReadOnlyList<JobActivity> jobs, long total) = await reads.Jobs(question.Query, limit, http.RequestAborted);
            return Answer(form, jobs.Select(view.Item), total - jobs.Count, upTo);
        }

        IReadOnlyList<ActivityCount> counts = await reads.Counts(question.Query, GroupsMax + 1, http.RequestAborted);
        if (counts.Count > GroupsMax)
        {
            return Status.BadRequest(
                $"the answer has more than {GroupsMax} lines to choose from: name a namespace, since and until, or fewer words in by");
        }

        return Answer(form, ActivityView.InOrder(counts).Take(limit).Select(view.Item), Math.Max(0, counts.Count - limit), upTo);
    }

    private static JsonReply Answer(ObjectView form, IEnumerable<ReadOnlyMemory<byte>> items, long remaining, long upTo)
    {
        var metadata = JsonObject.Of(("resourceVersion", upTo.ToString(CultureInfo.InvariantCulture)));
        if (remaining > 0)
            metadata = metadata.With("remainingItemCount", remaining);
        return new JsonReply(200, form.Whole(items, metadata));
    }
}
