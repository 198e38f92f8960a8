using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using EventStore.Domain.Json;
using EventStore.Domain.Manifests;
using EventStore.Server.Kubernetes;
using EventStore.Server.Kubernetes.Requests;
using Status = EventStore.Server.Kubernetes.Status;

namespace EventStore.Server.Audit;

/// <summary>The parameters of a list of revisions beyond those of every list: time range, order, and where the next page begins.</summary>
/// <param name="Since">Committed at this moment or later; null for no limit.</param>
/// <param name="Until">Committed before this moment: two windows that meet have no revision in common.</param>
/// <param name="OldestFirst">Whether the oldest comes first.</param>
internal sealed record RevisionWindow(DateTimeOffset? Since, DateTimeOffset? Until, bool OldestFirst)
{
    private static readonly string[] Names = ["since", "until", "order"];

    /// <summary>
    /// Reads <c>since</c>, <c>until</c> and <c>order</c>; a 400 for a value they cannot have, and for all of them on a watch.
    /// </summary>
    public static bool TryRead(
        IQueryCollection query, bool watch, [NotNullWhen(true)] out RevisionWindow? window, [NotNullWhen(false)] out Status? refusal)
    {
        window = null;
        refusal = watch ? RefuseOnWatch(query) : null;
        if (refusal is not null
            || !TryReadTime(query, "since", out DateTimeOffset? since, out refusal)
            || !TryReadTime(query, "until", out DateTimeOffset? until, out refusal))
            return false;
        if (since >= until)
            refusal = Status.BadRequest($"since must be before until: {Text(query, "since")} is not before {Text(query, "until")}");
        string order = Text(query, "order");
        if (order is not ("" or "newest" or "oldest"))
            refusal ??= Status.BadRequest(FieldError.NotSupported(FieldPath.Of("order"), order, "newest", "oldest").ToString());
        if (refusal is null)
            window = new RevisionWindow(since, until, order == "oldest");
        return refusal is null;
    }

    /// <summary>The token for the page behind a revision of this list.</summary>
    /// <param name="bound">The revision.</param>
    /// <param name="at">The revision all pages are read at.</param>
    /// <param name="selection">What the list is of: its namespace and its selectors, as text.</param>
    public ContinueToken Next(long bound, long at, string selection) =>
        ContinueToken.After(string.Create(CultureInfo.InvariantCulture, $"{Mark(selection)}/{bound}"), at);

    /// <summary>
    /// The revision a page begins behind; null for the first. A token of another list is refused: it would leave out some revisions and
    /// bring others again, and nobody would notice.
    /// </summary>
    public bool TryReadStart(ContinueToken? token, string selection, out long? behind, [NotNullWhen(false)] out Status? refusal)
    {
        (behind, refusal) = (null, null);
        if (token is null)
            return true;
        string[] parts = token.LastKey.Split('/');
        if (token.Revision < 0 || parts.Length != 2 || !long.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture,
            out long bound))
            refusal = Status.BadRequest($"invalid continue token: continue key is not valid: {token.LastKey}");
        else if (parts[0] != Mark(selection))
            refusal = Status.BadRequest("invalid continue token: it was given for a list with another namespace, selector, time or order");
        else
            behind = bound;
        return refusal is null;
    }

    private string Mark(string selection)
    {
        string list = string.Create(CultureInfo.InvariantCulture, $"{selection}\n{Since?.UtcTicks}\n{Until?.UtcTicks}\n{OldestFirst}");
        return Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(list)).AsSpan(0, 8));
    }

    private static Status? RefuseOnWatch(IQueryCollection query) => Names.FirstOrDefault(name => Text(query, name).Length > 0) is { } given
        ? Status.BadRequest($"{given} is for lists: a watch begins at a revision, and its frames come in the order of revisions")
        : null;

    private static bool TryReadTime(IQueryCollection query, string name, out DateTimeOffset? time, [NotNullWhen(false)] out Status? refusal)
    {
        (time, refusal) = (null, null);
        string text = Text(query, name);
        if (text.Length == 0)
            return true;
        if (!Rfc3339.TryRead(text, out DateTimeOffset read, out bool hasMoreDigits))
        {
            refusal = Status.BadRequest(
                FieldError.Invalid(FieldPath.Of(name), text, "must be a time of RFC 3339, such as 2026-11-23T07:58:24Z").ToString());
            return false;
        }

        // Event times are whole microseconds: "since" and "until" a moment between two of them select what they do from the next one on.
        time = hasMoreDigits && read < DateTimeOffset.MaxValue.AddSeconds(-1) ? read.AddMicroseconds(1) : read;
        return true;
    }

    private static string Text(IQueryCollection query, string name) => GoParsing.First(query[name]) ?? "";
}
