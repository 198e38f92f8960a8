using EventStore.Domain.Jobs;
using EventStore.Server.Store.Format;

namespace EventStore.Server.Store.Proof;

/// <summary>A batch of corrections of current jobs, streams and snapshots.</summary>
internal sealed class JobFixes
{
    private const int CountMax = 256; // they are written under the commit lock
    private const long BytesMax = 16 << 20;
    private const int BytesOfCharacter = 8; // two of its text, the rest of the parsed job

    public List<ReplayedStream> Jobs { get; } = [];

    public List<Guid> Orphans { get; } = [];

    public List<SnapshotRow> WrongSnapshots { get; } = [];

    public List<Job> MissingSnapshots { get; } = [];

    public int Count => Jobs.Count + Orphans.Count + WrongSnapshots.Count + MissingSnapshots.Count;

    /// <summary>About how many bytes of memory they take.</summary>
    public long Bytes { get; private set; }

    /// <summary>Whether there are enough to be written.</summary>
    public bool IsMany => Count >= CountMax || Bytes >= BytesMax;

    /// <summary>Adds the corrections of a stream.</summary>
    public void Add(ReplayedStream stream, bool isWrong)
    {
        if (isWrong)
            Jobs.Add(stream);
        WrongSnapshots.AddRange(stream.WrongSnapshots);
        MissingSnapshots.AddRange(stream.MissingSnapshots);
        Bytes += (long)BytesOfCharacter * (stream.Row?.Text.Length ?? 0) * (stream.MissingSnapshots.Count + (isWrong ? 1 : 0));
    }
}
