using System.Diagnostics.Metrics;
using EventStore.Server.Store.Reads;
using EventStore.Server.Telemetry;

namespace EventStore.Server.Page.State;

/// <summary>What the server was doing at a moment.</summary>
/// <param name="Time">The moment.</param>
/// <param name="ChangesPerSecond">Events appended a second, since the sample before.</param>
/// <param name="Queue">Commands that wait for the lane.</param>
/// <param name="CommitMilliseconds">How long a commit took on average since the sample before; 0 when there was none.</param>
/// <param name="Watchers">Watches that follow the feed.</param>
/// <param name="DatabaseBytes">The size of the database, which is asked for less often; 0 when it is not known.</param>
public sealed record ServerSample(
    DateTimeOffset Time, double ChangesPerSecond, long Queue, double CommitMilliseconds, long Watchers, long DatabaseBytes);

/// <summary>
/// Samples of our own metrics for the charts of the page, about ten minutes of them in a ring. It listens to the instruments that
/// <c>/metrics</c> reads; Prometheus keeps more.
/// </summary>
internal sealed partial class ServerSamples : BackgroundService
{
    private const int Kept = 120;
    private const int SizeEvery = 12;
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(5);

    private readonly JobReads reads;
    private readonly TimeProvider clock;
    private readonly MeterListener listener = new();
    private readonly Lock gate = new();
    private readonly Queue<ServerSample> samples = new();
    private long events, queue, watchers, commits, commitMicroseconds;

    /// <summary>Begins to count; before the lane does, or what it had in its queue would be missing for ever.</summary>
    public ServerSamples(JobReads reads, TimeProvider clock)
    {
        (this.reads, this.clock) = (reads, clock);
        // Before the listener starts: it is given instruments while Signals is still making them, when those to come are null.
        Instrument[] listened = [Signals.Events, Signals.QueueLength, Signals.Watchers, Signals.CommitTime];
        listener.InstrumentPublished = (instrument, listening) =>
        {
            if (listened.Contains(instrument))
                listening.EnableMeasurementEvents(instrument);
        };
        listener.SetMeasurementEventCallback<long>((_, value, _, _) => Interlocked.Add(ref events, value));
        listener.SetMeasurementEventCallback<int>(
            (instrument, value, _, _) => Interlocked.Add(ref (instrument == Signals.Watchers ? ref watchers : ref queue), value));
        listener.SetMeasurementEventCallback<double>((_, value, _, _) =>
        {
            Interlocked.Increment(ref commits);
            Interlocked.Add(ref commitMicroseconds, (long)(value * 1e6));
        });
        listener.Start();
    }

    /// <summary>The samples, the oldest first.</summary>
    public IReadOnlyList<ServerSample> All
    {
        get
        {
            lock (gate)
                return [.. samples];
        }
    }

    /// <inheritdoc/>
    public override void Dispose()
    {
        listener.Dispose();
        base.Dispose();
    }

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(Pause, clock);
        (long events, long commits, long microseconds, long bytes) before = (0, 0, 0, 0);
        for (int number = 0; ; number++)
        {
            long bytes = number % SizeEvery == 0 ? await Size(before.bytes, stoppingToken) : before.bytes;
            (long events, long commits, long microseconds, long bytes) now =
                (Interlocked.Read(ref events), Interlocked.Read(ref commits), Interlocked.Read(ref commitMicroseconds), bytes);
            long committed = now.commits - before.commits;
            var sample = new ServerSample(
                clock.GetUtcNow(), number == 0 ? 0 : (now.events - before.events) / Pause.TotalSeconds, Interlocked.Read(ref queue),
                committed == 0 ? 0 : (now.microseconds - before.microseconds) / 1000.0 / committed, Interlocked.Read(ref watchers), bytes);
            lock (gate)
            {
                samples.Enqueue(sample);
                if (samples.Count > Kept)
                    samples.Dequeue();
            }

            before = now;
            if (!await timer.WaitForNextTickAsync(stoppingToken))
                return;
        }
    }

    private async Task<long> Size(long known, CancellationToken stop)
    {
        try
        {
            return await reads.DatabaseBytes(stop);
        }
        catch (Exception) when (!stop.IsCancellationRequested)
        {
            return known; // the checks report what is wrong with the database; a figure of the page does not end the server
        }
    }
}
