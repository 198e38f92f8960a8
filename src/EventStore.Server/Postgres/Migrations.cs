using System.Security.Cryptography;
using System.Text.RegularExpressions;
using EvolveDb;
using EvolveDb.Configuration;
using Npgsql;

namespace EventStore.Server.Postgres;

/// <summary>
/// The numbered files in <c>migrations/</c> (<c>V0001__name.sql</c>, …) are the only way the schema changes. Evolve applies
/// them in order, each in a transaction of its own, and writes what it applied, with a checksum, into the table
/// <c>eventstore.changelog</c>; a file that was applied and then edited is refused before anything is done.
///
/// Evolve waits for its lock without a time-out and does not say who holds it. So an advisory lock of our own is taken first, with
/// a time-out; it is released with its session, however that ends.
/// </summary>
public static partial class Migrations
{
    private const string Schema = "eventstore";
    private const string Changelog = "changelog";
    private const long LockKey = 0x6A6F_6273_6D69_6772; // "jobsmigr", any number nobody else uses in this database
    private static readonly TimeSpan LockWait = TimeSpan.FromSeconds(60);

    /// <summary>Where the files are in a built server.</summary>
    public static string DefaultFolder => Path.Combine(AppContext.BaseDirectory, "migrations");

    /// <summary>
    /// Applies every file that is not applied yet. Does nothing to a database that is up to date; a second caller, in any
    /// process, waits for the first.
    /// </summary>
    /// <param name="ownerConnectionString">Connects as the owner of the database: the schema is made if it is not there.</param>
    /// <param name="log">Told of each step.</param>
    /// <param name="lockWait">How long to wait for another migration; a minute when not said.</param>
    /// <exception cref="MigrationException">
    /// A file fails, was edited, is missing or misnamed, or another migration does not end. PostgreSQL's own errors are inside.
    /// </exception>
    public static Task Apply(string ownerConnectionString, ILogger log, TimeSpan? lockWait = null) =>
        Apply(ownerConnectionString, log, DefaultFolder, lockWait ?? LockWait);

    internal static async Task Apply(string ownerConnectionString, ILogger log, string folder, TimeSpan lockWait)
    {
        Files(folder); // misnamed files are found before anything is touched
        await RequireUtf8(ownerConnectionString);
        await using NpgsqlConnection guard = await Lock(ownerConnectionString, lockWait, log);
        RequireOrder(Files(folder), await Pending(ownerConnectionString, folder));

        // Evolve blocks its thread for as long as the migrations take.
        List<string> applied = await Task.Run(() => Migrate(ownerConnectionString, log, folder));
        if (applied.Count > 0)
            log.Migrated(applied.Count, string.Join(", ", applied));
        else
            log.UpToDate();
    }

    /// <summary>
    /// The names of the files that are not applied to this database, in order; all of them if it was never migrated. Only
    /// reads, and works for the serving role, so that a server can refuse to start on a database that is behind.
    /// </summary>
    /// <exception cref="MigrationException">The role may not read the changelog: <c>migrate</c> has not given it its rights.</exception>
    public static Task<IReadOnlyList<string>> Pending(string connectionString) => Pending(connectionString, DefaultFolder);

    internal static async Task<IReadOnlyList<string>> Pending(string connectionString, string folder)
    {
        await using NpgsqlConnection connection = await Open(connectionString);
        try
        {
            await using var exists = new NpgsqlCommand($"SELECT to_regclass('{Schema}.{Changelog}') IS NOT NULL", connection);
            if (await exists.ExecuteScalarAsync() is not true)
                return Files(folder);

            await using var names = new NpgsqlCommand(
                $"SELECT coalesce(array_agg(name::text), '{{}}') FROM {Schema}.{Changelog} WHERE type = 0 AND success", connection);
            var applied = (string[])(await names.ExecuteScalarAsync())!;
            return [.. Files(folder).Except(applied, StringComparer.Ordinal)];
        }
        catch (PostgresException denied) when (denied.SqlState == PostgresErrorCodes.InsufficientPrivilege)
        {
            throw new MigrationException(
                $"The role '{new NpgsqlConnectionStringBuilder(connectionString).Username}' may not read which migrations are applied.",
                "Run `migrate` with the owner's connection string; it also gives the serving role its rights.", denied);
        }
    }

