using System.Globalization;
using Npgsql;

namespace EventStore.Server.Store.History;

/// <summary>
/// How revisions are found. Each condition is a list of revisions in an index, in order; those that hold all conditions are in all of the
/// lists. The walk asks each list for its next revision. Where they agree, that one is found; where they do not, the one furthest ahead
/// says where to look again. So a page costs no more than about its rarest condition, whichever that is, and the planner has nothing to
/// guess: every step is one look into one index for each list.
/// </summary>
/// <remarks>
/// A list is asked for what stands before (value, revision) in its index, and not for the value and a smaller revision: with an equality
/// the planner may think it finds one faster by going back through all revisions, and of a rare value there is none for a million rows.
/// Conditions no index has a list for (user!=…) are looked up for each revision the others agree on.
/// </remarks>
internal static class IndexIntersection
{
    /// <summary>What is read of a revision, from <c>r</c>, its event <c>e</c> and the event before it, <c>p</c>.</summary>
    public const string Columns = """
        p.seq_id, r.namespace, r.job, e.stream_id, e.version, e.type, e.data::text, e.timestamp, e.user_name, e.headers::text,
        e.correlation_id, e.seq_id
        """;

    /// <summary>Where it is read.</summary>
    public const string Tables = """
        eventstore.revision r
          JOIN eventstore.mt_events e ON e.seq_id = r.revision
          LEFT JOIN eventstore.mt_events p ON p.stream_id = e.stream_id AND p.version = e.version - 1
        """;

    private static readonly SortOrder Newest = new("<", ">=", " DESC", "max", "min", "+ 1", "least(w.bound, k.last + 1)", "k.first");
    private static readonly SortOrder Oldest = new(">", "<=", "", "min", "max", "- 1", "greatest(w.bound, k.first - 1)", "k.last");

    // The index by namespace is one on an expression, lest the planner takes it for the order of a job's list, which begins in the same
    // way:
    // before a table was analysed for the first time it thought so, and read all of a namespace at each step.
    private static readonly Dictionary<RevisionField, (string Table, string Column)> Indexed = new()
    {
        [RevisionField.Namespace] = ("revision", "(r.namespace || '/')"),
        [RevisionField.Event] = ("revision", "r.type"),
        [RevisionField.User] = ("revision", "r.user_name"),
        [RevisionField.Path] = ("revision_path", "r.path"),
    };

    /// <summary>Writes the walk: text and parameters.</summary>
    /// <param name="command">An empty command.</param>
    /// <param name="query">What is asked for, less the conditions that became lives.</param>
    /// <param name="lives">For each of those its lives.</param>
    /// <param name="count">How many revisions are enough.</param>
    /// <param name="steps">How many steps are enough, if fewer are found.</param>
    public static void Write(NpgsqlCommand command, RevisionQuery query, IReadOnlyList<NameRange[]> lives, int count, int steps)
    {
        SortOrder sort = query.OldestFirst ? Oldest : Newest;
        Add(command, query.OldestFirst ? query.First - 1 : query.Last + 1);
        Add(command, query.OldestFirst ? query.Last : query.First);
        Add(command, count);
        Add(command, steps);
        string[] lists =
        [
            .. lives.Select(each => OfLives(command, sort, each)),
            .. query.Conditions.Where(condition => condition.Among).Select(condition => OfValues(command, sort, condition)),
        ];
        if (lists.Length == 0)
            lists = [EveryRevision(sort)];
        string[] filters = [.. query.Conditions.Where(condition => !condition.Among).Select(condition => Filter(command, condition))];
        command.CommandText = Text(sort, lists, filters);
    }

    // OFFSET 0 keeps what is before it in one place: the planner would look into a list again wherever its revision is named.
    private static string Text(SortOrder sort, string[] lists, string[] filters) => $"""
        WITH RECURSIVE walk (bound, hit, hits, steps) AS (
            SELECT $1::bigint, false, 0, 0
            UNION ALL
            SELECT CASE WHEN next.agree THEN next.revision ELSE next.revision {sort.Again} END,
                   next.hit, w.hits + next.hit::int, w.steps + 1
              FROM walk w
             CROSS JOIN LATERAL (
                SELECT l.revision, l.agree, {string.Join(" AND ", filters.Prepend("l.agree"))} AS hit
                  FROM (SELECT {sort.Furthest}(l.revision) AS revision, min(l.revision) = max(l.revision) AS agree
                          FROM (VALUES ({string.Join("), (", lists)}) OFFSET 0) l (revision)
                        HAVING count(l.revision) = {lists.Length.ToString(CultureInfo.InvariantCulture)}) l
                 WHERE l.revision {sort.Back} $2 OFFSET 0) next
             WHERE w.hits < $3 AND w.steps < $4)
        SELECT w.bound, w.hit, w.hits < $3 AND w.steps = $4 AS spent, {Columns}
          FROM walk w LEFT JOIN ({Tables}) ON w.hit AND r.revision = w.bound
         WHERE w.hit OR w.steps = $4
         ORDER BY w.steps
        """;

