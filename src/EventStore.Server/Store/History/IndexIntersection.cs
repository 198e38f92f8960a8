using System.Globalization;
using Npgsql;
using static EventStore.Server.Store.History.RevisionLists;

namespace EventStore.Server.Store.History;

/// <summary>
/// Finds revisions that meet several conditions by a zig-zag join. Each condition is an ordered list of revisions in an index, and a match
/// is in all lists. Each step asks every list for its next revision. If they agree, that is a match; if not, the next step begins at the
/// one furthest ahead. A page costs about as much as its rarest condition, and the planner chooses nothing: a step is one index look-up
/// for each list. Conditions without such a list (user!=…) are checked for each revision the lists agree on. A single condition needs no
/// steps: its list is read as it stands, which is a tenth of the cost.
/// </summary>
internal static class IndexIntersection
{
    /// <summary>The columns of a match: of the revision <c>r</c>, its event <c>e</c> and the job's event before that, <c>p</c>.</summary>
    public const string Columns = $"p.seq_id, {OwnColumns}";

    private const string OwnColumns = """
        r.namespace, r.job, e.stream_id, e.version, e.type, e.data::text, e.timestamp, e.user_name, e.headers::text,
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

    /// <summary>
    /// Whether <see cref="WriteProbe"/> may be tried first: there are several conditions, and at most one of them is on names.
    /// </summary>
    public static bool CanProbe(RevisionQuery query, IReadOnlyList<NameRange[]> lives) =>
        lives.Count <= 1 && (lives.Count + query.Conditions.Count > 1 || query.Conditions.Any(condition => !condition.Among));

    /// <summary>
    /// Writes a statement that takes the next revisions of one list and looks each up in the others. Where most are matches, it costs a
    /// fifth of the steps. A revision that is no match is returned without its columns, so that the reader knows how far the list was
    /// examined.
    /// </summary>
    /// <param name="command">An empty command.</param>
    /// <param name="query">The query, without the conditions that <paramref name="lives"/> stands for.</param>
    /// <param name="lives">The list for a condition on names, or none.</param>
    /// <param name="count">The most revisions that are examined.</param>
    public static void WriteProbe(NpgsqlCommand command, RevisionQuery query, IReadOnlyList<NameRange[]> lives, int count)
    {
        SortOrder sort = Begin(command, query, count);
        RevisionCondition? first = lives.Count > 0 ? null : query.Conditions.FirstOrDefault(condition => condition.Among);
        List list = lives.Count > 0 ? OfLives(command, sort, lives[0])
            : first is null ? EveryRevision(sort) : OfValues(command, sort, first);
        IEnumerable<string> filters =
            query.Conditions.Where(condition => condition != first).Select(condition => Filter(command, condition));
        command.CommandText = $"""
            SELECT l.revision, 0, false, {Columns}
              FROM (SELECT l.revision, CASE WHEN {string.Join(" AND ", filters)} THEN l.revision END AS hit
                      FROM ({Page(sort, list, "r.revision", count)}) l
                     ORDER BY l.revision{sort.Order} LIMIT $3) l
              LEFT JOIN ({Tables}) ON r.revision = l.hit
             ORDER BY l.revision{sort.Order}
            """;
    }

    /// <summary>Writes the statement and its parameters into a command.</summary>
    /// <param name="command">An empty command.</param>
    /// <param name="query">The query, without the conditions that <paramref name="lives"/> stands for.</param>
    /// <param name="lives">A list for each condition on names: the revisions between which jobs of these names lived.</param>
    /// <param name="count">How many matches at most.</param>
    /// <param name="steps">How many steps at most; then the answer says where to go on.</param>
    public static void Write(NpgsqlCommand command, RevisionQuery query, IReadOnlyList<NameRange[]> lives, int count, int steps)
    {
        SortOrder sort = Begin(command, query, count);
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
            ? lives is [[_]] ? OfOneLife(sort, only, count) : Alone(sort, only, named, count)
            : Text(sort, lists, filters, Add(command, steps));
    }

    // A list may bring the names along, so that the row is not looked up once more. The list of a path does not have them. The lists of
    // several values would read the rows of a page for each of them.
    //
    // The limit stands there as a number as well, a power of four: of a parameter the planner knows nothing, believes it to be a tenth of
    // the table, and reads whole tables for that. In each list too: else a plan for any values seems dear, and each page is planned anew.
    private static string Alone(SortOrder sort, List list, bool named, int count) => $"""
        SELECT r.revision, 0, false, {Columns}
          FROM ({Page(sort, list, named ? "r.revision, r.namespace, r.job" : "r.revision", count)}
               ) {(named ? "r" : "l JOIN eventstore.revision r USING (revision)")}
          {Events}
         ORDER BY r.revision{sort.Order} LIMIT $3
        """;

    // The list of one name has a job's event before this one as its next row, or as the one before, and no index is asked: a fifth of the
    // time. Only at the end of the page it is looked up, unless the job begins there.
    private static string OfOneLife(SortOrder sort, List list, int count) => $"""
        SELECT r.revision, 0, false, CASE WHEN e.version > 1 THEN coalesce(r.previous, (
               SELECT p.seq_id FROM eventstore.mt_events p WHERE p.stream_id = e.stream_id AND p.version = e.version - 1)) END,
               {OwnColumns}
          FROM (SELECT r.*, {sort.Before}(r.revision) OVER (ORDER BY r.revision{sort.Order}) AS previous
                  FROM ({Page(sort, list, "r.revision, r.namespace, r.job", count)}) r) r
          JOIN eventstore.mt_events e ON e.seq_id = r.revision
         ORDER BY r.revision{sort.Order} LIMIT $3
        """;

    private static string Page(SortOrder sort, List list, string columns, int count)
    {
        int power = 64;
        while (power < count)
            power *= 4;
        string most = power.ToString(CultureInfo.InvariantCulture);
        return $"""
            SELECT DISTINCT ON (one.revision) one.*
                      FROM {list.Keys}(SELECT * FROM ({list.Rows(columns, "$1")} LIMIT {most}) o LIMIT $3) one
                     ORDER BY one.revision{sort.Order} LIMIT {most}
            """;
    }

    private static SortOrder Begin(NpgsqlCommand command, RevisionQuery query, int count)
    {
        Add(command, query.OldestFirst ? query.First - 1 : query.Last + 1);
        Add(command, query.OldestFirst ? query.Last : query.First);
        Add(command, count);
        return query.OldestFirst ? Oldest : Newest;
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
}
