using EventStore.Domain.Jobs;
using EventStore.Server.Store.Format;
using Npgsql;

namespace EventStore.Server.Store.Reads;

/// <summary>A living job as its row has it.</summary>
/// <param name="Stored">The job as an answer shows it.</param>
/// <param name="Uid">Its uid.</param>
/// <param name="Version">How many events it has had.</param>
internal sealed record LivingRow(StoredJob Stored, Guid Uid, long Version)
{
    /// <summary>Reads living jobs by name; <see cref="All"/> sets its parameters.</summary>
    /// <remarks>LIMIT 1 holds the plan to one look into the index for each name, whatever the planner believed of the table when it made the plan.</remarks>
    public const string Sql = """
        SELECT k.place, j.id, j.mt_version, j.revision, j.data ->> 'text', j.mt_last_modified
          FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS k (namespace, name, place)
         CROSS JOIN LATERAL (SELECT * FROM eventstore.mt_doc_current_job
                              WHERE (namespace || '/') COLLATE "C" = k.namespace || '/' AND name COLLATE "C" = k.name AND NOT deleted LIMIT 1) j
        """;

    /// <summary>The living job of each name, or null.</summary>
    /// <param name="command">A command of <see cref="Sql"/>.</param>
    /// <param name="keys">The names.</param>
    public static async Task<LivingRow?[]> All(NpgsqlCommand command, IReadOnlyList<JobKey> keys)
    {
        command.Parameters.Add(new NpgsqlParameter<string[]> { TypedValue = [.. keys.Select(key => key.Namespace)] });
        command.Parameters.Add(new NpgsqlParameter<string[]> { TypedValue = [.. keys.Select(key => key.Name)] });
        var jobs = new LivingRow?[keys.Count];
        await using NpgsqlDataReader reader = await command.ExecuteReaderAsync();
        while (await reader.ReadAsync())
        {
            long place = reader.GetInt64(0) - 1;
            var stored = new StoredJob(keys[(int)place], reader.GetInt64(3), reader.GetFieldValue<byte[]>(4), reader.GetFieldValue<DateTimeOffset>(5));
            jobs[place] = new LivingRow(stored, reader.GetGuid(1), reader.GetInt64(2));
        }

        return jobs;
    }

    /// <summary>The job, to be decided upon.</summary>
    public Job ToJob() => JobText.Read(Stored.Utf8, Uid, Version, Stored.Revision, deleted: false);
}
