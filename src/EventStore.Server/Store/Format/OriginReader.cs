using EventStore.Domain.Jobs;
using Npgsql;

namespace EventStore.Server.Store.Format;

/// <summary>
/// Reads who asked for the events of one reading. Nearly all of them have the same headers, so each text of them is parsed once.
/// </summary>
internal sealed class OriginReader
{
    private const int KeptMax = 64;

    private readonly Dictionary<string, Origin> kept = new(StringComparer.Ordinal);

    /// <summary>Reads the three columns that <see cref="EventCodec.ReadOrigin"/> does.</summary>
    public Origin Read(NpgsqlDataReader reader, int column)
    {
        string headers = EventCodec.ReadText(reader, column + 1);
        if (kept.TryGetValue(headers, out Origin? same))
            return same with { User = EventCodec.ReadText(reader, column), RequestId = EventCodec.ReadText(reader, column + 2) };
        if (kept.Count == KeptMax)
            kept.Clear();
        return kept[headers] = EventCodec.ReadOrigin(reader, column).Read();
    }
}
