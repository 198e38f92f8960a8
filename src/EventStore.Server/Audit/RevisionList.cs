using System.Globalization;
using EventStore.Domain.Json;
using EventStore.Server.Kubernetes.Answers;
using EventStore.Server.Kubernetes.Requests;
using EventStore.Server.Limits;
using EventStore.Server.Store.History;
using EventStore.Server.Telemetry;

namespace EventStore.Server.Audit;

/// <summary>
/// Pages of the history. A page ends at the requested number of revisions, at a size in bytes, or when enough revisions were
/// examined. As everywhere in Kubernetes' API, <c>metadata.continue</c> says whether there is more, not the length of the page. It is
/// streamed, so memory does not grow with it.
/// </summary>
internal static class RevisionList
{
    private const int BytesMax = 8 << 20;

    /// <summary>How many revisions a page has at most.</summary>
    public static int PageSize(ListOptions options, ListLimits limits) =>
        (int)Math.Min(options.Limit ?? limits.RevisionsUnasked, limits.Revisions);

    /// <summary>Sends a page.</summary>
    /// <param name="http">The request.</param>
    /// <param name="revisions">Reads the history.</param>
    /// <param name="query">What the page is of, from its beginning on.</param>
    /// <param name="size">How many revisions it has at most.</param>
    /// <param name="view">The form.</param>
    /// <param name="at">The revision all pages are read at.</param>
    /// <param name="next">The token of the page behind a revision.</param>
    public static async Task<IResult> Send(
        HttpContext http, RevisionReads revisions, RevisionQuery query, int size, RevisionView view, long at,
        Func<long, ContinueToken> next)
    {
        await using IAsyncEnumerator<RevisionStep> steps = revisions
            .List(query, size + 1, http.RequestAborted) // one more than the page has says that there are more
            .GetAsyncEnumerator(http.RequestAborted);
        bool any = await steps.MoveNextAsync(); // before anything is written: if the database cannot answer, that is the answer
        ListText text = ListText.For(http.Request);
        var reply = new StreamedReply(http, text.ContentType);
        text.Begin(view.Form.Frame(JsonObject.Empty), reply.Text);
        (int count, long bytes, long behind, bool more) = (0, 0, 0, false);
        for (; any; any = await steps.MoveNextAsync())
        {
            RevisionStep step = steps.Current;
            more = step.Revision is null || count == size || bytes > BytesMax;
            if (step.Revision is null)
                behind = step.Bound;
            if (more)
                break;
            byte[] item = view.Item(step.Revision!);
            text.Item(item, isFirst: count++ == 0, view.Form.ItemsName, reply.Text);
            (behind, bytes) = (step.Bound, bytes + item.Length);
            await reply.SendIfMuch();
        }

        JsonObject metadata = JsonObject.Of(
            ("continue", more ? next(behind).ToString() : string.Empty), ("resourceVersion", at.ToString(CultureInfo.InvariantCulture)));
        text.End(view.Form.Frame(metadata), count > 0, reply.Text);
        await reply.End();
        RequestLog.Sent(http, reply.Written);
        return Results.Empty;
    }
}
