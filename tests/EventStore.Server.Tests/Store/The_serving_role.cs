using EventStore.Domain.Jobs;
using EventStore.Domain.Json;
using EventStore.Server.Store.Lane;
using EventStore.Server.Tests.Fixtures;
using Npgsql;

namespace EventStore.Server.Tests.Store;

/// <summary>
/// What somebody can do who has taken a server over and has its connection: read, and append through the one function. History and
/// everything it rests on stay out of reach.
/// </summary>
public sealed class The_serving_role(The_serving_role.Store store) : IClassFixture<The_serving_role.Store>
{
    private static readonly string[] Tables =
    [
        "mt_events", "mt_streams", "mt_doc_current_job", "head", "mt_event_progression", "mt_high_water_skips", "mt_doc_deadletterevent",
        "mt_event_projection_floors", "changelog", "revision", "revision_path", "job_snapshot", "rebuild", "commit_lock", "lease", "epoch",
        "mt_doc_activity", "mt_doc_job_activity",
    ];

    public static TheoryData<string> WritesToTables()
    {
        var statements = new TheoryData<string>();
        foreach (string table in Tables)
        {
            statements.Add($"INSERT INTO eventstore.{table} SELECT * FROM eventstore.{table}");
            statements.Add($"DELETE FROM eventstore.{table}");
            statements.Add($"TRUNCATE eventstore.{table} CASCADE");
            statements.Add($"DROP TABLE eventstore.{table} CASCADE");
            statements.Add($"ALTER TABLE eventstore.{table} DISABLE TRIGGER ALL");
            statements.Add($"LOCK TABLE eventstore.{table} IN ACCESS EXCLUSIVE MODE");
            if (table is not ("mt_event_progression" or "mt_doc_activity" or "mt_doc_job_activity")) // it counts the activity
                statements.Add($"SELECT * FROM eventstore.{table} FOR UPDATE");
            statements.Add(
                $"CREATE TRIGGER mine BEFORE INSERT ON eventstore.{table} EXECUTE FUNCTION suppress_redundant_updates_trigger()");
            statements.Add($"CREATE RULE mine AS ON INSERT TO eventstore.{table} DO INSTEAD NOTHING");
        }

        return statements;
    }

