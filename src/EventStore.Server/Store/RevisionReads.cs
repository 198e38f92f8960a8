using System.Runtime.CompilerServices;
using System.Text;
using System.Text.Json;
using EventStore.Domain.Jobs;
using EventStore.Domain.Manifests;
using Npgsql;

namespace EventStore.Server.Store;

/// <summary>One event with everything that is known about it.</summary>
/// <param name="Number">Its revision.</param>
/// <param name="Previous">The revision of the same incarnation before it; null for a creation.</param>
/// <param name="Key">The job.</param>
/// <param name="Uid">The incarnation.</param>
/// <param name="Version">Its place in the incarnation's stream, from 1.</param>
/// <param name="Event">What happened.</param>
/// <param name="Time">When it was committed, to the microsecond.</param>
/// <param name="Origin">Who asked for it, and from where.</param>
public sealed record Revision(
    long Number, long? Previous, JobKey Key, Guid Uid, long Version, JobEvent Event, DateTimeOffset Time, Origin Origin);

/// <summary>Which revisions are asked for; what is null does not matter.</summary>
public sealed record RevisionQuery
{
    /// <summary>Of jobs in this namespace.</summary>
    public string? Namespace { get; init; }

    /// <summary>Of jobs of this name, in all their incarnations.</summary>
    public string? Job { get; init; }

    /// <summary>Of this incarnation.</summary>
    public Guid? Uid { get; init; }

    /// <summary>Of this event's stored name, such as <c>job_patched</c>.</summary>
    public string? EventName { get; init; }

    /// <summary>Older than this revision.</summary>
    public long? Before { get; init; }
}

/// <summary>Reads the history, the newest revision first, deleted incarnations too.</summary>
public sealed class RevisionReads(NpgsqlDataSource database)
{
    private static readonly Dictionary<string, Type> EventTypes = MartenSetup.EventNames.ToDictionary(name => name.Value, name => name.Key);

    /// <summary>The revisions, newest first.</summary>
    public async IAsyncEnumerable<Revision> List(RevisionQuery query, int count, [EnumeratorCancellation] CancellationToken stop)
    {
        await using NpgsqlCommand command = database.CreateCommand(string.Empty);
        command.CommandText = Select(query, command.Parameters, count);
        await using NpgsqlDataReader reader = await command.ExecuteReaderAsync(stop);
        while (await reader.ReadAsync(stop))
            yield return Read(reader);
    }

    // One text for each combination of conditions, each with its own prepared plan: a condition that is not there costs nothing.
    private static string Select(RevisionQuery query, NpgsqlParameterCollection parameters, int count)
    {
        var sql = new StringBuilder("""
            SELECT e.seq_id, p.seq_id, j.namespace, j.name, e.stream_id, e.version, e.type, e.data::text, e.timestamp,
                   e.user_name, e.headers::text, e.correlation_id
              FROM eventstore.mt_events e
              JOIN eventstore.mt_doc_current_job j ON j.id = e.stream_id
              LEFT JOIN eventstore.mt_events p ON p.stream_id = e.stream_id AND p.version = e.version - 1
             WHERE true
            """);
        Where("j.namespace =", query.Namespace);
        Where("j.name =", query.Job);
        Where("e.stream_id =", query.Uid);
        Where("e.type =", query.EventName);
        Where("e.seq_id <", query.Before);
        sql.Append(" ORDER BY e.seq_id DESC LIMIT $").Append(parameters.Count + 1);
        parameters.Add(new NpgsqlParameter<int> { TypedValue = count });
        return sql.ToString();

        void Where<T>(string condition, T? value)
        {
            if (value is null)
                return;
            parameters.Add(new NpgsqlParameter { Value = value });
            sql.Append(" AND ").Append(condition).Append(" $").Append(parameters.Count);
        }
    }

    private static Revision Read(NpgsqlDataReader reader) => new(
        reader.GetInt64(0),
        reader.IsDBNull(1) ? null : reader.GetInt64(1),
        new JobKey(reader.GetString(2), reader.GetString(3)),
        reader.GetGuid(4),
        reader.GetInt64(5),
        ReadEvent(reader.GetString(6), reader.GetString(7)),
        reader.GetFieldValue<DateTimeOffset>(8),
        ReadOrigin(reader.GetString(9), reader.GetFieldValue<byte[]>(10), reader.GetString(11)));

    /// <summary>An event from its stored name and JSON.</summary>
    internal static JobEvent ReadEvent(string name, string json) =>
        EventTypes.TryGetValue(name, out Type? type)
            ? (JobEvent)JsonSerializer.Deserialize(json, type, EventFormat.Options)!
            : throw new FormatException($"the log holds an event named {name}, which this release does not know");

    private static Origin ReadOrigin(string user, byte[] headers, string requestId)
    {
        Json from = JsonReading.Parse(headers);
        string[] groups = [.. ((from.Member("groups") as JsonArray)?.Items ?? []).OfType<JsonText>().Select(group => group.Value)];
        return new Origin(user, groups, Text("userAgent"), Text("sourceAddress"), requestId);
        string Text(string name) => (from.Member(name) as JsonText)?.Value ?? string.Empty;
    }
}
