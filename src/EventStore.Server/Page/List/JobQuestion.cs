using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using EventStore.Domain.Jobs;
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
/// <param name="Since">How long ago the last change was at most, as <see cref="TimeWindow"/> reads it; empty for no matter when.</param>
/// <param name="Deleted">Whether it is the deleted jobs that are wanted.</param>
/// <param name="After">Behind which job, or which revision of a deletion, the page begins; empty for the first page.</param>
public sealed record JobQuestion(
    string? Namespace, string Labels, string Name, string State, string By, string Since, bool Deleted, string After)
{
    /// <summary>The jobs the API would list for its namespace and labels.</summary>
    internal JobSelection Selection { get; private init; } = new(null, LabelSelector.Everything, FieldSelector.Everything);

    /// <summary>The earliest moment of a last change; null for no limit.</summary>
    public DateTimeOffset? ChangedSince { get; private init; }

    /// <summary>Whether any filter but the namespace is set.</summary>
    public bool IsNarrowed => (Labels + Name + State + By + Since).Length > 0;

    /// <summary>Reads the address: 400 for what cannot be understood.</summary>
    public static bool TryRead(
        HttpContext http, TimeProvider clock, [NotNullWhen(true)] out JobQuestion? question, [NotNullWhen(false)] out Status? refusal)
    {
        IQueryCollection query = http.Request.Query;
        question = null;
        string Text(string name) => PageQuery.Text(query, name);
        (string labels, string since, string after) = (Text("labelSelector"), Text("since"), Text("after"));
        string? inNamespace = PageQuery.NamespaceOf(http.Request);
        if (!LabelSelector.TryParse(labels, out LabelSelector selector, out refusal, RequestLimits.Of(http).SelectorTerms)
            || !TimeWindow.TryRead("since", since, clock.GetUtcNow(), out DateTimeOffset? changedSince, out refusal))
            return false;
        refusal = PageQuery.RefuseNamespace(inNamespace);
        var read = new JobQuestion(
            inNamespace, labels, Text("name"), Text("state"), Text("by"), since, Text("show") == "deleted", after)
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

    /// <summary>Whether the row matches, apart from the user of the last change, which is read separately.</summary>
    public bool Covers(JobRow row) =>
        (Name.Length == 0 || row.Key.Name.Contains(Name, StringComparison.OrdinalIgnoreCase))
        && (State.Length == 0 || string.Equals(row.State, State, StringComparison.OrdinalIgnoreCase))
        && (ChangedSince is not { } since || row.Changed >= since);
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
