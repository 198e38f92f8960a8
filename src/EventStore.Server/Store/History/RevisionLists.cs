using System.Globalization;
using Npgsql;

namespace EventStore.Server.Store.History;

/// <summary>
/// The ordered lists of revisions that the indexes give, each a part of a statement. Parameter $1 is the bound behind which the list
/// begins, and $2 the last revision of the list.
/// </summary>
/// <remarks>
/// A list is selected by a row comparison, (value, revision) &lt; (…), and not by value = … AND revision &lt; …. With an equality the
/// planner may scan all revisions backwards instead, which reads a million rows to find a rare value.
/// </remarks>
internal static class RevisionLists
{
    // The index by namespace is on an expression so that the planner cannot use the one by namespace and job in its place: before the first
    // ANALYZE it did, and read all of a namespace at each step.
    private static readonly Dictionary<RevisionField, (string Table, string Column)> Indexed = new()
    {
        [RevisionField.Namespace] = ("revision", "(r.namespace || '/')"),
        [RevisionField.Event] = ("revision", "r.type"),
        [RevisionField.User] = ("revision", "r.user_name"),
        [RevisionField.Path] = ("revision_path", "r.path"),
        [RevisionField.Reason] = ("revision", "r.reason"),
    };

    /// <summary>A list in FROM, whose rows are limited to as many as are wanted.</summary>
    /// <param name="Keys">A table for whose rows it is joined laterally; empty for none.</param>
    /// <param name="Rows">Its rows in order, given their columns and the bound behind which they are, not beyond $2.</param>
    public sealed record List(string Keys, Func<string, string, string> Rows);

    public static readonly SortOrder Newest =
        new("<", ">=", " DESC", "max", "min", "lead", "+ 1", bound => $"least({bound}, k.last + 1)", "greatest($2, k.first)");

    public static readonly SortOrder Oldest =
        new(">", "<=", "", "min", "max", "lag", "- 1", bound => $"greatest({bound}, k.first - 1)", "least($2, k.last)");

    /// <summary>All revisions.</summary>
    public static List EveryRevision(SortOrder sort) => new(string.Empty, (columns, bound) => $"""
        SELECT {columns} FROM eventstore.revision r
         WHERE r.revision {sort.Next} {bound} AND r.revision {sort.Back} $2 ORDER BY r.revision{sort.Order}
        """);

    /// <summary>The revisions with one of a condition's values.</summary>
    public static List OfValues(NpgsqlCommand command, SortOrder sort, RevisionCondition condition)
    {
        (string table, string column) = Indexed[condition.Field];
        string values = Add(command, condition.Field == RevisionField.Namespace
            ? [.. condition.Values.Select(name => name + "/")]
            : [.. condition.Values]);
        return new($"unnest({values}) k (value) CROSS JOIN LATERAL ", (columns, bound) => $"""
            SELECT {columns} FROM eventstore.{table} r
             WHERE ({column}, r.revision) {sort.Next} (k.value, {bound})
               AND ({column}, r.revision) {sort.Back} (k.value, $2)
             ORDER BY {column}{sort.Order}, r.revision{sort.Order}
            """);
    }

    /// <summary>The revisions of names, between two revisions for each.</summary>
    public static List OfLives(NpgsqlCommand command, SortOrder sort, NameRange[] lives)
    {
        string names =
            $"{Add(command, lives.Select(life => life.Namespace).ToArray())}, {Add(command, lives.Select(life => life.Job).ToArray())}";
        string range =
            $"{Add(command, lives.Select(life => life.First).ToArray())}, {Add(command, lives.Select(life => life.Last).ToArray())}";
        return new($"unnest({names}, {range}) k (namespace, job, first, last) CROSS JOIN LATERAL ", (columns, bound) => $"""
            SELECT {columns} FROM eventstore.revision r
             WHERE (r.namespace, r.job, r.revision) {sort.Next} (k.namespace, k.job, {sort.Begin(bound)})
               AND (r.namespace, r.job, r.revision) {sort.Back} (k.namespace, k.job, {sort.End})
             ORDER BY r.namespace{sort.Order}, r.job{sort.Order}, r.revision{sort.Order}
            """);
    }

    /// <summary>
    /// Whether a condition holds for the revision <c>l.revision</c>, as a scalar subquery: an EXISTS might become a join that reads the
    /// whole table.
    /// </summary>
    public static string Filter(NpgsqlCommand command, RevisionCondition condition)
    {
        string values = condition.Field == RevisionField.Uid
            ? Add(command, condition.Values.Select(Guid.Parse).ToArray())
            : Add(command, condition.Values);
        string among = condition.Among ? $"= ANY ({values})" : $"<> ALL ({values})";
        return condition.Field switch
        {
            RevisionField.Path =>
                $"(SELECT count(r.path) {(condition.Among ? ">" : "=")} 0 FROM eventstore.revision_path r "
                + $"WHERE r.revision = l.revision AND r.path = ANY ({values}))",
            RevisionField.Uid => $"(SELECT e.stream_id {among} FROM eventstore.mt_events e WHERE e.seq_id = l.revision)",
            RevisionField.Name => OfRow("(r.job || '.' || r.revision)"),
            RevisionField.Job => OfRow("r.job"),
            RevisionField.Namespace => OfRow("r.namespace"),
            RevisionField.Reason => OfRow("coalesce(r.reason, '')"),
            var field => OfRow(Indexed[field].Column),
        };
        string OfRow(string value) => $"(SELECT {value} {among} FROM eventstore.revision r WHERE r.revision = l.revision)";
    }

    /// <summary>Adds a parameter, and returns its name.</summary>
    public static string Add<T>(NpgsqlCommand command, T value)
    {
        command.Parameters.Add(new NpgsqlParameter<T> { TypedValue = value });
        return string.Create(CultureInfo.InvariantCulture, $"${command.Parameters.Count}");
    }

    /// <summary>Adds an array of texts, and returns its name.</summary>
    public static string Add(NpgsqlCommand command, IReadOnlyList<string> values) => Add<string[]>(command, [.. values]) + "::text[]";

    /// <summary>The parts of the statement that differ between the two orders.</summary>
    /// <param name="Next">The operator that compares the next revision with the last one.</param>
    /// <param name="Back">The operator that compares a revision with the end of the range.</param>
    /// <param name="Order">What follows a column of ORDER BY.</param>
    /// <param name="Nearest">The aggregate that gives the first of several revisions.</param>
    /// <param name="Furthest">The aggregate that gives the last of several revisions.</param>
    /// <param name="Before">The window function that gives the revision before one.</param>
    /// <param name="Again">Makes the next step begin at the furthest revision, and not behind it.</param>
    /// <param name="Begin">The bound at which the reading of a job's life begins, given the bound of the reading.</param>
    /// <param name="End">The bound at which it ends.</param>
    internal sealed record SortOrder(
        string Next, string Back, string Order, string Nearest, string Furthest, string Before, string Again, Func<string, string> Begin,
        string End);
}
