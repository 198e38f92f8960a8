using Npgsql;

namespace EventStore.Server.Postgres;

/// <summary>
/// The rights of the serving role: it may read the tables, change them only through the few functions of <c>serving-rights.sql</c>, which
/// run with their owner's rights, and count the activity. A compromised server can append events but neither edit nor delete one. Nobody
/// else may connect: whoever can connect can take advisory locks and send notifications.
/// </summary>
public static class ServingRole
{
    private const string Schema = "eventstore";

    /// <summary>
    /// What the role may do besides reading, as a common table expression: <c>given (object, privilege)</c>. The list is that of
    /// <c>serving-rights.sql</c>, for whoever grants it and whoever compares with it.
    /// </summary>
    internal static string Given { get; } = $"given (object, privilege) AS (\n{Listed()})";

    /// <summary>
    /// Gives the role exactly its rights on the schema <c>eventstore</c> and on the database, and takes back whatever else it, or
    /// everybody (PUBLIC), had there. In one transaction, so a server that is running never loses a right in between; may be repeated,
    /// and has to be after each migration, because new tables and functions start without (tables) or with too many (functions) rights.
    /// Rights the role has through another role it is a member of are not its own and stay: see <see cref="HasOwnersRights"/>.
    /// </summary>
    /// <param name="ownerConnectionString">Connects as the owner of the schema's tables and functions.</param>
    /// <param name="role">An existing role, as it is stored: no quotes.</param>
    /// <returns>Whether PUBLIC is kept out of the database; false where the schema's owner does not own the database and cannot.</returns>
    /// <exception cref="PostgresException">The role or the schema does not exist, or the connection is not the owner's.</exception>
    public static async Task<bool> Grant(string ownerConnectionString, string role)
    {
        string name = '"' + role.Replace("\"", "\"\"", StringComparison.Ordinal) + '"';
        await using var connection = new NpgsqlConnection(ownerConnectionString);
        await connection.OpenAsync();
        await using NpgsqlTransaction transaction = await connection.BeginTransactionAsync();

        // Two at once would fail with "tuple concurrently updated".
        await Execute(connection, "SELECT pg_advisory_xact_lock(hashtext('eventstore.serving_role'))");
        await Execute(connection, CloseSchemas);
        await Execute(
            connection,
            $"""
            REVOKE ALL ON SCHEMA {Schema} FROM PUBLIC, {name};
            REVOKE ALL ON ALL TABLES    IN SCHEMA {Schema} FROM PUBLIC, {name};
            REVOKE ALL ON ALL SEQUENCES IN SCHEMA {Schema} FROM PUBLIC, {name};
            REVOKE ALL ON ALL ROUTINES  IN SCHEMA {Schema} FROM PUBLIC, {name};
            GRANT USAGE  ON SCHEMA {Schema} TO {name};
            GRANT SELECT ON ALL TABLES IN SCHEMA {Schema} TO {name};
            GRANT SELECT ON ALL SEQUENCES IN SCHEMA {Schema} TO {name};
            """);
        foreach (string right in await RightsGiven(connection))
            await Execute(connection, $"GRANT {right} TO {name}");

        bool closed = await CloseDatabase(connection, name);
        await transaction.CommitAsync();
        return closed;
    }

    /// <summary>
    /// Keeps PUBLIC out of the database: without CONNECT a stranger can take no advisory lock there and send no notification, without
    /// TEMPORARY the serving role cannot put things of its own before ours. For an owner that serves too.
    /// </summary>
    /// <returns>Whether that could be done.</returns>
    public static async Task<bool> CloseDatabase(string ownerConnectionString)
    {
        await using var connection = new NpgsqlConnection(ownerConnectionString);
        await connection.OpenAsync();
        return await CloseDatabase(connection, "CURRENT_USER");
    }

    private static async Task<bool> CloseDatabase(NpgsqlConnection connection, string role)
    {
        await using var query = new NpgsqlCommand(
            "SELECT quote_ident(datname), pg_has_role(datdba, 'USAGE') FROM pg_database WHERE datname = current_database()", connection);
        string database;
        await using (NpgsqlDataReader reader = await query.ExecuteReaderAsync())
        {
            await reader.ReadAsync();
            if (!reader.GetBoolean(1))
                return false;
            database = reader.GetString(0);
        }

        await Execute(
            connection,
            $"""
            REVOKE CONNECT, TEMPORARY ON DATABASE {database} FROM PUBLIC;
            GRANT CONNECT ON DATABASE {database} TO {role};
            """);
        return true;
    }

    /// <summary>
    /// Makes the role if there is none of that name: with no right but to log in, which needs the right to make roles. A role that is
    /// there already is left as it is, its password too.
    /// </summary>
    /// <param name="ownerConnectionString">Connects as the owner.</param>
    /// <param name="role">The role's name.</param>
    /// <param name="password">Its password; null for a role that logs in otherwise.</param>
    /// <exception cref="PostgresException">The role is missing and the owner may not make it.</exception>
    public static async Task Ensure(string ownerConnectionString, string role, string? password)
    {
        await using var connection = new NpgsqlConnection(ownerConnectionString);
        await connection.OpenAsync();
        await using var lookUp = new NpgsqlCommand("SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = $1)", connection);
        lookUp.Parameters.Add(new NpgsqlParameter<string> { TypedValue = role });
        if (await lookUp.ExecuteScalarAsync() is true)
            return;

        // CREATE ROLE takes no parameters: the server itself quotes the two values.
        await using var quote = new NpgsqlCommand("SELECT format('CREATE ROLE %I LOGIN PASSWORD %L', $1, $2)", connection);
        quote.Parameters.Add(new NpgsqlParameter<string> { TypedValue = role });
        quote.Parameters.Add(
            new NpgsqlParameter { Value = (object?)password ?? DBNull.Value, NpgsqlDbType = NpgsqlTypes.NpgsqlDbType.Text });
        await Execute(connection, (string)(await quote.ExecuteScalarAsync())!);
    }

