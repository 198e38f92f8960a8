using System.Globalization;
using EventStore.Domain.Json;

namespace EventStore.Server.Store.Format;

/// <summary>
/// The hash of the log at a revision, to be kept outside the store: it proves later that nothing up to that revision was changed.
/// </summary>
/// <param name="Revision">The last revision; 1 in an empty store.</param>
/// <param name="Hash">The SHA-256 it ends in, in lower-case hex.</param>
public sealed record Checkpoint(long Revision, string Hash)
{
    /// <summary>Reads what <c>GET …/checkpoint</c> answered, or the last line of an export.</summary>
    /// <exception cref="FormatException">It is neither.</exception>
    public static Checkpoint Parse(ReadOnlySpan<byte> json)
    {
        if (!JsonReading.TryParse(json, out JsonValue? value, out JsonFault? fault))
            throw new FormatException(fault!.Message);
        JsonValue? checkpoint = value!.Member("checkpoint") ?? value;
        return checkpoint.Member("revision") is JsonNumber number && number.TryGetInt64(out long revision)
            && checkpoint.Member("hash") is JsonText { Value: { Length: 64 } hash } && hash.All(char.IsAsciiHexDigit)
            ? new Checkpoint(revision, hash.ToLowerInvariant())
            : throw new FormatException("it has no revision and hash");
    }

    /// <inheritdoc/>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"revision {Revision}, hash {Hash}");
}
