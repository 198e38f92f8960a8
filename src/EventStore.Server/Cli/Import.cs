using EventStore.Server.Hosting;
using EventStore.Server.Limits;
using EventStore.Server.Store.Format;
using EventStore.Server.Store.Proof;
using Npgsql;

namespace EventStore.Server.Cli;

/// <summary><c>import</c>: an exported history into an empty database.</summary>
internal static class Import
{
    public static async Task<int> Run(CommandLine line)
    {
        await using Terminal terminal = Terminal.Open(line);
        string file = terminal.Configuration["file"]!;
        try
        {
            using StreamReader lines = File.OpenText(file);
            await using Database database = await Database.Open(terminal.Settings, terminal.Log, terminal.Stop);
            if (database.IsPrivate)
                await Migrate.Apply(database, terminal.Log, LimitSettings.Read<MigrationLimits>(terminal.Configuration, "Migrations"));
            await using var owner = new NpgsqlConnection(database.RequireOwner("import"));
            await owner.OpenAsync(terminal.Stop);
            (Checkpoint end, long events) = await Importing.Run(owner, Lines(lines), terminal.Progress("importing"), terminal.Stop);
            terminal.Done($"{events} events imported; the chain ends at {end}");
            return 0;
        }
        catch (FormatException e)
        {
            throw new OperatorException($"{file} cannot be imported: {e.Message}; nothing was changed", "Import a whole export, in the format ndjson, into an empty database.");
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
