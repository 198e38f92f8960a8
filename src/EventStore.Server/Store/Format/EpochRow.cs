using EventStore.Domain.History;
using Npgsql;

namespace EventStore.Server.Store.Format;

/// <summary>A row of the table <c>epoch</c> of migrations/V0019.</summary>
/// <param name="Epoch">The epoch.</param>
/// <param name="Hash">The hash of its record, as the database computed it.</param>
public sealed record EpochRow(Epoch Epoch, byte[] Hash)
{
    /// <summary>Its columns, for <see cref="From"/>.</summary>
    public const string Columns =
        "e.number, e.revision, e.floor, e.system, e.timeline, e.database, e.lost_from, e.lost_to, e.began, e.hash";

    /// <summary>Reads a row of <see cref="Columns"/>.</summary>
    /// <param name="row">The row.</param>
    /// <param name="first">The place of the first of them.</param>
    public static EpochRow From(NpgsqlDataReader row, int first = 0)
    {
        long began = (row.GetDateTime(first + 8) - DateTime.UnixEpoch).Ticks / TimeSpan.TicksPerMicrosecond;
        var epoch = new Epoch(
            row.GetInt64(first), row.GetInt64(first + 1), row.GetInt64(first + 2), row.GetInt64(first + 3), row.GetInt64(first + 4),
            row.GetInt64(first + 5), Number(first + 6), Number(first + 7), began);
        return new EpochRow(epoch, row.GetFieldValue<byte[]>(first + 9));

        long? Number(int column) => row.IsDBNull(column) ? null : row.GetInt64(column);
    }
}