    [Theory]
    [MemberData(nameof(WritesToTables))]
    [InlineData("UPDATE eventstore.mt_events SET data = '{}'")]
    [InlineData("UPDATE eventstore.mt_events SET user_name = 'somebody else'")]
    [InlineData("UPDATE eventstore.mt_streams SET version = 1")]
    [InlineData("UPDATE eventstore.mt_doc_current_job SET data = '{}'")]
    [InlineData("UPDATE eventstore.head SET revision = 1")]
    [InlineData("LOCK TABLE eventstore.commit_lock IN ROW SHARE MODE")]
    [InlineData("LOCK TABLE eventstore.commit_lock IN SHARE MODE")]
    [InlineData("TRUNCATE eventstore.mt_doc_job_activity")]
    [InlineData("UPDATE eventstore.mt_doc_activity SET day = '2000-01-01'")]
    [InlineData("UPDATE eventstore.mt_event_progression SET name = 'other'")]
    [InlineData("SELECT nextval('eventstore.mt_events_sequence')")]
    [InlineData("SELECT setval('eventstore.mt_events_sequence', 1)")]
    [InlineData("ALTER SEQUENCE eventstore.mt_events_sequence RESTART")]
    [InlineData("DROP SEQUENCE eventstore.mt_events_sequence CASCADE")]
    [InlineData("DROP SCHEMA eventstore CASCADE")]
    [InlineData("ALTER SCHEMA eventstore RENAME TO mine")]
    [InlineData("CREATE TABLE eventstore.mine ()")]
    [InlineData("CREATE FUNCTION eventstore.current_job_1(uuid, varchar, varchar, boolean, bigint, bigint, text, text) RETURNS jsonb LANGUAGE sql AS $$SELECT '{}'::jsonb$$")]
    [InlineData("CREATE TABLE public.head ()")]
    [InlineData("CREATE SCHEMA mine")]
    [InlineData("CREATE TEMP TABLE mine ()")]
    [InlineData("CREATE EXTENSION IF NOT EXISTS dblink")]
    [InlineData("ALTER FUNCTION eventstore.commit_jobs_7 SECURITY INVOKER")]
    [InlineData("DROP FUNCTION eventstore.commit_jobs_7")]
    [InlineData("DROP FUNCTION eventstore.commit_jobs_6")]
    [InlineData("UPDATE eventstore.lease SET number = number + 1")]
    [InlineData("SELECT eventstore.epoch_add_1()")]
    [InlineData("SELECT nextval('eventstore.rebuilds')")]
    [InlineData("DROP FUNCTION eventstore.wait_for_commits_2")]
    [InlineData("SELECT eventstore.commit_jobs_3('{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', false)")]
    [InlineData("DROP INDEX eventstore.current_job_living")]
    [InlineData("SELECT eventstore.current_job_1(gen_random_uuid(), '', '', false, 1, 1, '', '')")]
    [InlineData("SELECT eventstore.mt_quick_append_events(gen_random_uuid(), 'x', 'x', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', 1)")]
    [InlineData("SELECT eventstore.mt_archive_stream(gen_random_uuid())")]
    [InlineData("SELECT eventstore.mt_mark_event_progression('x', 1)")]
    [InlineData("SELECT eventstore.mt_mark_progression_with_skip('x', 1, 1)")]
    [InlineData("SET ROLE OWNER")]
    [InlineData("SET SESSION AUTHORIZATION OWNER")]
    [InlineData("SET session_replication_role = replica")]
    [InlineData("CREATE ROLE mine")]
    [InlineData("ALTER ROLE OWNER PASSWORD 'mine'")]
    [InlineData("CREATE PUBLICATION mine FOR ALL TABLES")]
    [InlineData("COPY eventstore.mt_events TO PROGRAM 'cat'")]
    [InlineData("COPY eventstore.mt_events TO '/tmp/mine'")]
    [InlineData("SELECT lo_import('/etc/passwd')")]
    [InlineData("SELECT pg_reload_conf()")]
    [InlineData("SELECT pg_read_file('/etc/passwd')")]
    public async Task Is_refused(string sql)
    {
        string before = await store.Checksum();
        PostgresException refused = await Assert.ThrowsAsync<PostgresException>(
            () => store.AsServing(sql.Replace("OWNER", store.Owner, StringComparison.Ordinal)));

        // 42501 insufficient_privilege; a function of another signature or with a temporary name was never found at all.
        Assert.Equal(PostgresErrorCodes.InsufficientPrivilege, refused.SqlState);
        Assert.Equal(before, await store.Checksum());
    }

    [Fact]
    public async Task Has_no_right_to_any_function_but_those_that_append_those_that_read_and_the_wait_for_commits() =>
        Assert.Equal(
            "commit_jobs_6, commit_jobs_7, commit_jobs_whole_3, epoch_check_1, lease_take_1, touched_1, touched_paths_1, wait_for_commits_2",
            await store.AsServing("""
                SELECT string_agg(proname, ', ' ORDER BY proname) FROM pg_proc WHERE pronamespace = 'eventstore'::regnamespace AND has_function_privilege(oid, 'EXECUTE')
                """));

    [Fact]
    public async Task Has_no_right_to_any_table_but_to_read_and_to_count_the_activity() =>
        Assert.Equal("mt_doc_activity,mt_doc_job_activity,mt_event_progression", await store.AsServing("""
            SELECT string_agg(relname, ',' ORDER BY relname COLLATE "C") FROM pg_class WHERE relnamespace = 'eventstore'::regnamespace AND relkind IN ('r', 'p', 'v', 'm', 'f')
               AND (has_table_privilege(oid, 'INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER')
                    OR has_any_column_privilege(oid, 'INSERT, UPDATE, REFERENCES') OR NOT has_table_privilege(oid, 'SELECT'))
            """));

