using EventStore.Domain.Json;
using EventStore.Server.Access;
using EventStore.Server.Activities;
using EventStore.Server.Kubernetes;
using EventStore.Server.Resources;
using EventStore.Server.Store.Activities;
using EventStore.Server.Store.History;
using EventStore.Server.Store.Reads;

namespace EventStore.Server.Page.Changes;

/// <summary>Who changed what, with the right to list revisions.</summary>
internal static class ChangeEndpoints
{
    /// <summary>Where it is.</summary>
    public const string Path = PageSetup.Root + "/activity";

    private const string LivePath = PageLinks.LiveChanges;
    private static readonly ApiResource Revisions = JobResource.Revisions;

    /// <summary>Maps it.</summary>
    public static void MapChanges(this IEndpointRouteBuilder page)
    {
        var required = new RequiresAccess(Revisions.Group, Revisions.Plural, Verb: "list") { SelectedNamespace = PageQuery.NamespaceOf };
        page.MapRead("/activity", Show, required);
        page.MapRead("/activity/live", Follow, required with { Verb = "watch" });
    }

    private static async Task<IResult> Show(HttpContext http, JobReads jobs, RevisionReads revisions, TimeProvider clock)
    {
        if (!ChangeQuestion.TryRead(http, clock, out ChangeQuestion? question, out Status? refusal))
            return refusal;
        bool mayCount = question.IsCounted && await http.May("list", ActivityEndpoints.Resource, question.Namespace);
        bool mayWatch = question.Before is null && await http.May("watch", Revisions, question.Namespace);
        return await LiveFragments.Show(http, (mayCount, mayWatch), async () =>
        {
            ChangeListModel model = await new ChangeReads(jobs, revisions).Page(question, http.RequestAborted);
            if (mayCount && http.RequestServices.GetService<ActivityReads>() is { } activity)
                model = await ChangeReads.WithDays(model, activity, clock.GetUtcNow(), http.RequestAborted);
            IResult page = PageAnswers.Show<ChangeListPage>(model with
            {
                Live = mayWatch ? PageLinks.Also(question.Address(LivePath), "from", PageLinks.Number(model.Head)) : null,
                Commands = Commands(http.Request, question),
            });
            return (page, model.Head);
        });
    }

    private static async Task<IResult> Follow(HttpContext http, TimeProvider clock) =>
        ChangeQuestion.TryRead(http, clock, out ChangeQuestion? question, out Status? refusal)
            ? await new LiveStream(http).Run((question with { Path = "", Since = "", Until = "" }).Address(LivePath), question.MayConcern)
            : refusal;

    private static Command[] Commands(HttpRequest request, ChangeQuestion question)
    {
        string fields = question.FieldSelector;
        string[] selector = fields.Length > 0 ? ["--field-selector", fields] : [];
        return
        [
            Command.Kubectl(["get", Revisions.Plural, .. Command.In(question.Namespace), .. selector]),
            Command.Curl(request, PageLinks.With(
                Command.PathOf(Revisions, question.Namespace), ("fieldSelector", fields), ("since", Written(question.From)),
                ("until", Written(question.To)))),
        ];
    }

    private static string? Written(DateTimeOffset? time) => time is { } there ? Rfc3339.Of(there) : null;
}
