using EventStore.Server.Access;
using EventStore.Server.Jobs;
using EventStore.Server.Kubernetes;
using EventStore.Server.Resources;
using EventStore.Server.Store.History;
using EventStore.Server.Store.Reads;

namespace EventStore.Server.Page.List;

/// <summary>The list of jobs, with the right to list them; what the history knows of them only with the right to that.</summary>
internal static class JobListEndpoints
{
    /// <summary>Where it is.</summary>
    public const string Path = PageSetup.Root + "/jobs";

    private const string LivePath = Path + "/live";
    private const int NamespacesMax = 500;
    private static readonly ApiResource Jobs = JobResource.Names;

    /// <summary>Maps it.</summary>
    public static void MapJobList(this IEndpointRouteBuilder page)
    {
        var required = new RequiresAccess(Jobs.Group, Jobs.Plural, Verb: "list") { SelectedNamespace = PageQuery.NamespaceOf };
        page.MapRead("/jobs", Show, required);
        page.MapRead("/jobs/live", Follow, required with { Verb = "watch" });
    }

    private static async Task<IResult> Show(
        HttpContext http, JobReads jobs, RevisionReads revisions, TimeProvider clock)
    {
        if (!JobQuestion.TryRead(http, clock, out JobQuestion? question, out Status? refusal))
            return refusal;
        bool mayReadHistory = await PastRights.MayReadHistory(http, "list", question.Namespace);
        if (!mayReadHistory && (question.Deleted || question.By.Length > 0))
            return PastRights.RefuseHistory(http, "list", question.Namespace);
        bool mayListNamespaces = await http.May("list", NamespaceEndpoints.Namespaces, null);
        bool mayWatch = !question.Deleted && await http.May("watch", Jobs, question.Namespace);
        return await LiveFragments.Show(http, (mayReadHistory, mayListNamespaces, mayWatch), async () =>
        {
            var reads = new JobListReads(jobs, revisions);
            JobListModel model = question.Deleted
                ? await reads.Deleted(question, http.RequestAborted)
                : await reads.Living(question, mayReadHistory, http.RequestAborted);
            IResult page = PageAnswers.Show<JobListPage>(model with
            {
                MayReadHistory = mayReadHistory,
                Namespaces = mayListNamespaces
                    ? await jobs.Namespaces([], http.RequestAborted).Take(NamespacesMax).Select(each => each.Name)
                        .ToListAsync(http.RequestAborted)
                    : [],
                Live = mayWatch ? LiveAddress(model) : null,
                Commands = Commands(http.Request, question),
            });
            return (page, model.Head);
        });
    }

    private static string LiveAddress(JobListModel model) => PageLinks.With(
        LivePath, ("namespace", model.Question.Namespace), ("labelSelector", model.Question.Labels), ("after", model.Question.After),
        ("through", model.Next ?? ""), ("from", PageLinks.Number(model.Head)));

    private static async Task<IResult> Follow(HttpContext http, TimeProvider clock)
    {
        if (!JobQuestion.TryRead(http, clock, out JobQuestion? question, out Status? refusal))
            return refusal;
        JobRange range = question.Selection.Range with { Behind = question.AfterKey, Containing = [] };
        string through = http.Request.Query["through"].ToString();
        if (through.Split('/') is [var @namespace, var name])
            range = range with { Through = new(@namespace, name) };
        // Whether a job has the wanted labels is seen when the page is made again.
        string view = PageLinks.With(LivePath, ("namespace", question.Namespace), ("after", question.After), ("through", through));
        return await new LiveStream(http).Run(view, change => range.Has(change.Key));
    }

    private static Command[] Commands(HttpRequest request, JobQuestion question)
    {
        string?[] selector = question.Labels.Length > 0 ? ["-l", question.Labels] : [];
        if (!question.Deleted)
        {
            return
            [
                Command.Kubectl([
                    "get", Jobs.Plural, .. Command.In(question.Namespace), .. selector]),
                Command.Curl(request, PageLinks.With(Command.PathOf(Jobs, question.Namespace), ("labelSelector", question.Labels))),
            ];
        }

        string fields = question.By.Length > 0 ? $"verb=Deleted,user={Command.FieldValue(question.By)}" : "verb=Deleted";
        return
        [
            Command.Kubectl(["get", JobResource.Revisions.Plural, .. Command.In(question.Namespace), "--field-selector", fields]),
            Command.Curl(request, PageLinks.With(Command.PathOf(JobResource.Revisions, question.Namespace), ("fieldSelector", fields))),
        ];
    }
}
