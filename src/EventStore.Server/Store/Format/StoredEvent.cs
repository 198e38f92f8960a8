using System.Globalization;
using EventStore.Domain.Jobs;
using Npgsql;

namespace EventStore.Server.Store.Format;

/// <summary>One event as its row has it. The data stay bytes: parsed, they would take several times the memory.</summary>
/// <param name="Revision">Its global number.</param>
/// <param name="Uid">The incarnation.</param>
/// <param name="Version">Its place in the incarnation's stream, from 1.</param>
/// <param name="Time">When it was committed.</param>
/// <param name="Name">Its stored name.</param>
/// <param name="Data">Its data, JSON.</param>
/// <param name="Origin">Who asked for it.</param>
public sealed record StoredEvent(long Revision, Guid Uid, long Version, DateTimeOffset Time, string Name, byte[] Data, StoredOrigin Origin)
{
    /// <summary>The columns of <c>mt_events</c> that <see cref="From"/> reads.</summary>
    internal const string Columns =
        "e.seq_id, e.stream_id, e.version, e.timestamp, e.type, e.data::text, e.user_name, e.headers::text, e.correlation_id";

    /// <summary>About how many bytes of memory it takes.</summary>
    public int WeightBytes => Data.Length + Origin.Headers.Length + (2 * (Origin.User.Length + Origin.RequestId.Length)) + 256;

    /// <summary>Reads a row of <see cref="Columns"/>; large data are awaited, as they may not have arrived with the row.</summary>
    internal static async ValueTask<StoredEvent> From(NpgsqlDataReader reader, CancellationToken stop) => new(
        reader.GetInt64(0),
        reader.GetGuid(1),
        reader.GetInt64(2),
        reader.GetFieldValue<DateTimeOffset>(3),
        reader.GetString(4),
        await reader.GetFieldValueAsync<byte[]>(5, stop),
        EventCodec.ReadOrigin(reader, 6));

    /// <summary>Parses the data.</summary>
    /// <exception cref="UnreadableEventException">The name is not known, or the data are not what the name says.</exception>
    public JobEvent Read() => Read(Revision, Name, Data);

    /// <summary>Parses an event's data.</summary>
    /// <exception cref="UnreadableEventException">The name is not known, or the data are not what the name says.</exception>
    internal static JobEvent Read(long revision, string name, ReadOnlySpan<byte> data)
    {
        try
        {
            JobEvent happened = EventCodec.Read(name, data);
            return IsWhole(happened) && happened.Owners is null or { Patch: not null, Replaced: not null }
                ? happened : throw new FormatException($"a part of {name} is missing");
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            throw new UnreadableEventException(revision, name, e);
        }
    }

    private static bool IsWhole(JobEvent happened) => happened switch
    {
        JobCreated created => created.Manifest is not null,
        JobRestored restored => restored.Manifest is not null,
        JobApplied { Manager: null } => false,
        JobEdit edit => (edit.Patch, edit.Replaced, edit.Paths) is (not null, not null, not null),
        JobStatusUpdated updated => updated.Paths is not null,
        JobDeletionRequested requested => requested.DeletionTimestamp is not null,
        JobDeleted deleted => deleted.Paths is not null,
        _ => true,
    };
}

/// <summary>An event that this release cannot read: one of a newer release, or a forged one.</summary>
public sealed class UnreadableEventException : Exception
{
    /// <summary>Says which event it is.</summary>
    public UnreadableEventException(long revision, string name, Exception? why)
        : base(string.Create(CultureInfo.InvariantCulture,
            $"the event at revision {revision}, named {name}, cannot be read by this release"), why)
    {
    }

    /// <summary>Says what cannot be read.</summary>
    public UnreadableEventException(string message, Exception? why)
        : base(message, why)
    {
    }
}