    [Fact]
    public async Task Was_tried_on_every_table_there_is() =>
        Assert.Equal(string.Join(',', Tables.Order(StringComparer.Ordinal)), await store.AsServing("""
            SELECT string_agg(relname, ',' ORDER BY relname COLLATE "C") FROM pg_class
             WHERE relnamespace = 'eventstore'::regnamespace AND relkind IN ('r', 'p', 'v', 'm', 'f')
            """));

    [Fact]
    public async Task Has_no_right_to_any_sequence() =>
        Assert.Equal(0L, await store.AsServing("""
            SELECT count(*) FROM pg_sequences WHERE has_sequence_privilege(format('%I.%I', schemaname, sequencename), 'USAGE, UPDATE')
            """));

    [Fact]
    public async Task Is_no_member_of_its_owner() =>
        Assert.Equal(false, await store.AsServing($"SELECT pg_has_role('{store.Owner}', 'MEMBER')"));

    [Fact]
    public async Task Reads_and_appends()
    {
        Assert.IsType<Outcome.Done>(await Store.Create("plain", store.Serving));
        Assert.Equal(1L, await store.AsServing("SELECT count(*) FROM eventstore.mt_doc_current_job WHERE name = 'plain'"));
    }

    /// <summary>
    /// The function runs with its owner's rights. If it looked for its tables or functions first where its caller can make things, the
    /// caller's would run with those rights.
    /// </summary>
    [Theory]
    [InlineData(6, "")]
    [InlineData(6, "SET search_path = pg_temp, eventstore")]
    [InlineData(6, "SET search_path = pg_temp, pg_catalog, public")]
    [InlineData(7, "")]
    [InlineData(7, "SET search_path = pg_temp, eventstore")]
    [InlineData(7, "SET search_path = pg_temp, pg_catalog, public")]
    public async Task Cannot_put_things_of_its_own_in_the_function_s_way(int release, string searchPath)
    {
        await store.AllowTemporary();
        await using var connection = new NpgsqlConnection(
            new NpgsqlConnectionStringBuilder(store.Serving) { Pooling = false }.ConnectionString);
        await connection.OpenAsync();
        await using (var shadows = new NpgsqlCommand($"""
            CREATE TEMP TABLE head (only_row boolean, revision bigint, time timestamptz);
            INSERT INTO head VALUES (true, 1, now());
            CREATE TEMP TABLE mt_events (LIKE eventstore.mt_events);
            CREATE TEMP TABLE mt_streams (LIKE eventstore.mt_streams);
            CREATE TEMP TABLE mt_doc_current_job (LIKE eventstore.mt_doc_current_job);
            CREATE TEMP SEQUENCE mt_events_sequence;
            CREATE FUNCTION pg_temp.current_job_1(uuid, text, text, boolean, bigint, bigint, text, text) RETURNS jsonb LANGUAGE plpgsql AS
                $$BEGIN RAISE EXCEPTION 'ran as %', current_user; END$$;
            CREATE TEMP TABLE commit_lock ();
            CREATE TEMP TABLE lease (name text, number bigint);
            CREATE TEMP SEQUENCE rebuilds START 5;
            CREATE FUNCTION pg_temp.epoch_now_1(bigint) RETURNS bigint LANGUAGE plpgsql AS
                $$BEGIN RAISE EXCEPTION 'ran as %', current_user; END$$;
            CREATE FUNCTION pg_temp.revision_hash_1(bytea, bigint, uuid, bigint, text, bigint, text, jsonb, text, jsonb) RETURNS bytea LANGUAGE plpgsql AS
                $$BEGIN RAISE EXCEPTION 'ran as %', current_user; END$$;
            CREATE FUNCTION pg_temp.pg_advisory_xact_lock(int) RETURNS void LANGUAGE plpgsql AS
                $$BEGIN RAISE EXCEPTION 'ran as %', current_user; END$$;
            CREATE FUNCTION pg_temp.equal(varchar, text) RETURNS boolean LANGUAGE plpgsql AS
                $$BEGIN RAISE EXCEPTION 'ran as %', current_user; END$$;
            CREATE OPERATOR pg_temp.= (FUNCTION = pg_temp.equal, LEFTARG = varchar, RIGHTARG = text);
            {searchPath}
            """, connection))
            await shadows.ExecuteNonQueryAsync();

        string name = $"shadowed-{release}-{searchPath.Length}";
        string allOrNone = release == 7 ? "false, " : string.Empty;
        await using (var command = new NpgsqlCommand($"""
            SELECT held FROM eventstore.commit_jobs_{release}(
                ARRAY['kube-test'], ARRAY['{name}'], ARRAY[null::uuid], ARRAY[null::bigint], ARRAY[null::bigint],
                ARRAY[1], ARRAY[gen_random_uuid()], ARRAY[gen_random_uuid()], ARRAY[1::bigint], ARRAY['job_created'], ARRAY['x'],
                ARRAY['{"{}"}'::jsonb], ARRAY['eve'], ARRAY['{"{}"}'::jsonb], ARRAY['r'], '{"{}"}', '{"{}"}',
                ARRAY[1], ARRAY[false], ARRAY['a'], ARRAY['b'], false, {allOrNone}1, 0, 1, NULL)
            """, connection))
            Assert.True(Assert.Single((bool[])(await command.ExecuteScalarAsync())!));

        await using (var inTemp = new NpgsqlCommand("""
            SELECT (SELECT count(*) FROM pg_temp.mt_events) + (SELECT count(*) FROM pg_temp.mt_doc_current_job) + (SELECT revision FROM pg_temp.head)
            """, connection))
            Assert.Equal(1m, Convert.ToDecimal(await inTemp.ExecuteScalarAsync(), System.Globalization.CultureInfo.InvariantCulture));
        Assert.Equal(1L, await store.AsServing($"SELECT count(*) FROM eventstore.mt_doc_current_job WHERE name = '{name}'"));
    }