    /// <summary>
    /// Whether whoever connects so could change the store without the commit function: a superuser, an owner of the schema
    /// or of something in it (or a member of that role), or one with any right to write there. For a loud warning at start.
    /// </summary>
    public static async Task<bool> HasOwnersRights(string connectionString)
    {
        await using var connection = new NpgsqlConnection(connectionString);
        await connection.OpenAsync();
        await using var query = new NpgsqlCommand(Writes, connection);
        return await query.ExecuteScalarAsync() is true;
    }

    /// <summary>Warnings about database settings under which a power failure loses answered changes; empty if there are none.</summary>
    public static async Task<IReadOnlyList<string>> UnsafeSettings(string connectionString)
    {
        await using var connection = new NpgsqlConnection(connectionString);
        await connection.OpenAsync();
        await using var query = new NpgsqlCommand(
            """
            SELECT coalesce(array_agg(format('%s is off: a crash of the machine can %s.', name,
                            CASE name WHEN 'fsync' THEN 'lose changes that were answered as stored, or ruin the whole database'
                                      ELSE 'leave half-written pages that cannot be repaired' END) ORDER BY name), '{}')
            FROM   pg_settings
            WHERE  name IN ('fsync', 'full_page_writes') AND setting = 'off'
            """, connection);
        return (string[])(await query.ExecuteScalarAsync())!;
    }

    /// <summary>Whether a commit waits for a standby, if it is synchronous at all, which this program's are.</summary>
    public static async Task<bool> WaitsForStandby(string connectionString)
    {
        await using var connection = new NpgsqlConnection(connectionString);
        await connection.OpenAsync();
        await using var query = new NpgsqlCommand("SELECT current_setting('synchronous_standby_names') <> ''", connection);
        return await query.ExecuteScalarAsync() is true;
    }

    // Databases made before PostgreSQL 15 let everybody make things in "public", and with that put a function or table of
    // their own in front of ours. Only schemas of ours can be closed; the others are their owners' business.
    private const string CloseSchemas =
        """
        DO $$
        DECLARE
            open regnamespace;
        BEGIN
            FOR open IN
                SELECT n.oid FROM pg_namespace n, aclexplode(n.nspacl) acl
                WHERE  acl.grantee = 0 AND acl.privilege_type = 'CREATE' AND pg_has_role(n.nspowner, 'USAGE')
            LOOP
                EXECUTE format('REVOKE CREATE ON SCHEMA %s FROM PUBLIC', open);
            END LOOP;
        END $$
        """;

    private static readonly string Writes =
        $"""
        WITH {Given},
             me AS (SELECT oid, rolsuper FROM pg_roles WHERE rolname = session_user),
             home AS (SELECT oid, nspowner FROM pg_namespace WHERE nspname = '{Schema}')
        SELECT (SELECT rolsuper FROM me)
            OR EXISTS (SELECT FROM home, me
                       WHERE pg_has_role(me.oid, nspowner, 'MEMBER') OR has_schema_privilege(me.oid, home.oid, 'CREATE'))
            OR EXISTS (SELECT FROM pg_class c JOIN home ON home.oid = c.relnamespace, me
                       WHERE pg_has_role(me.oid, c.relowner, 'MEMBER')
                          OR CASE WHEN c.relkind IN ('r', 'p', 'v', 'm', 'f')
                                  THEN has_table_privilege(me.oid, c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE')
                                    OR EXISTS (SELECT FROM pg_attribute a, unnest(ARRAY['INSERT', 'UPDATE']) writes
                                               WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
                                                 AND has_column_privilege(me.oid, c.oid, a.attnum, writes)
                                                 AND (format('column %s.%s', c.relname, a.attname), writes) NOT IN (SELECT * FROM given))
                                  WHEN c.relkind = 'S'
                                  THEN has_sequence_privilege(me.oid, c.oid, 'USAGE, UPDATE')
                                  ELSE false END)
            OR EXISTS (SELECT FROM pg_proc p JOIN home ON home.oid = p.pronamespace, me
                       WHERE pg_has_role(me.oid, p.proowner, 'MEMBER'))
        """;

    private static string Listed()
    {
        using var reader = new StreamReader(typeof(ServingRole).Assembly.GetManifestResourceStream("serving-rights.sql")!);
        return reader.ReadToEnd();
    }

    /// <summary>The rights on the list to what there is, each as <c>GRANT</c> takes it.</summary>
    private static async Task<string[]> RightsGiven(NpgsqlConnection connection)
    {
        await using var query = new NpgsqlCommand(
            $"""
            WITH {Given}, rights (text) AS (
                SELECT format('%s ON FUNCTION %s', privilege, p.oid::regprocedure)
                FROM   given JOIN pg_proc p ON object = 'function ' || p.proname
                WHERE  p.pronamespace = '{Schema}'::regnamespace AND p.prokind = 'f'
                UNION ALL
                SELECT format('%s (%I) ON %s', privilege, a.attname, c.oid::regclass)
                FROM   pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
                JOIN   given ON object = format('column %s.%s', c.relname, a.attname)
                WHERE  c.relnamespace = '{Schema}'::regnamespace AND a.attnum > 0 AND NOT a.attisdropped)
            SELECT coalesce(array_agg(text), '{"{}"}') FROM rights
            """, connection);
        return (string[])(await query.ExecuteScalarAsync())!;
    }

    private static async Task Execute(NpgsqlConnection connection, string sql)
    {
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync();
    }
}
