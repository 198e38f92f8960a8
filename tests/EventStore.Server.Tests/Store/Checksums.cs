using EventStore.Server.Tests.Fixtures;

namespace EventStore.Server.Tests.Store;

/// <summary>Whether anything at all was changed.</summary>
internal static class Checksums
{
    /// <summary>Of every row of every table of ours and of the sequence, with the place of each row version.</summary>
    public static Task<string> Checksum(this TestDatabase database) => database.Ask<string>("""
        SELECT md5(string_agg(x, '' ORDER BY x)) FROM (
            SELECT format('%s %s %s', ctid, xmin, e) AS x FROM eventstore.mt_events e
            UNION ALL SELECT format('%s %s %s', ctid, xmin, e) FROM eventstore.mt_streams e
            UNION ALL SELECT format('%s %s %s', ctid, xmin, e) FROM eventstore.mt_doc_current_job e
            UNION ALL SELECT format('%s %s %s', ctid, xmin, e) FROM eventstore.head e
            UNION ALL SELECT format('%s %s %s', ctid, xmin, e) FROM eventstore.changelog e
            UNION ALL SELECT format('%s %s %s', ctid, xmin, e) FROM eventstore.mt_event_progression e
            UNION ALL SELECT format('%s %s', last_value, is_called) FROM eventstore.mt_events_sequence) all_rows (x)
        """);
}
