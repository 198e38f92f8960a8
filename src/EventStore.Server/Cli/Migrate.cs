using EventStore.Server.Hosting;
using EventStore.Server.Limits;
using EventStore.Server.Postgres;
using Npgsql;

namespace EventStore.Server.Cli;

/// <summary>The settings of the section <c>Migrations</c>.</summary>
public sealed record MigrationLimits
{
    /// <summary>How long <c>migrate</c> waits for another migration before it fails and names whose it is.</summary>
    public TimeSpan LockWait { get; init; } = TimeSpan.FromMinutes(1);
}

/// <summary><c>migrate</c>: the schema up to this release, and the serving role's rights.</summary>
internal static partial class Migrate
{
    public static async Task<int> Run(VerbRun run)
    {
        MigrationLimits limits = LimitSettings.Read<MigrationLimits>(run.Configuration, "Migrations");
        await using Database database = await Database.Open(run.Settings, run.Log, run.Stop);
        await Apply(database, run.Log, limits);
        run.Done("the database is up to date");
        return 0;
    }

    /// <summary>Applies the migrations, then gives the serving role, if it is another than the owner, its rights.</summary>
    public static async Task Apply(Database database, ILogger log, MigrationLimits limits)
    {
        string owner = database.RequireOwner();
        await Migrations.Apply(owner, log, limits.LockWait);
        var serving = new NpgsqlConnectionStringBuilder(database.ServingConnectionString);
        string role = serving.Username
            ?? throw new OperatorException("ConnectionStrings__Postgres names no user", "Add Username=..., the role to serve with.");
        bool isOwner = role == new NpgsqlConnectionStringBuilder(owner).Username; // granting would take away what it has as the owner
        if (!database.IsPrivate && !isOwner)
            await Ensure(owner, role, serving.Password);
        if (!(isOwner ? await ServingRole.CloseDatabase(owner) : await ServingRole.Grant(owner, role)))
            OpenToEverybody(log, serving.Database ?? role);
    }

    [LoggerMessage(16, LogLevel.Warning, "SECURITY: every role of this PostgreSQL may connect to the database, and hold up a server there. "
        + "Its owner, or a superuser, should run: REVOKE CONNECT, TEMPORARY ON DATABASE \"{Database}\" FROM PUBLIC")]
    private static partial void OpenToEverybody(ILogger log, string database);

    private static async Task Ensure(string owner, string role, string? password)
    {
        try
        {
            await ServingRole.Ensure(owner, role, password);
        }
        catch (PostgresException e) when (e.SqlState == PostgresErrorCodes.InsufficientPrivilege)
        {
            throw new OperatorException(
                $"the role '{role}' of ConnectionStrings__Postgres is missing, and the owner may not make it; "
                + "the schema itself is up to date",
                $"Let somebody who may make roles run CREATE ROLE {role} LOGIN PASSWORD '...', then migrate again.");
        }
    }
}