    /// <summary>
    /// Refuses a database that stores text in another encoding than UTF-8: it cannot hold what JSON can, and the bytes a hash was made
    /// of are not those it gives back. An encoding is chosen when a database is made and never changes.
    /// </summary>
    /// <exception cref="MigrationException">It is another, with the command that makes the right one.</exception>
    public static async Task RequireUtf8(string connectionString)
    {
        await using NpgsqlConnection connection = await Open(connectionString);
        await using var query = new NpgsqlCommand(
            """
            SELECT pg_encoding_to_char(encoding), format('CREATE DATABASE %I OWNER %I ENCODING ''UTF8'' LOCALE ''C'' TEMPLATE template0',
                                                         datname || '_utf8', pg_get_userbyid(datdba)), datname
            FROM   pg_database WHERE datname = current_database()
            """, connection);
        await using NpgsqlDataReader row = await query.ExecuteReaderAsync();
        await row.ReadAsync();
        if (row.GetString(0) != "UTF8")
            throw new MigrationException(
                $"The database '{row.GetString(2)}' has the encoding {row.GetString(0)}; this server needs UTF8.",
                $"Let a superuser run: {row.GetString(1)}");
    }

    /// <summary>What the changelog says of each file once all are applied: name, version, description, MD5 and success.</summary>
#pragma warning disable CA5351 // The checksum is Evolve's, which compares files and keeps nothing secret.
    internal static string[] Applied() =>
    [
        .. Files(DefaultFolder).Select(name =>
        {
            string[] parts = Path.GetFileNameWithoutExtension(name)[1..].Split("__", 2);
            string checksum = Convert.ToHexString(MD5.HashData(File.ReadAllBytes(Path.Combine(DefaultFolder, name)))); // Evolve's choice
            return $"{name} {parts[0]} {parts[1].Replace('_', ' ')} {checksum} t";
        }),
    ];
#pragma warning restore CA5351

    // A file that arrives late with a low number would be applied before the others on a new database and after them here.
    private static void RequireOrder(List<string> files, IReadOnlyList<string> pending)
    {
        List<string> late = [.. pending.Except(files.TakeLast(pending.Count))];
        if (late.Count > 0)
            throw new MigrationException(
                $"Not applied, because a higher number is applied already: {string.Join(", ", late)}.",
                $"Give it a number above {files[^1]}.");
    }

    private static List<string> Migrate(string connectionString, ILogger log, string folder)
    {
        // Evolve leaves the search path alone; a name without a schema would land in "public".
        var target = new NpgsqlConnectionStringBuilder(Unpooled(connectionString)) { SearchPath = Schema };
        using var connection = new NpgsqlConnection(target.ConnectionString);
        var evolve = new Evolve(connection, log.Migrating)
        {
            Locations = [folder],
            Schemas = [Schema],
            MetadataTableSchema = Schema,
            MetadataTableName = Changelog,
            TransactionMode = TransactionKind.CommitEach,
            IsEraseDisabled = true,
            CommandTimeout = 0, // a migration over a large log takes what it takes

            // No placeholder is ever replaced; this only keeps Evolve's "${" out of SQL that means it literally.
            PlaceholderPrefix = "\u0001{",
        };

        try
        {
            evolve.Migrate();
            return evolve.AppliedMigrations;
        }
        catch (EvolveValidationException edited)
        {
            throw new MigrationException(
                $"A migration that is already applied to this database was edited. {edited.Message}",
                "Put the file back as it was released, and make the change in a new file with the next number.", edited);
        }
        catch (EvolveException failed)
        {
            // Evolve repeats the whole statement in its message, and once more for each exception inside.
            string file = AnyFileName().Match(failed.Message) is { Success: true } match ? match.Value : "before the first file";
            string cause = failed.GetBaseException() is PostgresException error
                ? $"{error.MessageText} ({error.SqlState})"
                : failed.Message;
            throw new MigrationException(
                $"A migration failed and was undone: {file}: {cause}",
                "The migrations before it stay applied. Correct the cause and run `migrate` again.", failed);
        }
    }

