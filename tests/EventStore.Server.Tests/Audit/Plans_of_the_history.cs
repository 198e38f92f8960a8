using System.Globalization;
using System.Text.Json.Nodes;
using EventStore.Server.Store.History;
using EventStore.Server.Tests.Fixtures;
using Npgsql;

namespace EventStore.Server.Tests.Audit;

/// <summary>
/// How a page of a hundred is found among a million events: never by reading through a table, whatever is rare and whatever is frequent,
/// after ANALYZE, with the planner's settings as they come, and with plans made for these values as with plans made for any.
/// </summary>
[Trait("Category", "Slow")]
public sealed class Plans_of_the_history(LongHistory history) : IClassFixture<LongHistory>
{
    private const int Page = 101; // a page, and whether there is more

    private static readonly string[] Tables = ["mt_events", "revision", "revision_path", "mt_doc_current_job", "mt_streams"];

    /// <summary>Each query with how many of a page it finds, and how many rows finding them may take.</summary>
    private static readonly Dictionary<string, (RevisionQuery Query, int Found, int RowsMax)> Queries = new()
    {
        ["everything"] = (Of(), Page, 500),
        ["a namespace"] = (Of(Namespace("team-3")), Page, 500),
        ["a small namespace"] = (Of(Namespace("small")), 100, 500),
        ["a namespace there is not"] = (Of(Namespace("nobody's")), 0, 0),
        ["a job of a hundred thousand events"] = (Of(Namespace("team-0"), Job("job-0")), Page, 500),
        ["a job in every namespace"] = (Of(Job("job-17")), Page, 600),
        ["some jobs"] = (Of(Namespace("team-1"), Job("job-1", "job-9", "job-17")), Page, 1000),
        ["an incarnation"] = (Of(Uid(0)), Page, 500),
        ["an incarnation that ended"] = (Of(Uid(11)), Page, 500),
        ["a frequent verb"] = (Of(Event("job_status_updated")), Page, 500),
        ["a rare verb"] = (Of(Event("job_deletion_requested")), 19, 200),
        ["two verbs"] = (Of(Event("job_deleted", "job_created")), Page, 1000),
        ["a user of many"] = (Of(User("user-7")), Page, 500),
        ["a user seldom here"] = (Of(User("rare@example.com")), 10, 100),
        ["a frequent path"] = (Of(Path("metadata.labels")), Page, 500),
        ["a rare path"] = (Of(Path("spec.cleanPodPolicy")), 19, 200),
        ["a label's path"] = (Of(Path("metadata.labels['example.com/team']")), Page, 500),
        ["a rare user and a frequent verb"] = (Of(User("rare@example.com"), Event("job_patched")), 5, 200),
        ["a frequent user of a small namespace"] = (Of(Namespace("small"), User("system:serviceaccount:kubeflow:operator")), 56, 1500),
        ["a rare path of one job"] = (Of(Namespace("team-0"), Job("job-0"), Path("spec.cleanPodPolicy")), 4, 500),
        ["a user's changes of one path"] = (Of(User("user-7"), Path("metadata.labels.n")), Page, 1500),
        ["everything but what the operator did"] = (Of(Not(User("system:serviceaccount:kubeflow:operator"))), Page, 1500),
        ["all of a job but two paths"] = (Of(Namespace("team-0"), Job("job-0"), Not(Path("status.a", "metadata.labels.n"))), Page, 60_000),
        ["a window of time"] = (Of(Event("job_patched")) with { First = 500_000, Last = 500_500 }, Page, 500),
        ["a rare verb in a window without it"] = (Of(Event("job_deletion_requested")) with { First = 100, Last = 40_000 }, 0, 10),
        ["the middle of a job"] = (Of(Uid(0)) with { Last = 500_000 }, Page, 500),
    };

    public static TheoryData<string, bool, bool> EachWay()
    {
        var data = new TheoryData<string, bool, bool>();
        foreach (string name in Queries.Keys)
        {
            foreach ((bool oldest, bool generic) in (ReadOnlySpan<(bool, bool)>)[(false, false), (false, true), (true, true)])
                data.Add(name, oldest, generic);
        }

        return data;
    }