    /// <summary>A migrated database with one job in it.</summary>
    public sealed class Store : IAsyncLifetime
    {
        private TestDatabase database = null!;

        public string Serving => database.Serving;

        public string Owner => new NpgsqlConnectionStringBuilder(database.Owner).Username!;

        public async Task InitializeAsync()
        {
            database = await TestDatabase.Create();
            await Create("there", Serving);
        }

        public async Task DisposeAsync() => await database.DisposeAsync();

        public Task<string> Checksum() => database.Checksum();

        /// <summary>Lets the serving role make temporary things after all, which <c>migrate</c> does not.</summary>
        public Task AllowTemporary() => database.Execute($"""
            DO $$ BEGIN EXECUTE format('GRANT TEMPORARY ON DATABASE %I TO {database.ServingRoleName}', current_database()); END $$
            """);

        /// <summary>Runs a statement as the serving role, on a connection of its own, and answers its first value.</summary>
        public async Task<object?> AsServing(string sql)
        {
            await using var connection = new NpgsqlConnection(
                new NpgsqlConnectionStringBuilder(Serving) { Pooling = false }.ConnectionString);
            await connection.OpenAsync();
            await using NpgsqlTransaction transaction = await connection.BeginTransactionAsync();
            await using var command = new NpgsqlCommand(sql, connection, transaction);
            object? value = await command.ExecuteScalarAsync();
            await transaction.CommitAsync();
            return value;
        }

        internal static async Task<Outcome> Create(string name, string connectionString)
        {
            await using NpgsqlDataSource source = NpgsqlDataSource.Create(connectionString);
            await using var lane = InProcess.Lane(source);
            var manifest = (JsonObject)JsonReading.Parse(System.Text.Encoding.UTF8.GetBytes(Sample.Manifest(name)));
            var origin = new Origin("alice", [], string.Empty, string.Empty, "request");
            return await lane.Execute(
                new CreateJob(new JobKey("kube-test", name), DateTimeOffset.UnixEpoch, origin, manifest, Guid.NewGuid()), false, 0,
                default);
        }
    }
}