    private static async Task<NpgsqlConnection> Lock(string connectionString, TimeSpan wait, ILogger log)
    {
        NpgsqlConnection connection = await Open(connectionString);
        try
        {
            await using var attempt = new NpgsqlCommand($"SELECT pg_try_advisory_lock({LockKey})", connection);
            if (await attempt.ExecuteScalarAsync() is true)
                return connection;
            log.WaitingForLock(wait.TotalSeconds, await Holder(connection));
            await using var take = new NpgsqlCommand(
                $"SET lock_timeout = {(long)wait.TotalMilliseconds}; SELECT pg_advisory_lock({LockKey})", connection)
            { CommandTimeout = 0 };
            await take.ExecuteNonQueryAsync();
            return connection;
        }
        catch (PostgresException late) when (late.SqlState == PostgresErrorCodes.LockNotAvailable)
        {
            string holder = await Holder(connection);
            await connection.DisposeAsync();
            throw new MigrationException(
                $"Another migration has held the lock for more than {wait.TotalSeconds:0.#} s: {holder}.",
                "Wait for it to end, or end that session with pg_terminate_backend(pid) and run `migrate` again.", late);
        }
        catch
        {
            await connection.DisposeAsync();
            throw;
        }
    }

    private static async Task<string> Holder(NpgsqlConnection connection)
    {
        await using var query = new NpgsqlCommand(
            $"""
            SELECT format('session pid %s of %s (%s), connected since %s', a.pid, a.usename, a.application_name, a.backend_start)
            FROM   pg_locks l JOIN pg_stat_activity a USING (pid)
            WHERE  l.locktype = 'advisory' AND l.granted AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
            AND    (l.classid::bigint << 32 | l.objid::bigint) = {LockKey}
            """, connection);
        return await query.ExecuteScalarAsync() as string ?? "it has just let go";
    }

    // The files in order. A name Evolve would not know is an error: it would be left out without a word.
    private static List<string> Files(string folder)
    {
        if (!Directory.Exists(folder))
            throw new MigrationException($"The folder of migrations {folder} is missing.", "Install the server again, whole.");

        IEnumerable<string> paths = Directory.EnumerateFiles(folder, "*.sql");
        List<string> names = [.. paths.Select(path => Path.GetFileName(path)).Order(StringComparer.Ordinal)];
        List<string> misnamed = [.. names.Where(name => !FileName().IsMatch(name))];
        if (misnamed.Count > 0)
            throw new MigrationException(
                $"Not a migration's name: {string.Join(", ", misnamed)} in {folder}.", "Names look like V0001__what_it_does.sql.");
        return names;
    }

    private static async Task<NpgsqlConnection> Open(string connectionString)
    {
        var connection = new NpgsqlConnection(Unpooled(connectionString));
        await connection.OpenAsync();
        return connection;
    }

    // Sessions of our own: the lock and the search_path must not come back to somebody out of a pool.
    private static string Unpooled(string connectionString) =>
        new NpgsqlConnectionStringBuilder(connectionString) { Pooling = false, MaxAutoPrepare = 0, Multiplexing = false }.ConnectionString;

    [GeneratedRegex(@"^V\d{4}__\w+\.sql$")]
    private static partial Regex FileName();

    [GeneratedRegex(@"V\d{4}__\w+\.sql")]
    private static partial Regex AnyFileName();
}
