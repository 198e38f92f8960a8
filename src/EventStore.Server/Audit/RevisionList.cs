using System.Buffers;
using System.Globalization;
using System.Text;
using EventStore.Domain.Json;
using EventStore.Server.Kubernetes.Answers;
using EventStore.Server.Kubernetes.Requests;
using EventStore.Server.Limits;
using EventStore.Server.Store.History;

namespace EventStore.Server.Audit;

/// <summary>
/// Pages of the history. A page ends at the requested number of revisions, at a size in bytes, or when enough revisions were
/// examined. As everywhere in Kubernetes' API, <c>metadata.continue</c> says whether there is more, not the length of the page.
/// </summary>
internal static class RevisionList
{
    private const int BytesMax = 8 << 20;

    /// <summary>How many revisions a page has at most.</summary>
    public static int PageSize(ListOptions options, ListLimits limits) =>
        (int)Math.Min(options.Limit ?? limits.RevisionsUnasked, limits.Revisions);

    /// <summary>Reads a page.</summary>
    /// <param name="revisions">Reads the history.</param>
    /// <param name="query">What the page is of, from its beginning on.</param>
    /// <param name="size">How many revisions it has at most.</param>
    /// <param name="view">The form.</param>
    /// <param name="at">The revision all pages are read at.</param>
    /// <param name="next">The token of the page behind a revision.</param>
    /// <param name="text">Where the answer is put together; it is disposed of when it was sent.</param>
    /// <param name="stop">Cancels the read.</param>
    public static async Task<JsonReply> Page(
        RevisionReads revisions, RevisionQuery query, int size, RevisionView view, long at, Func<long, ContinueToken> next,
        PooledText text, CancellationToken stop)
    {
        Encoding.UTF8.GetBytes(view.Form.Frame(JsonObject.Empty).Begin, text);
        (int count, long behind, bool more) = (0, 0, false);
        await foreach (RevisionStep step in revisions.List(query, size + 1, stop)) // one more than the page has says that there are more
        {
            more = step.Revision is null || count == size || text.Length > BytesMax;
            if (step.Revision is null)
                behind = step.Bound;
            if (more)
                break;
            text.Write(count++ == 0 ? default : ","u8);
            view.WriteItem(step.Revision!, text);
            behind = step.Bound;
        }

        JsonObject metadata = JsonObject.Of(
            ("continue", more ? next(behind).ToString() : string.Empty), ("resourceVersion", at.ToString(CultureInfo.InvariantCulture)));
        Encoding.UTF8.GetBytes(view.Form.Frame(metadata).End, text);
        return new JsonReply(200, text.End());
    }
}
