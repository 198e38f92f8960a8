using System.Buffers;
using System.Buffers.Binary;
using System.Numerics;
using EventStore.Domain.Jobs;
using EventStore.Domain.Json;

namespace EventStore.Server.Store.Lane;

/// <summary>
/// Jobs wanted less often, each kept as its difference from another of its namespace: the documentation's example takes 80 bytes or so instead of
/// a kilobyte or two as objects, and a few microseconds to become one again. Not for two threads at once.
/// </summary>
/// <remarks>Each job has two places it may stand in, and pushes out whoever stands there if it must; so no order of use is kept.</remarks>
internal sealed class PackedJobs
{
    private const int PlaceBytes = 48; // fewer than a job takes, so that places are not what there is too little of
    private const int PlacesMax = 1 << 20;
    private const int ArrayBytes = 24; // what an array takes besides its elements
    private const int HeaderBytes = 1 + 4 + 8 + 8 + 16; // the base's number, the key's hash, version, revision, uid
    private const int TextBytesMax = 64 << 10; // the lane packs while it waits for a commit, and should be done by then
    private const int BaseBytesMax = 16 << 10;
    private const int Bases = 64; // a power of two
    private const int PoorMax = 1024;

    private readonly long weightBytesMax;
    private readonly byte[]?[] places;
    private readonly DeltaBase?[] bases = new DeltaBase?[Bases];
    private readonly int[] poor = new int[Bases]; // how many jobs in a row were not like the base
    private long weightBytes;
    private int sweeping;
    private bool turn;

    /// <param name="weightBytesMax">How many bytes the jobs may take.</param>
    public PackedJobs(long weightBytesMax)
    {
        this.weightBytesMax = weightBytesMax;
        places = new byte[]?[BitOperations.RoundUpToPowerOf2((uint)Math.Clamp(weightBytesMax / PlaceBytes, 1, PlacesMax))];
    }

    /// <summary>What is kept of a job by its difference: it as text, but for what is kept beside the text.</summary>
    public static byte[] TextOf(Job job) => job.Manifest.With("metadata", job.Metadata.Without("uid")).ToUtf8();

    /// <summary>Keeps a living job, if it is like the others of its namespace.</summary>
    /// <param name="job">The job.</param>
    /// <param name="text">Its <see cref="TextOf"/>.</param>
    public void Put(Job job, ReadOnlySpan<byte> text)
    {
        Remove(job.Key);
        int number = NumberOfBase(job.Key);
        if (bases[number] is null && text.Length <= BaseBytesMax)
            bases[number] = new DeltaBase(text);
        if (bases[number] is not { } @base || text.Length > TextBytesMax)
            return;

        int most = text.Length / 2;
        byte[] room = ArrayPool<byte>.Shared.Rent(HeaderBytes + most);
        int length = @base.Encode(text, room.AsSpan(HeaderBytes, most));
        if (length > 0)
        {
            poor[number] = 0;
            WriteHeader(room, number, job);
            Keep(PlaceFor(job.Key), room.AsSpan(0, HeaderBytes + length).ToArray());
        }
        else if (++poor[number] == PoorMax)
        {
            Drop(number);
        }

        ArrayPool<byte>.Shared.Return(room);
    }

    /// <summary>What is kept of the job, if it is.</summary>
    public Packed? Find(JobKey key)
    {
        (int one, int other) = PlacesOf(key);
        byte[]? bytes = Has(one, key) ? places[one] : Has(other, key) ? places[other] : null;
        return bytes is null ? null : new Packed(bases[bytes[0]]!, bytes);
    }

    /// <summary>Forgets the job.</summary>
    public void Remove(JobKey key)
    {
        (int one, int other) = PlacesOf(key);
        if (Has(one, key))
            Keep(one, null);
        if (Has(other, key))
            Keep(other, null);
    }

    /// <summary>Forgets all jobs.</summary>
    public void Clear()
    {
        Array.Clear(places);
        Array.Clear(bases);
        Array.Clear(poor);
        weightBytes = 0;
    }

    private void Keep(int place, byte[]? bytes)
    {
        weightBytes += WeightOf(bytes) - WeightOf(places[place]);
        places[place] = bytes;
        for (; weightBytes > weightBytesMax; sweeping = (sweeping + 1) & (places.Length - 1))
        {
            weightBytes -= WeightOf(places[sweeping]);
            places[sweeping] = null;
        }
    }

    /// <summary>Gives the base up, for the next job to take its place, and those with it that were kept by their difference from it.</summary>
    private void Drop(int number)
    {
        for (int place = 0; place < places.Length; place++)
        {
            if (places[place] is { } bytes && bytes[0] == number)
                Keep(place, null);
        }

        bases[number] = null;
        poor[number] = 0;
    }

    private static void WriteHeader(Span<byte> header, int number, Job job)
    {
        header[0] = (byte)number;
        BinaryPrimitives.WriteInt32LittleEndian(header[1..], job.Key.GetHashCode());
        BinaryPrimitives.WriteInt64LittleEndian(header[5..], job.Version);
        BinaryPrimitives.WriteInt64LittleEndian(header[13..], job.Revision);
        job.Uid.TryWriteBytes(header[21..]);
    }

    private static long WeightOf(byte[]? bytes) => bytes is null ? 0 : ArrayBytes + bytes.Length;

    private static int NumberOfBase(JobKey key) => key.Namespace.GetHashCode(StringComparison.Ordinal) & (Bases - 1);

    private (int One, int Other) PlacesOf(JobKey key)
    {
        uint hash = (uint)key.GetHashCode();
        return ((int)hash & (places.Length - 1), (int)((hash * 0x9E3779B1) >> 8) & (places.Length - 1)); // Knuth's multiplicative hashing
    }

    private int PlaceFor(JobKey key)
    {
        (int one, int other) = PlacesOf(key);
        return places[one] is null || (places[other] is not null && (turn = !turn)) ? one : other;
    }

    /// <summary>Whether the job stands there; one of another name may have its hash, which <see cref="Packed.Unpack"/> tells.</summary>
    private bool Has(int place, JobKey key) => places[place] is { } bytes && BinaryPrimitives.ReadInt32LittleEndian(bytes.AsSpan(1)) == key.GetHashCode();

    /// <summary>A job as it is kept. It stays what it is, whatever becomes of those that are kept.</summary>
    internal readonly struct Packed(DeltaBase @base, byte[] bytes)
    {
        private readonly byte[] bytes = bytes;

        /// <summary>The job and how long its text is, or null if it is one of another name.</summary>
        public (Job Job, int TextBytes)? Unpack(JobKey key)
        {
            ReadOnlySpan<byte> header = bytes;
            byte[] text = @base.Decode(header[HeaderBytes..]);
            var manifest = (JsonObject)JsonReading.Parse(text);
            var metadata = (JsonObject)manifest["metadata"]!;
            if (key != new JobKey(((JsonText)metadata["namespace"]!).Value, ((JsonText)metadata["name"]!).Value))
                return null;
            long version = BinaryPrimitives.ReadInt64LittleEndian(header[5..]), revision = BinaryPrimitives.ReadInt64LittleEndian(header[13..]);
            var uid = new Guid(header[21..HeaderBytes]);
            return (new Job(key, uid, manifest.With("metadata", metadata.With("uid", uid.ToString())), version, revision, Deleted: false), text.Length);
        }

        /// <summary>Whether it is still the one that is kept.</summary>
        public bool Is(Packed? other) => ReferenceEquals(other?.bytes, bytes);
    }
}
