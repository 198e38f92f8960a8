using EventStore.Server.Postgres;
using EventStore.Server.Store.Proof;
using EventStore.Server.Tests.Fixtures;
using Npgsql;

namespace EventStore.Server.Tests.Store;

/// <summary>
/// Somebody with the owner's rights changes the schema, a right, or any column: <c>verify</c> names it. What there is to change is asked of
/// the catalog, so that a new table, column or function is tried too.
/// </summary>
[Trait("Category", "Slow")]
public sealed class Verifying_the_schema : IAsyncLifetime
{
    /// <summary>Tables that hold no history and nothing made of it: Marten's own notes, and how far a rebuild has come.</summary>
    private static readonly string[] Notes =
        ["mt_event_progression", "mt_event_projection_floors", "mt_high_water_skips", "mt_doc_deadletterevent", "rebuild", "commit_lock",
            "lease",
            "mt_doc_activity", "mt_doc_job_activity"]; // Counted_activity tampers with those

    /// <summary>Columns of which nothing else tells what they should be.</summary>
    private static readonly string[] Untold = ["mt_events.id", "changelog.id", "changelog.installed_by", "changelog.installed_on"];

    private TestDatabase database = null!;

    public async Task InitializeAsync()
    {
        database = await TestDatabase.Create();
        await RandomHistory.Write(database.Source, seed: 9, jobs: 3, events: 40);
        await RandomHistory.WriteLong(database.Source, events: 300);
    }

    public async Task DisposeAsync() => await database.DisposeAsync();

    /// <summary>With UPDATE_SCHEMA=1 it writes the file that verify compares with.</summary>
    [Fact]
    public async Task Compares_with_what_the_migrations_leave()
    {
        await using NpgsqlConnection connection = await database.Source.OpenConnectionAsync();
        string[] found = await SchemaCheck.Objects(connection, default);
        if (Environment.GetEnvironmentVariable("UPDATE_SCHEMA") == "1")
            await File.WriteAllLinesAsync(Path.Combine(Repository.Root(), "src/EventStore.Server/Store/Proof/schema.txt"), found);
        else
            Assert.Equal(SchemaCheck.Resource("schema.txt").Split('\n', StringSplitOptions.RemoveEmptyEntries), found);
        Assert.Empty(await Findings());
    }

    /// <summary>
    /// An update of the system's C library may change any other order, and leaves an index that does not find what is in it.
    /// </summary>
    [Fact]
    public async Task Has_no_index_that_orders_texts_by_a_language()
    {
        await using TestDatabase other = await TestDatabase.CreateEmpty(
            options: "ENCODING 'UTF8' LC_COLLATE 'C.UTF-8' LC_CTYPE 'C.UTF-8' TEMPLATE template0");
        await Migrations.Apply(other.Owner, Microsoft.Extensions.Logging.Abstractions.NullLogger.Instance);
        Assert.Empty(await other.Ask<string[]>("""
            SELECT coalesce(array_agg(format('%s orders by %s', i.relname, k.by::regcollation) ORDER BY 1), '{}')
              FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid CROSS JOIN LATERAL unnest(x.indcollation) k (by)
             WHERE i.relnamespace = 'eventstore'::regnamespace AND k.by <> 0 AND k.by <> '"C"'::regcollation
            """));
    }

    [Fact]
    public async Task Names_every_object_that_was_dropped_or_changed()
    {
        await using NpgsqlConnection connection = await database.OwnerSource.OpenConnectionAsync();
        string[] objects = await SchemaCheck.Objects(connection, default);
        Assert.True(objects.Length > 150, $"there are {objects.Length} objects");
        foreach (string line in objects)
        {
            string name = line.Split(" = ", 2)[0];
            if (Change(name) is not { } change)
                continue;
            await using NpgsqlTransaction transaction = await connection.BeginTransactionAsync();
            await using (var command = new NpgsqlCommand($"SET LOCAL search_path = eventstore; {change}", connection, transaction))
                await command.ExecuteNonQueryAsync();
            List<Finding> findings = [];
            await SchemaCheck.Run(connection, findings.Add, default);
            Assert.Contains(findings, finding => finding.What.StartsWith($"the {name} is ", StringComparison.Ordinal));
            await transaction.RollbackAsync();
        }
    }

