using EventStore.Domain.Jobs;
using Npgsql;

namespace EventStore.Server.Store.Format;

/// <summary>
/// Reads who asked for each event of one result. Nearly all events have the same headers, so each distinct text is parsed once.
/// </summary>
internal sealed class OriginReader
{
    private const int KeptMax = 16;

    private readonly List<(byte[] Headers, Origin Origin)> kept = [];

    /// <summary>Reads the three columns that <see cref="EventCodec.ReadOrigin"/> does.</summary>
    public Origin Read(NpgsqlDataReader reader, int column)
    {
        StoredOrigin stored = EventCodec.ReadOrigin(reader, column);
        foreach ((byte[] headers, Origin origin) in kept)
        {
            if (headers.AsSpan().SequenceEqual(stored.Headers))
                return origin with { User = stored.User, RequestId = stored.RequestId };
        }

        if (kept.Count == KeptMax)
            kept.Clear();
        Origin read = stored.Read();
        kept.Add((stored.Headers, read));
        return read;
    }
}
