using System.Globalization;
using Npgsql;

namespace EventStore.Server.Store.History;

/// <summary>
/// Finds revisions that meet several conditions by a zig-zag join. Each condition is an ordered list of revisions in an index, and a match
/// is in all lists. Each step asks every list for its next revision. If they agree, that is a match; if not, the next step begins at the
/// one furthest ahead. A page costs about as much as its rarest condition, and the planner chooses nothing: a step is one index look-up
/// for each list. Conditions without such a list (user!=…) are checked for each revision the lists agree on. A single condition needs no
/// steps: its list is read as it stands, which is a tenth of the cost.
/// </summary>
/// <remarks>
/// A list is asked by a row comparison, (value, revision) &lt; (…), and not by the value and a smaller revision. With an equality the
/// planner may prefer to go back through all revisions, which takes a million rows to find a rare value.
/// </remarks>
internal static class IndexIntersection
{
    /// <summary>The columns of a match: of the revision <c>r</c>, its event <c>e</c> and the job's event before that, <c>p</c>.</summary>
    public const string Columns = """
        p.seq_id, r.namespace, r.job, e.stream_id, e.version, e.type, e.data::text, e.timestamp, e.user_name, e.headers::text,
        e.correlation_id, e.seq_id
        """;

    /// <summary>The tables of these columns.</summary>
    public const string Tables = $"""
        eventstore.revision r
          {Events}
        """;

    private const string Events = """
        JOIN eventstore.mt_events e ON e.seq_id = r.revision
          LEFT JOIN eventstore.mt_events p ON p.stream_id = e.stream_id AND p.version = e.version - 1
        """;

    private static readonly SortOrder Newest =
        new("<", ">=", " DESC", "max", "min", "+ 1", bound => $"least({bound}, k.last + 1)", "greatest($2, k.first)");

    private static readonly SortOrder Oldest =
        new(">", "<=", "", "min", "max", "- 1", bound => $"greatest({bound}, k.first - 1)", "least($2, k.last)");

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

    /// <summary>Writes the statement and its parameters into a command.</summary>
    /// <param name="command">An empty command.</param>
    /// <param name="query">The query, without the conditions that <paramref name="lives"/> stands for.</param>
    /// <param name="lives">A list for each condition on names: the revisions between which jobs of these names lived.</param>
    /// <param name="count">How many matches at most.</param>
    /// <param name="steps">How many steps at most; then the answer says where to go on.</param>
    public static void Write(NpgsqlCommand command, RevisionQuery query, IReadOnlyList<NameRange[]> lives, int count, int steps)
    {
        SortOrder sort = query.OldestFirst ? Oldest : Newest;
        Add(command, query.OldestFirst ? query.First - 1 : query.Last + 1);
        Add(command, query.OldestFirst ? query.Last : query.First);
        Add(command, count);
        List[] lists =
        [
            .. lives.Select(each => OfLives(command, sort, each)),
            .. query.Conditions.Where(condition => condition.Among).Select(condition => OfValues(command, sort, condition)),
        ];
        if (lists.Length == 0)
            lists = [EveryRevision(sort)];
        bool named = query.Conditions.All(condition => condition is { Field: not RevisionField.Path, Values.Count: 1 });
        string[] filters = [.. query.Conditions.Where(condition => !condition.Among).Select(condition => Filter(command, condition))];
        command.CommandText = lists is [var only] && filters.Length == 0
            ? Alone(sort, only, named, count)
            : Text(sort, lists, filters, Add(command, steps));
    }

    /// <summary>A list in FROM, whose rows are limited to as many as are wanted.</summary>
    /// <param name="Keys">What it has rows for: empty, or a table with whose rows it is joined.</param>
    /// <param name="Rows">Its rows in order, given their columns and the bound behind which they are, not beyond $2.</param>
    private sealed record List(string Keys, Func<string, string, string> Rows);

    // A list may bring the names along, so that the row is not looked up once more. The list of a path does not have them. The lists of
    // several values would read the rows of a page for each of them.
    //
    // The limit stands there as a number as well, a power of four: of a parameter the planner knows nothing, believes it to be a tenth of
    // the table, and reads whole tables for that. In each list too: else a plan for any values seems dear, and each page is planned anew.
    private static string Alone(SortOrder sort, List list, bool named, int count)
    {
        int power = 64;
        while (power < count)
            power *= 4;
        string most = power.ToString(CultureInfo.InvariantCulture);
        string rows = list.Rows(named ? "r.revision, r.namespace, r.job" : "r.revision", "$1");
        return $"""
            SELECT r.revision, 0, false, {Columns}
              FROM (SELECT DISTINCT ON (one.revision) one.*
                      FROM {list.Keys}(SELECT * FROM ({rows} LIMIT {most}) o LIMIT $3) one
                     ORDER BY one.revision{sort.Order} LIMIT {most}) {(named ? "r" : "l JOIN eventstore.revision r USING (revision)")}
              {Events}
             ORDER BY r.revision{sort.Order} LIMIT $3
            """;
    }

