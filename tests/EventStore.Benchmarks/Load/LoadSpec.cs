namespace EventStore.Benchmarks.Load;

/// <summary>What the load generator is to send.</summary>
internal enum LoadKind
{
    CreateAll,
    MakeHistory,
    Patch,
    PatchHot,
    PatchLocked,
    Apply,
    Get,
    GetAny,
    List,
    Create,
    History,
    Path,
    Mixed,
    Watch,
}

/// <summary>One measurement, as the benchmark hands it to the load generator's process on standard input.</summary>
internal sealed record LoadSpec
{
    public required LoadKind Kind { get; init; }

    public required string Host { get; init; }

    public required int Port { get; init; }

    public required string Token { get; init; }

    /// <summary>Where the jobs are; they are named job-00000, job-00001, …</summary>
    public string Namespace { get; init; } = "bench";

    public int Jobs { get; init; }

    /// <summary>What <see cref="LoadKind.Path"/> asks for; JOB in it stands for the name of a random job.</summary>
    public string Path { get; init; } = "";

    public string Accept { get; init; } = "application/json";

    public int Connections { get; init; } = 1;

    public double WarmUpSeconds { get; init; }

    public double Seconds { get; init; }

    /// <summary>So many requests instead of so many seconds; 0 for seconds.</summary>
    public long Count { get; init; }

    public int Watchers { get; init; }

    /// <summary>Requests a second, of all connections together; 0 for as many as are answered.</summary>
    public int Rate { get; init; }

    public int ServerPid { get; init; }

    public int PostgresPid { get; init; }
}

/// <summary>What one measurement found; every scenario and both limits are reported in this shape.</summary>
internal sealed record Measured
{
    public double Seconds { get; init; }

    public long Requests { get; init; }

    public double P50Ms { get; init; }

    public double P90Ms { get; init; }

    public double P99Ms { get; init; }

    public double MaxMs { get; init; }

    /// <summary>CPU time spent meanwhile, in milliseconds: by the server, by all of PostgreSQL, by the client.</summary>
    public double ServerCpuMs { get; init; }

    public double PostgresCpuMs { get; init; }

    public double ClientCpuMs { get; init; }

    /// <summary>409 answers to a patch that named a resourceVersion: no errors, but what the scenario is about.</summary>
    public long Conflicts { get; init; }

    public long BodyBytes { get; init; }

    /// <summary>Every answer that was not the expected one, by what it was.</summary>
    public Dictionary<string, long> Errors { get; init; } = [];

    /// <summary>Of watchers only.</summary>
    public WatchMeasured? Watch { get; init; }

    public double PerSecond => Requests / Seconds;
}

/// <summary>What the watchers saw.</summary>
/// <param name="EventsWritten">Patches answered with 200.</param>
/// <param name="FramesExpected">Events times watchers.</param>
/// <param name="FramesReceived">Frames of those events that arrived, each counted once.</param>
/// <param name="FramesTwice">Frames that arrived again.</param>
/// <param name="Resumes">How often a watch ended and went on behind the last revision it had seen.</param>
/// <param name="LagP50Ms">From the patch's answer to the frame; 0 when the frame was first.</param>
/// <param name="LagP99Ms">The same, 99th percentile.</param>
/// <param name="LagMaxMs">The same, the longest.</param>
internal sealed record WatchMeasured(
    long EventsWritten, long FramesExpected, long FramesReceived, long FramesTwice, long Resumes, double LagP50Ms, double LagP99Ms,
    double LagMaxMs);
