using EventStore.Server.Postgres;
using Npgsql;

namespace EventStore.Server.Store.Proof;

/// <summary>
/// Compares the catalog with what the migrations leave: tables, columns, indexes, constraints, triggers, functions (by hash), policies and
/// rights. A change there could hide an event, or let another role change one, without touching a row.
/// </summary>
internal static class SchemaCheck
{
    private const string HeadSql = """
        SELECT format('the head has %s rows', count(*)) FROM eventstore.head HAVING count(*) > 1
        UNION ALL
        SELECT format('the sequence of revisions is at %s, behind the head at %s: the next commit moves it up', s.last_value, h.revision)
          FROM eventstore.mt_events_sequence s, eventstore.head h WHERE s.last_value < h.revision
        UNION ALL
        SELECT 'there is no epoch' WHERE NOT EXISTS (SELECT FROM eventstore.epoch)
        UNION ALL
        SELECT 'the first epoch is not that of an empty store' FROM eventstore.epoch
         WHERE number = 1 AND revision = 1
           AND (floor <> 1 OR lost_from IS NOT NULL OR lost_to IS NOT NULL OR hash <> decode(repeat('00', 32), 'hex'))
        """;

    // Row 1 of the table says that Evolve made the schema, and has no file. A description ends in how long the migration took.
    private const string ChangelogSql = """
        SELECT format('%s %s %s %s %s', name, version,
                      regexp_replace(description, ' \(\d+ ms\)$', ''), checksum, success)
          FROM eventstore.changelog WHERE type = 0 ORDER BY id
        """;

    /// <summary>Compares.</summary>
    /// <param name="connection">A connection that may read.</param>
    /// <param name="wrong">Called for every object and right that is not as the migrations leave it.</param>
    /// <param name="stop">Cancels the read.</param>
    /// <returns>Whether the tables exist, so that they can be read.</returns>
    public static async Task<bool> Run(NpgsqlConnection connection, Action<Finding> wrong, CancellationToken stop)
    {
        Dictionary<string, string> expected = Parse(Resource("schema.txt").Split('\n', StringSplitOptions.RemoveEmptyEntries));
        Dictionary<string, string> found = Parse(await Objects(connection, stop));
        foreach ((string name, string definition) in expected)
        {
            if (!found.TryGetValue(name, out string? actual))
                Say($"the {name} is missing");
            else if (actual != definition)
                Say($"the {name} is not that of the migrations: {actual}");
        }

        foreach (string name in found.Keys.Except(expected.Keys))
            Say($"the {name} is not one of the migrations");
        Array.ForEach(await Lines(connection, $"WITH {ServingRole.Given},\n{Resource("rights.sql")}", stop), Say);
        if (expected.Keys.Except(found.Keys).Any(name => name.StartsWith("table ", StringComparison.Ordinal)
            || name.StartsWith("column ", StringComparison.Ordinal) || name.StartsWith("sequence ", StringComparison.Ordinal)))
            return false;
        Array.ForEach(await Lines(connection, HeadSql, stop), Say);
        string[] applied = await Lines(connection, ChangelogSql, stop), files = Migrations.Applied();
        foreach (string row in applied.Except(files))
            Say($"the changelog has a migration that was not applied so: {row}");
        foreach (string file in files.Except(applied))
            Say($"the changelog lacks {file}");
        if (applied.Length != files.Length)
            Say($"the changelog has {applied.Length} migrations, and there are {files.Length}");
        return true;

        void Say(string what) => wrong(new Finding(Finding.Nowhere, what));
    }

    /// <summary>
    /// The objects of the database, in the form of the lines of <c>schema.txt</c>, which has those of a database that was just migrated.
    /// </summary>
    internal static Task<string[]> Objects(NpgsqlConnection connection, CancellationToken stop) =>
        Lines(connection, Resource("objects.sql"), stop);

    internal static string Resource(string name)
    {
        using Stream resource = typeof(SchemaCheck).Assembly.GetManifestResourceStream(name)!;
        using var reader = new StreamReader(resource);
        return reader.ReadToEnd();
    }

    private static async Task<string[]> Lines(NpgsqlConnection connection, string sql, CancellationToken stop)
    {
        List<string> lines = [];
        await using var command = new NpgsqlCommand(sql, connection) { CommandTimeout = 0 };
        await using NpgsqlDataReader reader = await command.ExecuteReaderAsync(stop);
        while (await reader.ReadAsync(stop))
            lines.Add(reader.GetString(0));
        return [.. lines];
    }

    private static Dictionary<string, string> Parse(string[] lines) =>
        lines.Select(line => line.Split(" = ", 2)).ToDictionary(parts => parts[0], parts => parts[1], StringComparer.Ordinal);
}
