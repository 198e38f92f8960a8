using System.Buffers;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace EventStore.Domain.History;

/// <summary>
/// What the hash of a revision covers, besides the previous hash. Texts are as PostgreSQL prints them; null if there is none.
/// </summary>
/// <param name="Revision">The event's number.</param>
/// <param name="Uid">The incarnation.</param>
/// <param name="Version">The event's place in the incarnation's stream.</param>
/// <param name="Type">The event's stored name.</param>
/// <param name="TimeMicroseconds">When it was committed, in microseconds since 1970.</param>
/// <param name="User">Who asked for it.</param>
/// <param name="Groups">The user's groups, as the text of a jsonb array.</param>
/// <param name="UserAgent">The program that asked.</param>
/// <param name="SourceAddress">Where from.</param>
/// <param name="RequestId">The request's id.</param>
/// <param name="Data">What happened, as the UTF-8 text of its jsonb.</param>
public sealed record Link(
    long Revision, Guid Uid, long Version, string Type, long TimeMicroseconds, string? User, string? Groups, string? UserAgent,
    string? SourceAddress, string? RequestId, ReadOnlyMemory<byte> Data)
{
    /// <summary>Who impersonated the user, as the text of a jsonb object; null where nobody did.</summary>
    public string? ImpersonatedBy { get; init; }

    /// <summary>Why it was asked for; null where nothing was said.</summary>
    public string? Reason { get; init; }
}

/// <summary>
/// The hash chain over the whole log: each revision's hash covers the one before, so nothing can be edited, removed, inserted or
/// moved without changing every later hash. The database computes it while it appends (<c>revision_hash_1</c> of migrations/V0004, in its
/// present form in V0013); this computes the same without the database, for verification.
/// </summary>
public static class Chain
{
    /// <summary>The hash before the first event: 32 zero bytes.</summary>
    public static ReadOnlySpan<byte> Beginning => new byte[SHA256.HashSizeInBytes];

    /// <summary>
    /// The SHA-256 of a link: of a row of netstrings, <c>5:admin,</c>, lengths in bytes of UTF-8; what is null is <c>:,</c>.
    /// </summary>
    /// <remarks>
    /// The row has 12 netstrings, a 13th for an impersonated user (migrations/V0010), and a 13th and 14th for the impersonator, if any, and
    /// a reason (migrations/V0013): every event without these keeps the hash it always had, and no row of one length can be read as
    /// another.
    /// </remarks>
    /// <param name="before">The hash before it.</param>
    /// <param name="link">The link.</param>
    public static byte[] Hash(ReadOnlySpan<byte> before, Link link)
    {
        var row = new ArrayBufferWriter<byte>(link.Data.Length + 512);
        Write(row, Convert.ToHexStringLower(before));
        Write(row, link.Revision.ToString(CultureInfo.InvariantCulture));
        Write(row, link.Uid.ToString());
        Write(row, link.Version.ToString(CultureInfo.InvariantCulture));
        Write(row, link.Type);
        Write(row, link.TimeMicroseconds.ToString(CultureInfo.InvariantCulture));
        Write(row, link.User);
        Write(row, link.Groups);
        Write(row, link.UserAgent);
        Write(row, link.SourceAddress);
        Write(row, link.RequestId);
        Begin(row, link.Data.Length);
        row.Write(link.Data.Span);
        row.Write(","u8);
        if (link.ImpersonatedBy is not null || link.Reason is not null)
            Write(row, link.ImpersonatedBy);
        if (link.Reason is not null)
            Write(row, link.Reason);
        return SHA256.HashData(row.WrittenSpan);
    }

    /// <summary>
    /// The SHA-256 of an epoch's record (<c>epoch_hash_1</c> of migrations/V0019): a row of netstrings too, with <c>epoch</c> where
    /// an event has its revision, so that neither can be read as the other.
    /// </summary>
    /// <param name="before">The hash before it.</param>
    /// <param name="epoch">The epoch.</param>
    public static byte[] Hash(ReadOnlySpan<byte> before, Epoch epoch)
    {
        var row = new ArrayBufferWriter<byte>(256);
        Write(row, Convert.ToHexStringLower(before));
        Write(row, "epoch");
        foreach (long? number in (long?[])
            [
                epoch.Number, epoch.Revision, epoch.Floor, epoch.System, epoch.Timeline, epoch.Database, epoch.LostFrom, epoch.LostTo,
                epoch.TimeMicroseconds,
            ])
            Write(row, number?.ToString(CultureInfo.InvariantCulture));
        return SHA256.HashData(row.WrittenSpan);
    }

    private static void Write(ArrayBufferWriter<byte> row, string? text)
    {
        if (text is null)
        {
            row.Write(":,"u8);
            return;
        }

        Begin(row, Encoding.UTF8.GetByteCount(text));
        Encoding.UTF8.GetBytes(text, row);
        row.Write(","u8);
    }

    private static void Begin(ArrayBufferWriter<byte> row, int length)
    {
        Span<byte> digits = row.GetSpan(12);
        length.TryFormat(digits, out int written, default, CultureInfo.InvariantCulture);
        digits[written] = (byte)':';
        row.Advance(written + 1);
    }
}
