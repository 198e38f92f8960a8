using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;
using EventStore.Domain.History;
using EventStore.Domain.Jobs;
using EventStore.Server.Store.Format;
using EventStore.Server.Store.Reads;
using Npgsql;

namespace EventStore.Server.Store.Proof;

/// <summary>An event with what the chain and the index are checked by.</summary>
/// <param name="Link">What its hash covers.</param>
/// <param name="Time">When it was committed.</param>
/// <param name="Paths">The paths that it must be indexed under, in the order of their bytes.</param>
/// <param name="Uncovered">What is wrong with the columns that no hash covers, or null.</param>
internal sealed record ChainedEvent(Link Link, DateTime Time, IReadOnlyList<string> Paths, string? Uncovered)
{
    public long Revision => Link.Revision;

    /// <summary>The paths under which <c>revision_path</c> has it.</summary>
    public List<string> Found { get; init; } = [];
}

/// <summary>A row of <c>revision</c>: the event's hash and its indexed fields.</summary>
internal sealed record IndexRow(long Revision, string Namespace, string Job, string Type, string User, byte[] Hash, string? Reason);

/// <summary>
/// Reads the rows that the chain is checked by, in revision order and as plain columns: no function of the database is trusted.
/// </summary>
internal static partial class ChainRows
{
    /// <summary>The columns of <c>mt_events e</c> that the hash of an event covers, for <see cref="ReadLink"/>.</summary>
    public const string LinkColumns = """
        e.seq_id, coalesce(e.stream_id, 'ffffffff-ffff-ffff-ffff-ffffffffffff'), e.version, e.type, e.timestamp, e.user_name,
        (e.headers -> 'groups')::text, e.headers ->> 'userAgent', e.headers ->> 'sourceAddress', e.correlation_id, e.data::text,
        (e.headers -> 'impersonatedBy')::text, e.headers ->> 'reason'
        """;

    /// <summary>The events behind a revision; all of them behind 0.</summary>
    public static IAsyncEnumerable<ChainedEvent> Events(NpgsqlConnection connection, long behind, CancellationToken stop) => Cursor.Read(
        connection,
        $"""
        {LinkColumns}, (e.data -> 'paths')::text, e.mt_dotnet_type,
               coalesce(e.headers - 'impersonatedBy' - 'reason' = jsonb_build_object(
                   'groups', e.headers -> 'groups',
                   'userAgent', e.headers ->> 'userAgent', 'sourceAddress', e.headers ->> 'sourceAddress')
                   AND coalesce(jsonb_typeof(e.headers -> 'reason'), 'string') = 'string', false),
               e.bdata IS NULL AND e.tenant_id = '*DEFAULT*' AND NOT e.is_archived
        """,
        Cursor.SizeOf("e.data"),
        $"FROM eventstore.mt_events e WHERE {Behind("e.seq_id", behind)} ORDER BY e.seq_id",
        ReadEvent,
        stop);

    /// <summary>The rows of <c>revision</c> behind a revision.</summary>
    public static IAsyncEnumerable<IndexRow> Rows(NpgsqlConnection connection, long behind, CancellationToken stop) => Cursor.Read(
        connection,
        $"""
        SELECT revision, namespace, job, type, user_name, hash, reason FROM eventstore.revision
         WHERE {Behind("revision", behind)} ORDER BY revision
        """,
        row => new IndexRow(
            row.GetInt64(0), row.GetString(1), row.GetString(2), row.GetString(3), row.GetString(4), row.GetFieldValue<byte[]>(5),
            Text(row, 6)),
        stop);

    /// <summary>The linked epochs that began behind a revision or a later one, in order. That of an empty store is not linked.</summary>
    public static async Task<List<EpochRow>> Epochs(NpgsqlConnection connection, long behind, CancellationToken stop)
    {
        var rows = new List<EpochRow>();
        await foreach (EpochRow row in Cursor.Read(
            connection,
            string.Create(CultureInfo.InvariantCulture, $"""
                SELECT {EpochRow.Columns} FROM eventstore.epoch e WHERE e.revision >= {behind} ORDER BY e.number
                """),
            row => EpochRow.From(row),
            stop))
        {
            if (!row.Epoch.IsBeginning)
                rows.Add(row);
        }

        return rows;
    }