    [Theory]
    [MemberData(nameof(EachWay))]
    public async Task Read_a_page_and_no_table(string name, bool oldest, bool generic)
    {
        (RevisionQuery query, int found, int rowsMax) = Queries[name];
        JsonNode plan = await Explain(query with { OldestFirst = oldest, Last = Math.Min(query.Last, LongHistory.Last) }, generic);
        JsonNode[] scans = [.. Nodes(plan).Where(node => Tables.Contains((string?)node["Relation Name"]))];

        Assert.All(scans, scan => Assert.True((string)scan["Node Type"]! is "Index Scan" or "Index Only Scan", scan.ToJsonString()));
        Assert.Equal(found, RowsOf(plan));
        Assert.InRange(scans.Sum(Rows), found == 0 ? 0 : found, rowsMax);
    }

    /// <summary>Of several conditions the first page of one list is looked up in the others before anything else is tried.</summary>
    [Theory]
    [MemberData(nameof(EachWay))]
    public async Task Look_up_no_more_than_a_page_of_several_conditions(string name, bool oldest, bool generic)
    {
        RevisionQuery query = Queries[name].Query;
        if (query.Conditions.Count == 1 && query.Conditions[0].Among)
            return;
        JsonNode plan = await Explain(
            query with { OldestFirst = oldest, Last = Math.Min(query.Last, LongHistory.Last) }, generic, probe: true);
        JsonNode[] scans = [.. Nodes(plan).Where(node => Tables.Contains((string?)node["Relation Name"]))];

        Assert.All(scans, scan => Assert.True((string)scan["Node Type"]! is "Index Scan" or "Index Only Scan", scan.ToJsonString()));
        Assert.InRange(RowsOf(plan), 0, Page);
        Assert.InRange(scans.Sum(Rows), 0, 8 * Page);
    }

    /// <summary>All that a reading does, what it looks up first too, as PostgreSQL itself counts it.</summary>
    [Fact]
    public async Task Hold_for_everything_a_reading_does()
    {
        await using NpgsqlDataSource one = NpgsqlDataSource.Create(
            new NpgsqlConnectionStringBuilder(history.Database.Serving) { MaxPoolSize = 1, ApplicationName = "one" });
        var reads = new RevisionReads(one);
        (long seqScans, long rows) before = await Counted(one);
        foreach ((RevisionQuery query, int found, int _) in Queries.Values.Where(each => each.RowsMax <= 1500))
        {
            int count = 0;
            await foreach (RevisionStep step in reads.List(
                query with { Last = Math.Min(query.Last, LongHistory.Last) }, Page, CancellationToken.None))
                count += step.Revision is null ? 0 : 1;
            Assert.Equal(found, count);
        }

        foreach (long revision in (long[])[3, 250_000, 999_999, LongHistory.Last])
        {
            Assert.Equal(revision, await reads.FirstSince(LongHistory.TimeOf(revision), CancellationToken.None));
            Assert.Equal(revision, await reads.FirstSince(LongHistory.TimeOf(revision).AddSeconds(-9), CancellationToken.None));
            Assert.Equal(revision, (await reads.Find(revision, CancellationToken.None))!.Number);
        }

        Assert.Equal(
            LongHistory.Last + 1, await reads.FirstSince(LongHistory.TimeOf(LongHistory.Last).AddSeconds(1), CancellationToken.None));

        (long seqScans, long rows) after = await Counted(one);
        Assert.Equal(before.seqScans, after.seqScans);
        Assert.InRange(after.rows - before.rows, 1, 30_000);
    }

    /// <summary>
    /// The operator writes nothing but status, and people write none: with both asked for, the whole log would have to be looked through.
    /// </summary>
    [Fact]
    public async Task End_a_reading_that_finds_nothing_and_let_it_go_on()
    {
        var reads = new RevisionReads(history.Database.Source);
        RevisionQuery query = Of(User("user-7"), Event("job_status_updated", "job_created")) with { Last = LongHistory.Last };
        var found = new List<long>();
        int readings = 0;
        for (long? behind = null; ; readings++)
        {
            RevisionQuery rest = behind is { } last ? query.Behind(last) : query;
            behind = null;
            await foreach (RevisionStep step in reads.List(rest, Page, CancellationToken.None))
            {
                if (step.Revision is { } revision)
                    found.Add(revision.Number);
                else
                    behind = step.Bound;
            }

            if (behind is null)
                break;
        }

        Assert.InRange(readings, 1, 10);
        string expected = await history.Database.Ask<string>("""
            SELECT string_agg(revision::text, ',' ORDER BY revision DESC) FROM eventstore.revision
             WHERE user_name = 'user-7' AND type IN ('job_status_updated', 'job_created')
            """);
        Assert.Equal(expected, string.Join(',', found));
    }