    private static string? Change(string name)
    {
        string[] words = name.Split(' ');
        return words[0] switch
        {
            "table" => $"DROP TABLE {words[1]} CASCADE",
            "column" => $"ALTER TABLE {words[1].Split('.')[0]} DROP COLUMN {words[1].Split('.')[1]} CASCADE",
            "index" => $"""
                DO $$ BEGIN DROP INDEX {words[1]}; EXCEPTION WHEN dependent_objects_still_exist THEN EXECUTE (
                    SELECT format('ALTER TABLE %s DROP CONSTRAINT %I CASCADE', conrelid::regclass, conname) FROM pg_constraint WHERE conindid = '{words[1]}'::regclass AND contype = 'p'); END $$
                """,
            "constraint" => $"ALTER TABLE {words[3]} DROP CONSTRAINT {words[1]} CASCADE",
            "trigger" => $"ALTER TABLE {words[3]} DISABLE TRIGGER {words[1]}",
            "function" when name.StartsWith("function current_job_1", StringComparison.Ordinal) => $"DROP {name}",
            "function" => $$"""
                DO $$ DECLARE old oid := '{{words[1].Split('(')[0]}}'::regproc; BEGIN
                    EXECUTE replace(pg_get_functiondef(old), (SELECT prosrc FROM pg_proc WHERE oid = old), (SELECT prosrc || ' ' FROM pg_proc WHERE oid = old)); END $$
                """,
            "sequence" => $"ALTER SEQUENCE {words[1]} CACHE 5",
            _ => null,
        };
    }

    [Theory]
    [InlineData("GRANT SELECT ON eventstore.mt_events TO PUBLIC", "PUBLIC has the right SELECT on the table mt_events")]
    [InlineData("GRANT UPDATE ON eventstore.mt_events TO SERVING", "SERVING has the right UPDATE on the table mt_events")]
    [InlineData("GRANT UPDATE (data) ON eventstore.mt_events TO SERVING", "SERVING has the right UPDATE on the column mt_events.data")]
    [InlineData("GRANT SELECT ON eventstore.mt_events TO SERVING WITH GRANT OPTION", "SERVING has the right SELECT on the table mt_events")]
    [InlineData("GRANT USAGE ON SEQUENCE eventstore.mt_events_sequence TO SERVING", "SERVING has the right USAGE on the sequence mt_events_sequence")]
    [InlineData("GRANT CREATE ON SCHEMA eventstore TO SERVING", "SERVING has the right CREATE on the schema")]
    [InlineData("GRANT EXECUTE ON FUNCTION eventstore.commit_jobs_7 TO PUBLIC", "PUBLIC has the right EXECUTE on the function commit_jobs_7")]
    [InlineData("GRANT EXECUTE ON FUNCTION eventstore.commit_jobs_3 TO SERVING", "SERVING has the right EXECUTE on the function commit_jobs_3")]
    [InlineData("GRANT UPDATE (day) ON eventstore.mt_doc_activity TO SERVING", "SERVING has the right UPDATE on the column mt_doc_activity.day")]
    [InlineData("GRANT EXECUTE ON FUNCTION eventstore.mt_archive_stream TO SERVING", "SERVING has the right EXECUTE on the function mt_archive_stream")]
    [InlineData("REVOKE EXECUTE ON FUNCTION eventstore.commit_jobs_7 FROM SERVING", "SERVING lacks the right EXECUTE on the function commit_jobs_7")]
    [InlineData("GRANT CONNECT ON DATABASE THIS_ONE TO PUBLIC", "PUBLIC has the right CONNECT on the database")]
    [InlineData("GRANT TEMPORARY ON DATABASE THIS_ONE TO SERVING", "SERVING has the right TEMPORARY on the database")]
    [InlineData("ALTER TABLE eventstore.mt_events ENABLE ROW LEVEL SECURITY; CREATE POLICY hidden ON eventstore.mt_events USING (seq_id <> 5)", "the policy hidden of mt_events is not one of the migrations")]
    [InlineData("ALTER TABLE eventstore.mt_events ENABLE ROW LEVEL SECURITY", "the table mt_events is not that of the migrations: r, p, row security")]
    [InlineData("CREATE RULE none AS ON INSERT TO eventstore.revision DO INSTEAD NOTHING", "the rule none of revision is not one of the migrations")]
    [InlineData("CREATE TABLE public.more () INHERITS (eventstore.mt_streams)", "the child more of mt_streams is not one of the migrations")]
    [InlineData("CREATE VIEW eventstore.more AS SELECT 1 AS one", "the view more is not one of the migrations")]
    [InlineData("ALTER DEFAULT PRIVILEGES IN SCHEMA eventstore GRANT ALL ON TABLES TO SERVING", "the default right OWNER r is not one of the migrations")]
    [InlineData("UPDATE eventstore.changelog SET checksum = 'x' WHERE version = '0003'", "the changelog lacks V0003__commit_jobs_1.sql 0003 .*")]
    [InlineData("DELETE FROM eventstore.changelog WHERE version = '0004'", "the changelog lacks V0004__revisions.sql 0004 .*")]
    [InlineData("SELECT setval('eventstore.mt_events_sequence', 3)", @"the sequence of revisions is at 3, behind the head at \d+: the next commit moves it up")]
    [InlineData("INSERT INTO eventstore.head (revision, time) VALUES (-1, now())", "the head has 2 rows")]
    [InlineData("INSERT INTO eventstore.revision SELECT -7, namespace, job, type, user_name, hash FROM eventstore.revision LIMIT 1", "the index has a row of a revision there never was")]
    [InlineData("INSERT INTO eventstore.revision_path VALUES ('metadata.labels.x', -7)", "the index has it under metadata.labels.x, and there is no such event")]
    public async Task Names(string change, string expected)
    {
        string Named(string text) => text.Replace("SERVING", database.ServingRoleName, StringComparison.Ordinal)
            .Replace("OWNER", new NpgsqlConnectionStringBuilder(database.Owner).Username, StringComparison.Ordinal)
            .Replace("THIS_ONE", new NpgsqlConnectionStringBuilder(database.Owner).Database, StringComparison.Ordinal);
        await database.Execute(Named(change));
        Assert.Contains(await Findings(), what => System.Text.RegularExpressions.Regex.IsMatch(what, $"^{Named(expected)}$"));
    }