    // For namespace=team-a,user=alice, newest first, where $4 is {team-a/} and $5 is {alice}:
    //
    // WITH RECURSIVE walk (bound, hit, hits, steps) AS (
    //     SELECT $1::bigint, false, 0, 0
    //     UNION ALL
    //     SELECT CASE WHEN next.agree THEN next.revision ELSE next.revision + 1 END,
    //            next.hit, w.hits + next.hit::int, w.steps + 1
    //       FROM walk w
    //      CROSS JOIN LATERAL (
    //         SELECT l.revision, l.agree, l.agree AS hit
    //           FROM (SELECT min(l.revision) AS revision, min(l.revision) = max(l.revision) AS agree
    //                   FROM (VALUES (
    //                     (SELECT max(one.revision) FROM unnest($4::text[]) k (value) CROSS JOIN LATERAL (
    //                         SELECT r.revision FROM eventstore.revision r
    //                          WHERE ((r.namespace || '/'), r.revision) < (k.value, w.bound)
    //                            AND ((r.namespace || '/'), r.revision) >= (k.value, $2)
    //                          ORDER BY (r.namespace || '/') DESC, r.revision DESC LIMIT 1) one)
    //                     ), (
    //                     (SELECT max(one.revision) FROM unnest($5::text[]) k (value) CROSS JOIN LATERAL (
    //                         SELECT r.revision FROM eventstore.revision r
    //                          WHERE (r.user_name, r.revision) < (k.value, w.bound)
    //                            AND (r.user_name, r.revision) >= (k.value, $2)
    //                          ORDER BY r.user_name DESC, r.revision DESC LIMIT 1) one)
    //                     ) OFFSET 0) l (revision)
    //                 HAVING count(l.revision) = 2) l
    //          WHERE l.revision >= $2 OFFSET 0) next
    //      WHERE w.hits < $3 AND w.steps < $6)
    // SELECT w.bound, w.steps, w.hits < $3 AND w.steps = $6 AS spent,
    //        p.seq_id, r.namespace, r.job, e.stream_id, e.version, e.type, e.data::text, e.timestamp, e.user_name, e.headers::text,
    //        e.correlation_id, e.seq_id
    //   FROM walk w LEFT JOIN (eventstore.revision r
    //   JOIN eventstore.mt_events e ON e.seq_id = r.revision
    //   LEFT JOIN eventstore.mt_events p ON p.stream_id = e.stream_id AND p.version = e.version - 1) ON w.hit AND r.revision = w.bound
    //  WHERE w.hit OR w.steps = $6
    //  ORDER BY w.steps
    //
    // OFFSET 0 keeps the planner from inlining the lists, which would repeat a list's look-up wherever its revision is named.
    private static string Text(SortOrder sort, List[] lists, string[] filters, string steps) => $"""
        WITH RECURSIVE walk (bound, hit, hits, steps) AS (
            SELECT $1::bigint, false, 0, 0
            UNION ALL
            SELECT CASE WHEN next.agree THEN next.revision ELSE next.revision {sort.Again} END,
                   next.hit, w.hits + next.hit::int, w.steps + 1
              FROM walk w
             CROSS JOIN LATERAL (
                SELECT l.revision, l.agree, {string.Join(" AND ", filters.Prepend("l.agree"))} AS hit
                  FROM (SELECT {sort.Furthest}(l.revision) AS revision, min(l.revision) = max(l.revision) AS agree
                          FROM (VALUES ({string.Join("), (", lists.Select(list => Nearest(sort, list)))}) OFFSET 0) l (revision)
                        HAVING count(l.revision) = {lists.Length.ToString(CultureInfo.InvariantCulture)}) l
                 WHERE l.revision {sort.Back} $2 OFFSET 0) next
             WHERE w.hits < $3 AND w.steps < {steps})
        SELECT w.bound, w.steps, w.hits < $3 AND w.steps = {steps} AS spent, {Columns}
          FROM walk w LEFT JOIN ({Tables}) ON w.hit AND r.revision = w.bound
         WHERE w.hit OR w.steps = {steps}
         ORDER BY w.steps
        """;

    private static string Nearest(SortOrder sort, List list) =>
        $"(SELECT {sort.Nearest}(one.revision) FROM {list.Keys}({list.Rows("r.revision", "w.bound")} LIMIT 1) one)";

    private static List EveryRevision(SortOrder sort) => new(string.Empty, (columns, bound) => $"""
        SELECT {columns} FROM eventstore.revision r
         WHERE r.revision {sort.Next} {bound} AND r.revision {sort.Back} $2 ORDER BY r.revision{sort.Order}
        """);

    private static List OfValues(NpgsqlCommand command, SortOrder sort, RevisionCondition condition)
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

    private static List OfLives(NpgsqlCommand command, SortOrder sort, NameRange[] lives)
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

    // A scalar subquery: an EXISTS might become a join that reads the whole table.
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
            RevisionField.Reason => OfRow("coalesce(r.reason, '')"),
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

    /// <summary>The parts of the statement that differ between the two orders.</summary>
    /// <param name="Next">The operator that compares the next revision with the last one.</param>
    /// <param name="Back">The operator that compares a revision with the end of the range.</param>
    /// <param name="Order">What follows a column of ORDER BY.</param>
    /// <param name="Nearest">The aggregate that gives the first of several revisions.</param>
    /// <param name="Furthest">The aggregate that gives the last of several revisions.</param>
    /// <param name="Again">Makes the next step begin at the furthest revision, and not behind it.</param>
    /// <param name="Begin">The bound at which the reading of a job's life begins, given the bound of the reading.</param>
    /// <param name="End">The bound at which it ends.</param>
    private sealed record SortOrder(
        string Next, string Back, string Order, string Nearest, string Furthest, string Again, Func<string, string> Begin, string End);
}