    private static string EveryRevision(SortOrder sort) =>
        $"(SELECT r.revision FROM eventstore.revision r WHERE r.revision {sort.Next} w.bound ORDER BY r.revision{sort.Order} LIMIT 1)";

    private static string OfValues(NpgsqlCommand command, SortOrder sort, RevisionCondition condition)
    {
        (string table, string column) = Indexed[condition.Field];
        string[] values = condition.Field == RevisionField.Namespace
            ? [.. condition.Values.Select(name => name + "/")]
            : [.. condition.Values];
        return $"""
            (SELECT {sort.Nearest}(one.revision) FROM unnest({Add(command, values)}) k (value) CROSS JOIN LATERAL (
                SELECT r.revision FROM eventstore.{table} r
                 WHERE ({column}, r.revision) {sort.Next} (k.value, w.bound) AND {column} {sort.Back} k.value
                 ORDER BY {column}{sort.Order}, r.revision{sort.Order} LIMIT 1) one)
            """;
    }

    private static string OfLives(NpgsqlCommand command, SortOrder sort, NameRange[] lives)
    {
        string names =
            $"{Add(command, lives.Select(life => life.Namespace).ToArray())}, {Add(command, lives.Select(life => life.Job).ToArray())}";
        string range =
            $"{Add(command, lives.Select(life => life.First).ToArray())}, {Add(command, lives.Select(life => life.Last).ToArray())}";
        return $"""
            (SELECT {sort.Nearest}(one.revision) FROM unnest({names}, {range}) k (namespace, job, first, last) CROSS JOIN LATERAL (
                SELECT r.revision FROM eventstore.revision r
                 WHERE (r.namespace, r.job, r.revision) {sort.Next} (k.namespace, k.job, {sort.Begin})
                   AND (r.namespace, r.job, r.revision) {sort.Back} (k.namespace, k.job, {sort.End})
                 ORDER BY r.namespace{sort.Order}, r.job{sort.Order}, r.revision{sort.Order} LIMIT 1) one)
            """;
    }

    // Each a value of its own and no EXISTS, of which PostgreSQL might make one reading of the whole table.
    private static string Filter(NpgsqlCommand command, RevisionCondition condition)
    {
        string values = condition.Field == RevisionField.Uid
            ? Add(command, condition.Values.Select(Guid.Parse).ToArray())
            : Add(command, condition.Values);
        return condition.Field switch
        {
            RevisionField.Path =>
                $"(SELECT count(r.path) = 0 FROM eventstore.revision_path r WHERE r.revision = l.revision AND r.path = ANY ({values}))",
            RevisionField.Uid => $"(SELECT e.stream_id <> ALL ({values}) FROM eventstore.mt_events e WHERE e.seq_id = l.revision)",
            RevisionField.Name => OfRow("(r.job || '.' || r.revision)"),
            RevisionField.Job => OfRow("r.job"),
            RevisionField.Namespace => OfRow("r.namespace"),
            var field => OfRow(Indexed[field].Column),
        };
        string OfRow(string value) => $"(SELECT {value} <> ALL ({values}) FROM eventstore.revision r WHERE r.revision = l.revision)";
    }

    private static string Add<T>(NpgsqlCommand command, T value)
    {
        command.Parameters.Add(new NpgsqlParameter<T> { TypedValue = value });
        return string.Create(CultureInfo.InvariantCulture, $"${command.Parameters.Count}");
    }

    private static string Add(NpgsqlCommand command, IReadOnlyList<string> values) => Add<string[]>(command, [.. values]) + "::text[]";

    /// <summary>The words for one sort, and the same for the other.</summary>
    /// <param name="Next">What the next revision is, compared with the last.</param>
    /// <param name="Back">What everything still is, compared with the end.</param>
    /// <param name="Order">The order.</param>
    /// <param name="Nearest">Of several next ones, which comes first.</param>
    /// <param name="Furthest">Of several next ones, which comes last.</param>
    /// <param name="Again">How far to step back to look at the furthest one again.</param>
    /// <param name="Begin">Where a life begins to be read.</param>
    /// <param name="End">Where it ends.</param>
    private sealed record SortOrder(
        string Next, string Back, string Order, string Nearest, string Furthest, string Again, string Begin, string End);
}