    [Fact]
    public async Task Finds_a_change_of_any_column()
    {
        List<string> missed = [];
        string[] columns = (string[])(await database.Ask<object>("""
            SELECT array_agg(format('%s.%s %s', c.relname, a.attname, format_type(a.atttypid, -1)) ORDER BY 1) FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
             WHERE c.relnamespace = 'eventstore'::regnamespace AND c.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped
            """));
        Assert.Equal(Untold.Order(), Untold.Intersect(columns.Select(column => column.Split(' ')[0])).Order());
        await database.Execute(
            "ALTER TABLE eventstore.mt_events DROP CONSTRAINT fkey_mt_events_stream_id; ALTER TABLE eventstore.head DISABLE TRIGGER head_is_linked");
        await database.Execute("SELECT eventstore.epoch_add_1()"); // the first epoch is not linked
        int usual = (await Findings()).Length;
        foreach (string column in columns)
        {
            (string table, string name, string type) = (column.Split('.')[0], column.Split('.', ' ')[1], column.Split(' ', 2)[1]);
            if (Notes.Contains(table) || Untold.Contains($"{table}.{name}"))
                continue;
            string which = table == "mt_doc_current_job" ? "WHERE NOT deleted" : ""; // the name of one that is deleted may live
            string place = await database.Ask<string>($"SELECT ctid::text FROM eventstore.{table} {which} ORDER BY ctid DESC LIMIT 1");
            string old = await database.Ask<string>(
                $"SELECT coalesce(quote_literal({name}::text), 'NULL') FROM eventstore.{table} WHERE ctid = '{place}'");
            place = await database.Ask<string>(
                $"UPDATE eventstore.{table} SET {name} = {Other(name, type)} WHERE ctid = '{place}' RETURNING ctid::text");
            if ((await Findings()).Length == usual)
                missed.Add(column);
            await database.Execute($"UPDATE eventstore.{table} SET {name} = {old}::{type} WHERE ctid = '{place}'");
            Assert.Equal(usual, (await Findings()).Length);
        }

        Assert.Empty(missed);
    }

    private static string Other(string name, string type) => type switch
    {
        "bigint" or "integer" or "smallint" => $"-coalesce({name}, 0) - 1",
        "uuid" => "gen_random_uuid()",
        "boolean" => $"NOT {name}",
        "bytea" => $"sha256(coalesce({name}, ''))",
        "jsonb" => $"{name} || '{{\"zz\": 1}}'",
        _ when type.StartsWith("timestamp", StringComparison.Ordinal) => $"{name} + interval '1 s'",
        _ => $"left('x' || coalesce({name}, ''), 32)", // some columns hold no more
    };

    private async Task<string[]> Findings()
    {
        List<Finding> findings = [];
        await Verification.Run(database.Source, null, findings.Add, (_, _) => { }, default);
        return [.. findings.Select(finding => finding.What)];
    }
}