    private static RevisionQuery Of(params IEnumerable<RevisionCondition> conditions) =>
        conditions.Aggregate(new RevisionQuery(), (query, condition) => query.And(condition));

    private static RevisionCondition Namespace(string value) => new(RevisionField.Namespace, true, [value]);

    private static RevisionCondition Job(params string[] values) => new(RevisionField.Job, true, values);

    private static RevisionCondition Uid(int job) => new(RevisionField.Uid, true, [$"00000000-0000-0000-0000-{job:D12}"]);

    private static RevisionCondition Event(params string[] values) => new(RevisionField.Event, true, values);

    private static RevisionCondition User(string value) => new(RevisionField.User, true, [value]);

    private static RevisionCondition Path(params string[] values) => new(RevisionField.Path, true, values);

    private static RevisionCondition Not(RevisionCondition condition) => condition with { Among = false };

    private async Task<JsonNode> Explain(RevisionQuery query, bool generic, bool probe = false)
    {
        await using NpgsqlCommand written = history.Database.Source.CreateCommand();
        await new RevisionReads(history.Database.Source).Write(written, query, Page, CancellationToken.None, probe);
        NpgsqlParameter[] parameters = [.. written.Parameters.Cast<NpgsqlParameter>()];
        string types = string.Join(", ", parameters.Select(parameter => Types[parameter.Value!.GetType()]));
        string values = string.Join(", ", parameters.Select(parameter => Literal(parameter.Value!)));
        await using NpgsqlConnection connection = await history.Database.Source.OpenConnectionAsync();
        foreach (string sql in (string[])[$"SET plan_cache_mode = force_{(generic ? "generic" : "custom")}_plan",
            $"PREPARE page ({types}) AS {written.CommandText}"])
            await Execute(connection, sql);
        await using var explain = new NpgsqlCommand($"EXPLAIN (ANALYZE, TIMING off, FORMAT json) EXECUTE page ({values})", connection);
        JsonNode plan = JsonNode.Parse((string)(await explain.ExecuteScalarAsync())!)![0]!["Plan"]!;
        await Execute(connection, "DEALLOCATE page");
        await Execute(connection, "RESET plan_cache_mode");
        return plan;
    }

    private static readonly Dictionary<Type, string> Types = new()
    {
        [typeof(long)] = "bigint",
        [typeof(int)] = "int",
        [typeof(string[])] = "text[]",
        [typeof(long[])] = "bigint[]",
        [typeof(Guid[])] = "uuid[]",
    };

    private static string Literal(object value) => value switch
    {
        Array array => $"ARRAY[{string.Join(',', array.Cast<object>().Select(Literal))}]::{Types[value.GetType()]}",
        _ => $"'{Convert.ToString(value, CultureInfo.InvariantCulture)!.Replace("'", "''", StringComparison.Ordinal)}'",
    };

    private static async Task Execute(NpgsqlConnection connection, string sql)
    {
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync();
    }

    private static IEnumerable<JsonNode> Nodes(JsonNode node) =>
        (node["Plans"]?.AsArray() ?? []).SelectMany(each => Nodes(each!)).Prepend(node);

    /// <summary>How many rows a node gave each time it was run: an average, since PostgreSQL 18 with two decimals.</summary>
    private static decimal RowsOf(JsonNode node) => (decimal)node["Actual Rows"]!;

    private static decimal Rows(JsonNode scan) =>
        (RowsOf(scan) + ((decimal?)scan["Rows Removed by Filter"] ?? 0) + ((decimal?)scan["Rows Removed by Index Recheck"] ?? 0))
            * (decimal)scan["Actual Loops"]!;

    /// <summary>
    /// How often a table of the log was read through, and how many rows were fetched from them. Asked on the connection that did it.
    /// </summary>
    private static async Task<(long SeqScans, long Rows)> Counted(NpgsqlDataSource one)
    {
        await using NpgsqlConnection connection = await one.OpenConnectionAsync();
        await Execute(connection, "SELECT pg_stat_force_next_flush()");
        await using var command = new NpgsqlCommand(
            """
            SELECT sum(seq_scan)::bigint, sum(seq_tup_read + idx_tup_fetch)::bigint FROM pg_stat_user_tables
             WHERE relname IN ('mt_events', 'revision', 'revision_path', 'mt_doc_current_job')
            """, connection);
        await using NpgsqlDataReader reader = await command.ExecuteReaderAsync();
        await reader.ReadAsync();
        return (reader.GetInt64(0), reader.GetInt64(1));
    }
}
