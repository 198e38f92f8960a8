using System.Globalization;
using EventStore.Server.Store.Format;
using Npgsql;

namespace EventStore.Server.Store.History;

/// <summary>A range of revisions of one name. Conditions on names and uids become such ranges, for which there is an index.</summary>
/// <param name="Namespace">The job's namespace.</param>
/// <param name="Job">Its name.</param>
/// <param name="First">The first revision.</param>
/// <param name="Last">The last revision.</param>
internal sealed record NameRange(string Namespace, string Job, long First, long Last);

/// <summary>
/// Finds the ranges for conditions on names, uids and jobs. Incarnations need no index of their own: no two with the same name live
/// at once, so an incarnation is its name's revisions from its creation to its deletion.
/// </summary>
internal static class NameRanges
{
    private const string OfRevisionsSql = """
        SELECT r.namespace, r.job, r.revision, r.revision FROM eventstore.revision r WHERE r.revision = ANY ($1)
        """;

    private const string OfUidsSql = """
        SELECT j.namespace, j.name, e.seq_id, CASE WHEN j.deleted THEN j.revision ELSE $2 END
          FROM eventstore.mt_doc_current_job j JOIN eventstore.mt_events e ON e.stream_id = j.id AND e.version = 1
         WHERE j.id = ANY ($1)
        """;

    // A skip scan from one namespace to the next, whatever number of revisions each has.
    private const string OfJobsSql = """
        WITH RECURSIVE known (namespace) AS (
            (SELECT r.namespace FROM eventstore.revision r ORDER BY r.namespace LIMIT 1)
            UNION ALL
            SELECT (SELECT r.namespace FROM eventstore.revision r WHERE r.namespace > known.namespace ORDER BY r.namespace LIMIT 1)
              FROM known WHERE known.namespace IS NOT NULL)
        SELECT found.namespace, found.job, 1::bigint, $2
          FROM known CROSS JOIN unnest($1::text[]) k (job)
         CROSS JOIN LATERAL (SELECT r.namespace, r.job FROM eventstore.revision r
                              WHERE (r.namespace, r.job) >= (known.namespace, k.job) AND (r.namespace, r.job) <= (known.namespace, k.job)
                              ORDER BY r.namespace, r.job, r.revision LIMIT 1) found
        """;

    /// <summary>Whether a condition on this field becomes ranges of names.</summary>
    public static bool Has(RevisionField field) => field is RevisionField.Name or RevisionField.Uid or RevisionField.Job;

    /// <summary>The ranges of a condition. The last revision of the query must have been committed.</summary>
    /// <param name="connection">A connection.</param>
    /// <param name="condition">The condition, on a field that <see cref="Has"/> accepts.</param>
    /// <param name="namespaces">Only in these namespaces, or null.</param>
    /// <param name="stop">Cancels the read.</param>
    public static async Task<NameRange[]> Of(
        NpgsqlConnection connection, RevisionCondition condition, IReadOnlyList<string>? namespaces, CancellationToken stop)
    {
        if (condition.Field == RevisionField.Job && namespaces is not null)
            return [.. from name in namespaces from job in condition.Values select new NameRange(name, job, 1, RevisionQuery.NumberMax)];
        await using NpgsqlCommand command = Command(connection, condition);
        var lives = new List<NameRange>();
        await using NpgsqlDataReader reader = await command.ExecuteReaderAsync(stop);
        while (await reader.ReadAsync(stop))
            lives.Add(new NameRange(reader.GetString(0), reader.GetString(1), reader.GetInt64(2), reader.GetInt64(3)));
        return [.. lives
            .Where(life => namespaces?.Contains(life.Namespace) ?? true)
            .Where(life => condition.Field != RevisionField.Name || IsNamed(condition, life))];
    }

    private static bool IsNamed(RevisionCondition condition, NameRange life) =>
        condition.Values.Contains(string.Create(CultureInfo.InvariantCulture, $"{life.Job}.{life.First}"));

    private static NpgsqlCommand Command(NpgsqlConnection connection, RevisionCondition condition)
    {
        NpgsqlCommand command = connection.CreateCommand();
        switch (condition.Field)
        {
            case RevisionField.Name:
                command.CommandText = OfRevisionsSql;
                command.Parameters.Add(new NpgsqlParameter<long[]> { TypedValue = [.. Numbers(condition.Values)] });
                return command;
            case RevisionField.Uid:
                command.CommandText = OfUidsSql;
                command.Parameters.Add(new NpgsqlParameter<Guid[]> { TypedValue = [.. condition.Values.Select(Guid.Parse)] });
                break;
            default:
                command.CommandText = OfJobsSql;
                command.Parameters.Add(new NpgsqlParameter<string[]> { TypedValue = [.. condition.Values] });
                break;
        }

        command.Parameters.Add(new NpgsqlParameter<long> { TypedValue = RevisionQuery.NumberMax });
        return command;
    }

    private static IEnumerable<long> Numbers(IEnumerable<string> names)
    {
        foreach (string name in names)
        {
            if (Revision.TryParseName(name, out _, out long number))
                yield return number;
        }
    }
}
