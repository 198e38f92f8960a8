using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using EventStore.Server.Kubernetes;
using EventStore.Server.Resources;
using EventStore.Server.Store.Activities;
using EventStore.Server.Store.History;

namespace EventStore.Server.Page.Changes;

/// <summary>Which changes are asked for: the address of the page, read.</summary>
/// <param name="Namespace">The namespace; null for all.</param>
/// <param name="Job">The job's name; empty for any.</param>
/// <param name="User">Who made them; empty for anybody.</param>
/// <param name="Verb">What they did, one of <see cref="RevisionVerbs"/>; empty for anything.</param>
/// <param name="Path">A field they changed; empty for any.</param>
/// <param name="Since">From when on, as <see cref="TimeWindow"/> reads it; empty for the beginning.</param>
/// <param name="Until">Before when; empty for now.</param>
/// <param name="Before">The page begins behind this revision, towards older ones; null for the first page.</param>
public sealed record ChangeQuestion(
    string? Namespace, string Job, string User, string Verb, string Path, string Since, string Until, long? Before)
{
    /// <summary>The earliest moment; null for no limit.</summary>
    public DateTimeOffset? From { get; private init; }

    /// <summary>The moment before which they were; null for no limit.</summary>
    public DateTimeOffset? To { get; private init; }

    /// <summary>Whether any filter is set.</summary>
    public bool IsNarrowed => (Namespace + Job + User + Verb + Path + Since + Until).Length > 0;

    /// <summary>What the history is asked, but for times.</summary>
    internal RevisionQuery Query
    {
        get
        {
            var query = new RevisionQuery();
            (RevisionField Field, string Value)[] fields =
            [
                (RevisionField.Namespace, Namespace ?? ""), (RevisionField.Job, Job), (
                    RevisionField.User, User), (RevisionField.Path, Path),
                (RevisionField.Event, Verb.Length > 0 ? RevisionVerbs.EventName(Verb)! : ""),
            ];
            foreach ((RevisionField asked, string value) in fields.Where(each => each.Value.Length > 0))
                query = query.And(new RevisionCondition(asked, true, [value]));
            return query;
        }
    }

    /// <summary>Whether the activity projection has counts for this filter: not by job, nor by more than two names of a path.</summary>
    internal bool IsCounted => Job.Length == 0 && (Path.Length == 0 || ActivityField.IsCounted(Path));

    /// <summary>Whether a change may be on the page. Which fields it changed is seen when the page is made again.</summary>
    internal bool MayConcern(ChangedJob change) =>
        (Namespace is null || change.Key.Namespace == Namespace) && (Job.Length == 0 || change.Key.Name == Job)
        && (User.Length == 0 || change.User == User) && (Verb.Length == 0 || change.Type == RevisionVerbs.EventName(Verb));

    /// <summary>The selectors by which the API lists the same.</summary>
    internal string FieldSelector
    {
        get
        {
            (string Name, string Value)[] asked = [("job", Job), ("user", User), ("verb", Verb), ("path", Path)];
            return string.Join(
                ',', asked.Where(each => each.Value.Length > 0).Select(each => $"{each.Name}={Command.FieldValue(each.Value)}"));
        }
    }

    /// <summary>Reads the address: 400 for what cannot be understood.</summary>
    internal static bool TryRead(
        HttpContext http, TimeProvider clock, [NotNullWhen(true)] out ChangeQuestion? question, [NotNullWhen(false)] out Status? refusal)
    {
        IQueryCollection query = http.Request.Query;
        DateTimeOffset now = clock.GetUtcNow();
        question = null;
        (string since, string until) = (PageQuery.Text(query, "since"), PageQuery.Text(query, "until"));
        if (!TimeWindow.TryRead("since", since, now, out DateTimeOffset? from, out refusal)
            || !TimeWindow.TryRead("until", until, now, out DateTimeOffset? to, out refusal))
            return false;
        (string before, string verb) = (PageQuery.Text(query, "before"), PageQuery.Text(query, "verb"));
        long bound = 0;
        if (before.Length > 0 && !long.TryParse(before, NumberStyles.None, CultureInfo.InvariantCulture, out bound))
            refusal = Status.BadRequest("before is the number of a revision");
        if (verb.Length > 0 && !RevisionVerbs.All.Contains(verb))
            refusal ??= Status.BadRequest($"verb is one of {string.Join(", ", RevisionVerbs.All)}");
        refusal ??= PageQuery.RefuseNamespace(PageQuery.NamespaceOf(http.Request));
        if (refusal is not null)
            return false;
        question = new ChangeQuestion(
            PageQuery.NamespaceOf(http.Request), PageQuery.Text(query, "job"), PageQuery.Text(query, "user"), verb,
            PageQuery.Text(query, "path"), since, until, before.Length > 0 ? bound : null)
        { From = from, To = to };
        return true;
    }

    /// <summary>The address of a page with these filters.</summary>
    public string Address(string path = ChangeEndpoints.Path) => PageLinks.With(
        path, ("namespace", Namespace), ("job", Job), ("user", User), ("verb", Verb), ("path", Path), ("since", Since), ("until", Until),
        ("before", Before is { } bound ? PageLinks.Number(bound) : ""));
}

/// <summary>The page.</summary>
/// <param name="Question">What was asked.</param>
/// <param name="Rows">The changes, the latest first.</param>
/// <param name="Next">Where the next page begins; null at the end.</param>
/// <param name="Head">The revision the page stands at.</param>
public sealed record ChangeListModel(ChangeQuestion Question, IReadOnlyList<ListedRevision> Rows, long? Next, long Head)
{
    /// <summary>The chart: changes by day, or of this page.</summary>
    public IReadOnlyList<Bar> Bars { get; init; } = [];

    /// <summary>What the chart shows.</summary>
    public string About { get; init; } = "";

    /// <summary>The stream that tells of changes; null where the reader may not watch.</summary>
    public string? Live { get; init; }

    /// <summary>The same as commands.</summary>
    public IReadOnlyList<Command> Commands { get; init; } = [];
}
