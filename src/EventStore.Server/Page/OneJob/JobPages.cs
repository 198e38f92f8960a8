using EventStore.Domain.Jobs;
using EventStore.Server.Access;
using EventStore.Server.Jobs;
using EventStore.Server.Kubernetes;
using EventStore.Server.Resources;

namespace EventStore.Server.Page.OneJob;

/// <summary>The pages of one job. Each needs the right that the API asks for the same.</summary>
internal static class JobPages
{
    private const string Item = "/namespaces/{namespace}/jobs/{name}";

    /// <summary>The right to the revisions of a namespace.</summary>
    public static readonly RequiresAccess ToHistory = new(JobResource.Revisions.Group, JobResource.Revisions.Plural, Verb: "list");

    private static readonly RequiresAccess ToJob = new(JobResource.Names.Group, JobResource.Names.Plural, Verb: "get");
    private static readonly RequiresAccess ToDiff = new(JobResource.Names.Group, JobResource.Names.Plural, "diff", "get");
    private static readonly RequiresAccess ToRollback = new(JobResource.Names.Group, JobResource.Names.Plural, "rollback", "create");
    private static readonly RequiresAccess ToRestore = new(JobResource.Names.Group, JobResource.Names.Plural, "restore", "create");

    /// <summary>The route table.</summary>
    public static void MapJobPages(this IEndpointRouteBuilder page)
    {
        page.MapRead(Item, HistoryPages.Get, ToHistory);
        page.MapRead(Item + "/at", ObjectPages.Find, ToJob);
        page.MapRead(Item + "/revisions/{revision:long}", ObjectPages.Get, ToJob);
        page.MapRead(Item + "/compare", ComparePages.Get, ToDiff);
        page.MapRead(Item + "/compare/patch", JobDifference.Get, ToDiff); // the API's own answer
        page.MapRead(Item + "/go-back", GoBackPages.Ask, ToRollback);
        page.MapPost(Item + "/go-back", GoBackPages.Go).WithMetadata(ToRollback).DisableAntiforgery().RequiresFormToken();
        page.MapRead(Item + "/restore", RestorePages.Ask, ToRestore);
        page.MapPost(Item + "/restore", RestorePages.Go).WithMetadata(ToRestore).DisableAntiforgery().RequiresFormToken();
    }

    /// <summary>A page of a job.</summary>
    public static string Link(JobKey key, string page, params (string Name, string? Value)[] query) =>
        PageLinks.With($"{PageLinks.Job(key)}{page}", query);
}

/// <summary>What the reader may do with a job: a page offers nothing that would be refused.</summary>
/// <param name="MayList">Whether the revisions of its namespace.</param>
/// <param name="MayGet">Whether the job.</param>
/// <param name="MayCompare">Whether the difference between revisions.</param>
/// <param name="MayBlame">Whether the last setter of each value.</param>
/// <param name="MayGoBack">Whether a rollback may be made.</param>
/// <param name="MayRestore">Whether a deleted one may be brought back.</param>
public sealed record JobRights(bool MayList, bool MayGet, bool MayCompare, bool MayBlame, bool MayGoBack, bool MayRestore)
{
    /// <summary>No right at all.</summary>
    public static readonly JobRights None = new(false, false, false, false, false, false);

    /// <summary>Asks as the API would at each of these requests.</summary>
    public static async ValueTask<JobRights> Of(HttpContext http, JobKey key)
    {
        ValueTask<bool> May(string verb, ApiResource resource, string subresource, string? name) =>
            http.May(verb, resource, key.Namespace, name, subresource);
        return new JobRights(
            await May("list", JobResource.Revisions, string.Empty, null),
            await May("get", JobResource.Names, string.Empty, key.Name),
            await May("get", JobResource.Names, "diff", key.Name),
            await May("get", JobResource.Names, "blame", key.Name),
            await May("create", JobResource.Names, "rollback", key.Name),
            await May("create", JobResource.Names, "restore", key.Name));
    }
}
