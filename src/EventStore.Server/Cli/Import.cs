using EventStore.Server.Hosting;
using EventStore.Server.Limits;
using EventStore.Server.Store.Format;
using EventStore.Server.Store.Proof;
using Npgsql;

namespace EventStore.Server.Cli;

/// <summary><c>import</c>: reads an exported history into an empty database.</summary>
internal static class Import
{
    public static async Task<int> Run(VerbRun run, string file)
    {
        MigrationLimits limits = LimitSettings.Read<MigrationLimits>(run.Configuration, "Migrations");
        try
        {
            using StreamReader lines = File.OpenText(file);
            await using Database database = await Database.Open(run.Settings, run.Log, run.Stop);
            if (database.IsPrivate)
                await Migrate.Apply(database, run.Log, limits);
            await using NpgsqlDataSource source = database.Owner();
            await using NpgsqlConnection owner = await source.OpenConnectionAsync(run.Stop);
            (Checkpoint end, long events) = await VerbRun.WithProgress(
                "importing", progress => Importing.Run(owner, Lines(lines), progress, run.Stop));
            run.Done($"{events} events imported; the chain ends at {end}");
            return 0;
        }
        catch (FormatException e)
        {
            throw new OperatorException(
                $"{file} cannot be imported: {e.Message}; nothing was changed",
                "Import a whole export, in the format ndjson, into an empty database.");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new OperatorException($"the file cannot be read: {e.Message}", "Name one that 'export' wrote.");
        }
    }

    private static async IAsyncEnumerable<string> Lines(StreamReader file)
    {
        while (await file.ReadLineAsync() is { } line)
            yield return line;
    }
}
