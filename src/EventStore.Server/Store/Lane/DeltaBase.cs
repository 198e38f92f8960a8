using System.Buffers.Binary;
using System.Numerics;

namespace EventStore.Server.Store.Lane;

/// <summary>
/// A text that others are kept against: as the places where they say the same and the bytes where they do not, the COPY and ADD of RFC 3284.
/// Jobs of one namespace mostly come from one template, so of a kilobyte some hundred bytes are left.
/// </summary>
internal sealed class DeltaBase
{
    /// <summary>The longest text others can be kept against, in bytes: its places are numbered in two.</summary>
    public const int LengthBytesMax = ushort.MaxValue;

    private const int Window = sizeof(ulong); // what must be equal, in bytes, before more is compared

    private readonly byte[] text;
    private readonly ushort[] ends; // where a window ends, by what is in it; 0 is none

    /// <summary>Takes a text as a base.</summary>
    public DeltaBase(ReadOnlySpan<byte> text)
    {
        this.text = text.ToArray();
        ends = new ushort[BitOperations.RoundUpToPowerOf2((uint)Math.Max(text.Length, 2))];
        for (int at = text.Length - Window; at >= 0; at--) // of equal ones the first remains
            ends[BucketOf(WindowAt(text, at))] = (ushort)(at + Window);
    }

    /// <summary>Writes what a text is beside this one.</summary>
    /// <param name="target">The text.</param>
    /// <param name="delta">Where to write.</param>
    /// <returns>How much was written, in bytes; 0 if there is too little room.</returns>
    public int Encode(ReadOnlySpan<byte> target, Span<byte> delta)
    {
        var writer = new Writer(delta);
        writer.Number(target.Length);
        int added = 0, next = 0; // up to where the target is written, and where the base would go on
        for (int at = 0; at <= target.Length - Window;)
        {
            if (!TryFind(target, at, next + at - added, out int from))
            {
                at++;
                continue;
            }

            while (at > added && from > 0 && target[at - 1] == text[from - 1])
                (at, from) = (at - 1, from - 1);
            int length = target[at..].CommonPrefixLength(text.AsSpan(from));
            writer.Bytes(target[added..at]);
            writer.Number(from);
            writer.Number(length);
            added = at += length;
            next = from + length;
        }

        writer.Bytes(target[added..]);
        return writer.Length;
    }

    /// <summary>The text again.</summary>
    public byte[] Decode(ReadOnlySpan<byte> delta)
    {
        var reader = new Reader(delta);
        var target = new byte[reader.Number()];
        for (int at = 0; ;)
        {
            ReadOnlySpan<byte> added = reader.Bytes();
            added.CopyTo(target.AsSpan(at));
            at += added.Length;
            if (at == target.Length)
                return target;
            int from = reader.Number(), length = reader.Number();
            text.AsSpan(from, length).CopyTo(target.AsSpan(at));
            at += length;
        }
    }

    /// <summary>Where the base says what the target says there: where it would go on if as much was put in as taken out, or anywhere.</summary>
    private bool TryFind(ReadOnlySpan<byte> target, int at, int expected, out int from)
    {
        ulong window = WindowAt(target, at);
        if (expected <= text.Length - Window && WindowAt(text, expected) == window)
        {
            from = expected;
            return true;
        }

        from = ends[BucketOf(window)] - Window;
        return from >= 0 && WindowAt(text, from) == window;
    }

    private static ulong WindowAt(ReadOnlySpan<byte> text, int at) => BinaryPrimitives.ReadUInt64LittleEndian(text[at..]);

    private int BucketOf(ulong window) => (int)((window * 0x9E3779B97F4A7C15) >> (64 - BitOperations.Log2((uint)ends.Length))); // Knuth's multiplicative hashing

    private ref struct Writer(Span<byte> room)
    {
        private readonly Span<byte> room = room;
        private int length;
        private bool isFull;

        public readonly int Length => isFull ? 0 : length;

        public void Number(int number) // seven bits a byte, lowest first, the eighth says that there are more
        {
            for (uint rest = (uint)number; ; rest >>= 7)
            {
                if (isFull |= length == room.Length)
                    return;
                room[length++] = (byte)(rest < 0x80 ? rest : rest | 0x80);
                if (rest < 0x80)
                    return;
            }
        }

        public void Bytes(ReadOnlySpan<byte> bytes)
        {
            Number(bytes.Length);
            if (isFull |= !bytes.TryCopyTo(room[length..]))
                return;
            length += bytes.Length;
        }
    }

    private ref struct Reader(ReadOnlySpan<byte> delta)
    {
        private ReadOnlySpan<byte> rest = delta;

        public int Number()
        {
            int number = 0;
            for (int bits = 0; ; bits += 7)
            {
                byte next = rest[0];
                rest = rest[1..];
                number |= (next & 0x7F) << bits;
                if (next < 0x80)
                    return number;
            }
        }

        public ReadOnlySpan<byte> Bytes()
        {
            int length = Number();
            ReadOnlySpan<byte> bytes = rest[..length];
            rest = rest[length..];
            return bytes;
        }
    }
}
