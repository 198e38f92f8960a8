using EventStore.Domain.Manifests;
using EventStore.Server.Kubernetes.Requests;

namespace EventStore.Server.Kubernetes.Documents;

/// <summary>
/// Kubernetes' common query parameters, as far as they are read here: one table from which all three documents are printed, the one
/// for people, OpenAPI v3 and OpenAPI v2.
/// </summary>
internal static class ApiParameters
{
    private static readonly TextShape Text = new();
    private static readonly FlagShape Flag = new();

    /// <summary><c>namespace</c></summary>
    public static readonly ApiParameter Namespace = new("namespace", Text,
        "object name and auth scope, such as for teams and projects. Namespaces are implicit: each exists as soon as it is named.")
    { InPath = true };

    /// <summary><c>pretty</c></summary>
    public static readonly ApiParameter Pretty = new("pretty", Text,
        "If 'true', then the output is pretty printed. Absent: for curl, Wget and browsers only.");

    /// <summary><c>resourceVersion</c> of a read.</summary>
    public static readonly ApiParameter ResourceVersion = new("resourceVersion", Text,
        "The answer is not older than this revision: the server waits up to 3 seconds for one it does not have yet, then answers 504. "
        + "Absent or 0: the current state.");

    private static readonly ApiParameter ResourceVersionMatch =
        new("resourceVersionMatch", new TextShape("Exact", "NotOlderThan"), "`Exact`: as of exactly that revision, however old it is.");

    /// <summary><c>asOf</c></summary>
    public static readonly ApiParameter AsOf = new(Requests.AsOf.Parameter, Text,
        "As of this time (RFC 3339, such as `2026-11-23T07:58:24Z`), by the database's clock; not beside `resourceVersion` or `watch`.");

    /// <summary><c>labelSelector</c></summary>
    public static readonly ApiParameter LabelSelector = new(
        "labelSelector", Text, "Restricts the list to objects whose labels match this selector, such as `team=ml,stage in (dev,test)`.");

    /// <summary><c>fieldSelector</c></summary>
    public static readonly ApiParameter FieldSelector = new(
        "fieldSelector", Text, "Restricts the list by the fields `metadata.name` and `metadata.namespace`.");

    /// <summary><c>limit</c></summary>
    public static readonly ApiParameter Limit = new("limit", new IntegerShape(), "The most objects on a page.");

    /// <summary><c>continue</c></summary>
    public static readonly ApiParameter Continue = new("continue", Text, "Continues a list: `metadata.continue` of the page before.");

    /// <summary>What a read of one object takes.</summary>
    public static readonly IReadOnlyList<ApiParameter> OfReads = [Pretty, ResourceVersion, ResourceVersionMatch, AsOf];

    /// <summary>What a list takes.</summary>
    public static readonly IReadOnlyList<ApiParameter> OfLists =
    [
        Pretty,
        LabelSelector,
        FieldSelector,
        Limit,
        Continue,
        ResourceVersion,
        ResourceVersionMatch,
        AsOf,
        new("watch", Flag,
            "Streams every change, one JSON frame a line, from the resourceVersion on; without one, the current objects come first."),
        new("timeoutSeconds", new IntegerShape(), "How many seconds a watch lasts."),
        new("allowWatchBookmarks", Flag, "Whether a watch may send BOOKMARK frames."),
        new("sendInitialEvents", Flag, "Whether a watch begins with the current objects, ended by an annotated bookmark."),
    ];

    private static readonly ApiParameter DryRun = new(
        "dryRun", new TextShape("All"), "`All`: answers as if the request were carried out, and stores nothing.");

    private static readonly ApiParameter Reason = new("reason", Text,
        "Why, in the user's words, at most 1,024 bytes: kept with the change. The header `Audit-Reason` says the same, percent-encoded.");

    /// <summary>What every write takes.</summary>
    public static readonly IReadOnlyList<ApiParameter> OfWrites =
    [
        Pretty,
        DryRun,
        new("fieldManager", Text,
            $"The client's name for itself: printable characters, at most {WriteOptions.FieldManagerBytesMax} bytes."),
        new("fieldValidation", new TextShape("Warn", "Strict", "Ignore"),
            "What to do about unknown fields (in whole objects) and duplicate members: warn in `Warning` headers, refuse the request, "
            + "or ignore them. Absent: `Warn`."),
        Reason,
    ];

    /// <summary>What an apply takes besides.</summary>
    public static readonly ApiParameter Force = new("force", Flag,
        "Whether an applied configuration takes over the fields that other managers own; not for other patches.");

    /// <summary>What a deletion takes in the query; a body of kind DeleteOptions takes its place.</summary>
    public static readonly IReadOnlyList<ApiParameter> OfDeletes =
    [
        Pretty,
        DryRun,
        Reason,
        new("gracePeriodSeconds", new IntegerShape(0), "Checked, but without effect: no pods run here that could be given time."),
        new("propagationPolicy", new TextShape("Background", "Foreground", "Orphan"),
            "Checked, but without effect in the documented profile: no garbage collector runs here, and the job is deleted at once "
            + "unless it has finalizers."),
        new("orphanDependents", Flag, "Deprecated form of `propagationPolicy`; not both."),
    ];

    /// <summary>What the deletion of a collection takes.</summary>
    public static readonly IReadOnlyList<ApiParameter> OfCollectionDeletes = [.. OfLists.Union(OfDeletes)];
}
