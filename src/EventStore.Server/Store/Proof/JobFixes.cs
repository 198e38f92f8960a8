using EventStore.Domain.Jobs;
using EventStore.Server.Store.Format;

namespace EventStore.Server.Store.Proof;

/// <summary>What is to be written of current jobs, streams and snapshots at once.</summary>
internal sealed class JobFixes
{
    private const int CountMax = 256; // a batch is written while commits wait
    private const long CharactersMax = 16 * 1024 * 1024;
    private long characters;

    public List<ReplayedStream> Jobs { get; } = [];

    public List<Guid> Orphans { get; } = [];

    public List<SnapshotRow> WrongSnapshots { get; } = [];

    public List<Job> MissingSnapshots { get; } = [];

    public int Count => Jobs.Count + Orphans.Count + WrongSnapshots.Count + MissingSnapshots.Count;

    /// <summary>Whether it is time to write them.</summary>
    public bool IsMany => Count >= CountMax || characters >= CharactersMax;

    /// <summary>Adds what is to be written of a stream.</summary>
    public void Add(ReplayedStream stream, bool isWrong)
    {
        if (isWrong)
            Jobs.Add(stream);
        WrongSnapshots.AddRange(stream.WrongSnapshots);
        MissingSnapshots.AddRange(stream.MissingSnapshots);
        characters += (long)(stream.Row?.Text.Length ?? 0) * (stream.MissingSnapshots.Count + (isWrong ? 1 : 0));
    }
}
