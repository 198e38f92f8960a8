using System.Data;
using EventStore.Domain.Jobs;
using EventStore.Server.Store.Format;
using Npgsql;

namespace EventStore.Server.Store.Reads;

/// <summary>A living job as its row has it.</summary>
/// <param name="Key">The job.</param>
/// <param name="Stored">The job as an answer shows it; null when its text is longer than was allowed.</param>
/// <param name="Uid">Its uid.</param>
/// <param name="Version">How many events it has had.</param>
/// <param name="TextBytes">How many bytes its text has.</param>
internal sealed record LivingRow(JobKey Key, StoredJob? Stored, Guid Uid, long Version, int TextBytes)
{
    private StoredJob? shown;

    /// <summary>The job as an answer shows it; null when its text was too long to be read.</summary>
    public StoredJob? Shown => shown ??= Stored is null ? null : Stored with { Utf8 = JobText.Shown(Stored.Utf8, Stored.Revision) };

    /// <summary>Reads living jobs by name.</summary>
    /// <remarks>
    /// LIMIT 1 forces a plan with one index look-up for each name, whatever the statistics said when the plan was made, and the text is
    /// decompressed once.
    /// </remarks>
    private const string Sql = """
        SELECT k.place, j.id, j.mt_version, j.revision, CASE WHEN octet_length(j.text) <= k.text_max THEN j.text END, j.mt_last_modified,
               octet_length(j.text)
          FROM unnest($1::text[], $2::text[], $3::int[]) WITH ORDINALITY AS k (namespace, name, text_max, place)
         CROSS JOIN LATERAL (SELECT id, mt_version, revision, data ->> 'text' AS text, mt_last_modified
                               FROM eventstore.mt_doc_current_job
                              WHERE (namespace || '/') COLLATE "C" = k.namespace || '/' AND name COLLATE "C" = k.name AND NOT deleted
                              LIMIT 1) j
        """;

    /// <summary>The living job of each name, or null.</summary>
    /// <param name="connection">A connection.</param>
    /// <param name="keys">The names.</param>
    /// <param name="textBytesMax">For each name the longest text that is read, in bytes.</param>
    public static async Task<LivingRow?[]> All(NpgsqlConnection connection, JobKey[] keys, int[] textBytesMax)
    {
        await using var command = new NpgsqlCommand(Sql, connection);
        command.Parameters.Add(new NpgsqlParameter<string[]> { TypedValue = Array.ConvertAll(keys, key => key.Namespace) });
        command.Parameters.Add(new NpgsqlParameter<string[]> { TypedValue = Array.ConvertAll(keys, key => key.Name) });
        command.Parameters.Add(new NpgsqlParameter<int[]> { TypedValue = textBytesMax });
        var jobs = new LivingRow?[keys.Length];
        await using NpgsqlDataReader reader = await command.ExecuteReaderAsync(CommandBehavior.SequentialAccess);
        while (await reader.ReadAsync())
        {
            int place = (int)reader.GetInt64(0) - 1;
            (Guid uid, long version, long revision) = (reader.GetGuid(1), reader.GetInt64(2), reader.GetInt64(3));
            byte[]? text = await reader.IsDBNullAsync(4) ? null : await reader.GetFieldValueAsync<byte[]>(4);
            DateTimeOffset time = await reader.GetFieldValueAsync<DateTimeOffset>(5);
            StoredJob? stored = text is null ? null : new StoredJob(keys[place], revision, text, time);
            jobs[place] = new LivingRow(keys[place], stored, uid, version, await reader.GetFieldValueAsync<int>(6));
        }

        return jobs;
    }

    /// <summary>The living job of that name, or null.</summary>
    public static async Task<LivingRow?> One(NpgsqlConnection connection, JobKey key) =>
        (await All(connection, [key], [int.MaxValue]))[0];

    /// <summary>The parsed job.</summary>
    public Job ToJob() => JobText.Read(Stored!.Utf8.Span, Uid, Version, Stored.Revision, deleted: false);
}