    /// <summary>The rows of <c>revision_path</c> behind a revision.</summary>
    public static IAsyncEnumerable<(long Revision, string Path)> Paths(NpgsqlConnection connection, long behind, CancellationToken stop) =>
        Cursor.Read(
            connection,
            $"SELECT revision, path FROM eventstore.revision_path WHERE {Behind("revision", behind)} ORDER BY revision, path",
            row => (row.GetInt64(0), row.GetString(1)),
            stop);

    /// <summary>The name of the job of each incarnation. <see cref="StreamWalk"/> checks these names.</summary>
    public static async Task<Dictionary<Guid, JobKey>> Keys(NpgsqlConnection connection, CancellationToken stop)
    {
        var keys = new Dictionary<Guid, JobKey>();
        await foreach ((Guid uid, JobKey key) in Cursor.Read(
            connection, "SELECT id, namespace, name FROM eventstore.mt_doc_current_job", row =>
                (row.GetGuid(0), new JobKey(row.GetString(1), row.GetString(2))), stop))
            keys[uid] = key;
        return keys;
    }

    /// <summary>Reads the first thirteen columns: those of <see cref="LinkColumns"/>.</summary>
    public static Link ReadLink(NpgsqlDataReader row) => new(
        row.GetInt64(0), row.GetGuid(1), row.GetInt64(2), row.GetString(3), Microseconds(row.GetDateTime(4)),
        Text(row, 5), Text(row, 6), Text(row, 7), Text(row, 8), Text(row, 9), row.GetFieldValue<byte[]>(10))
    {
        ImpersonatedBy = Text(row, 11),
        Reason = Text(row, 12),
    };

    /// <summary>The microseconds since 1970.</summary>
    public static long Microseconds(DateTime time) => (time - DateTime.UnixEpoch).Ticks / TimeSpan.TicksPerMicrosecond;

    // Revisions begin at 2: reading from 0 also finds rows that somebody inserted below.
    private static string Behind(string column, long revision) =>
        revision == 0 ? "true" : string.Create(CultureInfo.InvariantCulture, $"{column} > {revision}");

    /// <summary>
    /// The paths an event is indexed by, derived a second time from what is stored, to verify what <see cref="ChangedPaths"/> wrote.
    /// </summary>
    private static IReadOnlyList<string> PathsOf(string type, string? json)
    {
        string[] changed = json is null ? [] : ReadPaths(json);
        if (changed.Length == 0 && type != "job_deletion_requested")
            return [];
        var found = new SortedSet<string>(changed.Select(ChangedPaths.Indexed), StringComparer.Ordinal);
        foreach (string path in changed)
        {
            if (InMap().Match(path) is { Success: true } map)
                found.Add(map.Groups[1].Value);
        }

        if (type == "job_deletion_requested")
            found.Add("metadata.deletionTimestamp");
        return [.. found];
    }

    private static string[] ReadPaths(string json)
    {
        try
        {
            return JsonSerializer.Deserialize<string[]>(json) ?? [];
        }
        catch (JsonException)
        {
            return []; // never written so: the hash shows that the event was changed
        }
    }

    private static ChainedEvent ReadEvent(NpgsqlDataReader row)
    {
        Link link = ReadLink(row);
        string? uncovered = null;
        if (!EventCodec.MayHaveClass(link.Type, Text(row, 14)))
            uncovered = "the class of the event was edited";
        else if (!row.GetBoolean(15))
            uncovered = "the headers of the event were edited";
        else if (!row.GetBoolean(16))
            uncovered = "a column that nothing writes was edited";
        return new ChainedEvent(link, row.GetDateTime(4), PathsOf(link.Type, Text(row, 13)), uncovered);
    }

    private static string? Text(NpgsqlDataReader row, int column) => row.IsDBNull(column) ? null : row.GetString(column);

    [GeneratedRegex(@"^(metadata\.(?:labels|annotations))[.[]")]
    private static partial Regex InMap();
}
