using EventStore.Server.Postgres;
using Npgsql;

namespace EventStore.Server.Cli;

/// <summary><c>migrate</c>: the schema up to this release, and the serving role's rights.</summary>
internal static class Migrate
{
    public static async Task<int> Run(CommandLine line)
    {
        await using Terminal terminal = Terminal.Open(line);
        await using Database database = await Database.Open(terminal.Settings, terminal.Log, terminal.Stop);
        await Apply(database, terminal.Log);
        terminal.Done("the database is up to date");
        return 0;
    }

    /// <summary>Applies the migrations, then gives the serving role, if it is another than the owner, its rights.</summary>
    public static async Task Apply(Database database, ILogger log)
    {
        string owner = database.RequireOwner("migrate");
        await Migrations.Apply(owner, log);
        if (owner == database.ServingConnectionString)
            return;
        var serving = new NpgsqlConnectionStringBuilder(database.ServingConnectionString);
        if (!database.IsPrivate)
            await ServingRole.Ensure(owner, serving.Username!, serving.Password);
        await ServingRole.Grant(owner, serving.Username!);
    }
}
