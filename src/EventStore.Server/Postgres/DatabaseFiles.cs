using System.Globalization;
using System.Runtime.Versioning;

namespace EventStore.Server.Postgres;

/// <summary>
/// Creates the database's files. The first start creates them in a folder beside their final place and renames it when it is
/// complete, roles and database included, so an interrupted start leaves nothing that looks like data. Roles are created in
/// PostgreSQL's single-user mode, so the database never listens without them.
/// </summary>
[UnsupportedOSPlatform("windows")]
internal static class DatabaseFiles
{
    private const string UnfinishedPrefix = "pgdata.new-";

    // One statement a line: that is how the single-user mode reads. The owner makes the schema; the server may only connect
    // until ServingRole.Grant gives it what it needs.
    private const string Roles =
        $"""
        CREATE ROLE {PrivatePostgres.Owner} LOGIN
        CREATE ROLE {PrivatePostgres.Server} LOGIN
        CREATE DATABASE {PrivatePostgres.Database} OWNER {PrivatePostgres.Owner}
        REVOKE ALL ON DATABASE {PrivatePostgres.Database} FROM PUBLIC
        GRANT CONNECT ON DATABASE {PrivatePostgres.Database} TO {PrivatePostgres.Server}
        """;

    /// <summary>Makes the database if there is none, and answers with the programs of the version its files are for.</summary>
    /// <param name="folder">The data folder, held.</param>
    /// <param name="account">Who will own the files.</param>
    /// <param name="find">Finds the programs of a major version, or the best ones for null.</param>
    /// <param name="log">Told when a database is made.</param>
    /// <exception cref="PostgresUnavailableException">
    /// initdb failed (with what it said), or the data are of a version whose programs are not here.
    /// </exception>
    public static PostgresBinaries Ensure(
        LockedFolder folder, PostgresAccount account, Func<int?, PostgresBinaries> find, ILogger log)
    {
        foreach (string unfinished in Directory.EnumerateDirectories(folder.Path, UnfinishedPrefix + "*"))
            Directory.Delete(unfinished, recursive: true);

        if (Directory.Exists(folder.Cluster) && Directory.EnumerateFileSystemEntries(folder.Cluster).Any())
            return ForExisting(folder, find);

        PostgresBinaries binaries = find(null);
        log.Making(binaries.Major, folder.Cluster);
        Make(folder, account, binaries);
        return binaries;
    }

    /// <summary>
    /// Writes <c>pg_hba.conf</c> and <c>pg_ident.conf</c>: only the account of this process may connect, through the socket, as any
    /// of the roles and without a password. That account owns the files or is root, so it gains nothing by the superuser role.
    /// Written at every start, because the data may have been moved to another account.
    /// </summary>
    public static void WriteAccess(LockedFolder folder, PostgresAccount account)
    {
        string[] roles = [PrivatePostgres.Owner, PrivatePostgres.Server, PrivatePostgres.Superuser];
        string map = string.Concat(roles.Select(role => $"eventstore \"{account.ProcessUser}\" {role}\n"));
        Demand(account.Run(
            "sh", "-c", "umask 077 && printf '%s' \"$1\" > \"$0/pg_hba.conf\" && printf '%s' \"$2\" > \"$0/pg_ident.conf\"",
            folder.Cluster, "local all all peer map=eventstore\n", map),
            $"The access rules in {folder.Cluster} could not be written.");
    }

    private static PostgresBinaries ForExisting(LockedFolder folder, Func<int?, PostgresBinaries> find)
    {
        string file = Path.Combine(folder.Cluster, "PG_VERSION");
        string text = File.Exists(file) ? File.ReadAllText(file).Trim() : "";
        // Before version 10 the first two numbers were the major version.
        if (Version.TryParse(text, out Version? old))
            throw new PostgresUnavailableException(
                $"The data in {folder.Cluster} were made by PostgreSQL {old}, and this server needs {PostgresBinaries.MajorMin} or newer.",
                "Dump them with pg_dump of that version and restore them into a new database, or choose another folder with --data DIR.");
        if (!int.TryParse(text, CultureInfo.InvariantCulture, out int major))
            throw new PostgresUnavailableException(
                $"{folder.Cluster} is not empty and holds no PostgreSQL data (its PG_VERSION is missing or unreadable).",
                "Restore it from a backup, move it away to start with an empty store, or choose another folder with --data DIR.");

        try
        {
            return find(major);
        }
        catch (PostgresUnavailableException none)
        {
            throw new PostgresUnavailableException(
                $"The data in {folder.Cluster} were made by PostgreSQL {major}, and another major version cannot read them. {none.Problem}",
                $"Install PostgreSQL {major} beside the other (or point PG_BIN to it) and start again. "
                + "To change over to the newer version, run its pg_upgrade on the folder, or pg_dump with the old version and restore.",
                none);
        }
    }

    private static void Make(LockedFolder folder, PostgresAccount account, PostgresBinaries binaries)
    {
        string unfinished = Path.Combine(folder.Path, UnfinishedPrefix + Guid.NewGuid().ToString("N")[..8]);
        try
        {
            Directory.CreateDirectory(unfinished, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
            account.Give(unfinished);

            // Locale C everywhere: sorting must not change under the indexes when the machine's C library is updated.
            Demand(account.Run(
                binaries.Program("initdb"), "-D", unfinished, "-U", PrivatePostgres.Superuser, "--encoding=UTF8", "--locale=C",
                "--data-checksums", "--auth-local=peer", "--auth-host=reject", "--no-instructions"),
                $"initdb could not make a database in {folder.Path}.");
            Demand(account.Run(
                "sh", "-c", "printf '%s\\n' \"$2\" | \"$0\" --single -D \"$1\" -c exit_on_error=on postgres",
                binaries.Program("postgres"), unfinished, Roles),
                $"The roles of the new database in {folder.Path} could not be made.");

            Directory.Move(unfinished, folder.Cluster);
        }
        catch
        {
            if (Directory.Exists(unfinished))
                Directory.Delete(unfinished, recursive: true);
            throw;
        }

        // The rename must reach the disk before anything is promised: a folder that came back under its unfinished name
        // after a power failure would be deleted by the next start.
        Demand(PostgresAccount.Sync(folder.Path), $"{folder.Path} could not be written to disk.");
    }

    private static void Demand((int ExitCode, string Output) result, string problem)
    {
        if (result.ExitCode != 0)
            throw new PostgresUnavailableException(
                $"{problem}\n{result.Output.Trim()}", "Correct what it complains about and start again; nothing unfinished was kept.");
    }
}
