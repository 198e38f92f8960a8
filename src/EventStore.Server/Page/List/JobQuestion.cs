using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using EventStore.Domain.Jobs;
using EventStore.Domain.Manifests;
using EventStore.Server.Jobs;
using EventStore.Server.Kubernetes;
using EventStore.Server.Kubernetes.Selectors;
using EventStore.Server.Limits;

namespace EventStore.Server.Page.List;

/// <summary>What the list of jobs is asked for: its address, read.</summary>
/// <param name="Namespace">The namespace; null for all.</param>
/// <param name="Labels">The label selector, as it was written.</param>
/// <param name="Name">What the names contain; empty for any.</param>
/// <param name="State">The state, in whatever case; empty for any.</param>
/// <param name="By">Who made the last change; empty for anybody.</param>
/// <param name="Since">How long ago the last change was at most, one of <see cref="Windows"/>, or a time; empty for no matter when.</param>
/// <param name="Deleted">Whether it is the deleted jobs that are wanted.</param>
/// <param name="After">Behind which job, or which revision of a deletion, the page begins; empty for the first page.</param>
public sealed record JobQuestion(
    string? Namespace, string Labels, string Name, string State, string By, string Since, bool Deleted, string After)
{
    /// <summary>The choices of <see cref="Since"/>.</summary>
    public static readonly IReadOnlyList<(string Value, string Text, TimeSpan Ago)> Windows =
    [
        ("10m", "in the last 10 minutes", TimeSpan.FromMinutes(10)), ("1h", "in the last hour", TimeSpan.FromHours(1)),
        ("24h", "in the last 24 hours", TimeSpan.FromHours(24)), ("7d", "in the last 7 days", TimeSpan.FromDays(7)),
    ];

    /// <summary>The jobs the API would list for its namespace and labels.</summary>
    internal JobSelection Selection { get; private init; } = new(null, LabelSelector.Everything, FieldSelector.Everything);

    /// <summary>The earliest moment of a last change; null for no limit.</summary>
    public DateTimeOffset? ChangedSince { get; private init; }

    /// <summary>Whether any filter but the namespace is set.</summary>
    public bool IsNarrowed => (Labels + Name + State + By + Since).Length > 0;

    /// <summary>The namespace of a page's query; null for all. The right to the page is asked with it.</summary>
    public static string? NamespaceOf(HttpRequest request) => Text(request.Query, "namespace") is { Length: > 0 } named ? named : null;

    /// <summary>Reads the address: 400 for what cannot be understood.</summary>
    public static bool TryRead(
        HttpContext http, TimeProvider clock, [NotNullWhen(true)] out JobQuestion? question, [NotNullWhen(false)] out Status? refusal)
    {
        IQueryCollection query = http.Request.Query;
        question = null;
        string labels = Text(query, "labelSelector"), since = Text(query, "since"), after = Text(query, "after");
        string? inNamespace = NamespaceOf(http.Request);
        if (!LabelSelector.TryParse(labels, out LabelSelector selector, out refusal, RequestLimits.Of(http).SelectorTerms)
            || !TryReadTime(since, clock.GetUtcNow(), out DateTimeOffset? changedSince, out refusal))
            return false;
        if (inNamespace is not null && NameRules.OfLabel(inNamespace).Count > 0)
            refusal = Status.BadRequest($"'{inNamespace}' is no name of a namespace");
        var read = new JobQuestion(
            inNamespace, labels, Text(query, "name"), Text(query, "state"), Text(
                query, "by"), since, Text(query, "show") == "deleted", after)
        {
            Selection = new JobSelection(inNamespace, selector, FieldSelector.Everything),
            ChangedSince = changedSince,
        };
        if (after.Length > 0 && (read.Deleted ? read.Behind is null : read.AfterKey is null))
            refusal ??= Status.BadRequest("after says where a page begins, and this is no such place");
        question = refusal is null ? read : null;
        return refusal is null;
    }

    /// <summary>The job behind which the page begins.</summary>
    public JobKey? AfterKey => After.Split('/') is [var @namespace, var name] ? new JobKey(@namespace, name) : null;

    /// <summary>The revision behind which the page of deleted jobs begins.</summary>
    public long? Behind => long.TryParse(After, NumberStyles.None, CultureInfo.InvariantCulture, out long revision) ? revision : null;

    /// <summary>The address of a list with these filters.</summary>
    public string Address(string path = JobListEndpoints.Path) => PageLinks.With(
        path, ("namespace", Namespace), ("labelSelector", Labels), ("name", Name), ("state", State), ("by", By), ("since", Since),
        ("show", Deleted ? "deleted" : ""), ("after", After));

    /// <summary>Whether the row is wanted, as far as it does not take reading who made the last change.</summary>
    public bool Covers(JobRow row) =>
        (Name.Length == 0 || row.Key.Name.Contains(Name, StringComparison.OrdinalIgnoreCase))
        && (State.Length == 0 || string.Equals(row.State, State, StringComparison.OrdinalIgnoreCase))
        && (ChangedSince is not { } since || row.Changed >= since);

    private static bool TryReadTime(string text, DateTimeOffset now, out DateTimeOffset? time, [NotNullWhen(false)] out Status? refusal)
    {
        (time, refusal) = (null, null);
        if (text.Length == 0)
            return true;
        if (Windows.FirstOrDefault(window => window.Value == text) is { Value: not null } ago)
            time = now - ago.Ago;
        else if (DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out DateTimeOffset read))
            time = read;
        else
            refusal = Status.BadRequest($"since is 10m, 1h, 24h, 7d or a time such as 2026-11-23T07:58:24Z, and not '{text}'");
        return refusal is null;
    }

    // What holds U+0000 the database cannot be asked for, and nothing there has it.
    private static string Text(IQueryCollection query, string name) =>
        query[name].ToString().Trim().Replace("\0", "", StringComparison.Ordinal);
}

/// <summary>A line of the list.</summary>
/// <param name="Key">The job.</param>
/// <param name="State">Its last condition; null for none.</param>
/// <param name="Created">When it was created; null when it does not say.</param>
/// <param name="Revision">The revision of its last change.</param>
/// <param name="Changed">When that was.</param>
public sealed record JobRow(JobKey Key, string? State, DateTimeOffset? Created, long Revision, DateTimeOffset Changed)
{
    /// <summary>Who made the last change; null where the reader may not know.</summary>
    public string? By { get; init; }
}

/// <summary>A page of the list.</summary>
/// <param name="Question">What was asked.</param>
/// <param name="Rows">The jobs.</param>
/// <param name="Next">Where the next page begins; null at the end.</param>
/// <param name="Head">The revision the page stands at.</param>
public sealed record JobListModel(JobQuestion Question, IReadOnlyList<JobRow> Rows, string? Next, long Head)
{
    /// <summary>Whether the reader may know who changed what, and see deleted jobs.</summary>
    public bool MayReadHistory { get; init; }

    /// <summary>Whether the page ends because it took long enough to find what it has, and not because it is full.</summary>
    public bool LookedEnough { get; init; }

    /// <summary>Namespaces to choose from, where the reader may list them.</summary>
    public IReadOnlyList<string> Namespaces { get; init; } = [];

    /// <summary>The stream that tells of changes; null where the reader may not watch, or for deleted jobs.</summary>
    public string? Live { get; init; }

    /// <summary>The same as commands.</summary>
    public IReadOnlyList<Command> Commands { get; init; } = [];
}
