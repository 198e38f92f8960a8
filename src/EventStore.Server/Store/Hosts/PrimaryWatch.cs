using EventStore.Server.Telemetry;
using Npgsql;

namespace EventStore.Server.Store.Hosts;

/// <summary>The hosts of the connection strings.</summary>
/// <param name="Hosts">Of each the name for the log, and a data source that connects to it whatever it is and keeps no connection.</param>
/// <param name="RequiresSynchronous">Whether nothing may be written to a primary that waits for no standby.</param>
public sealed record WatchedHosts(IReadOnlyList<(string Name, NpgsqlDataSource Source)> Hosts, bool RequiresSynchronous)
{
    /// <summary>How many of them, the first ones, may be the primary; the others are replicas, which are only read.</summary>
    public int Candidates { get; init; } = Hosts.Count;
}

/// <summary>
/// Failure detector: asks every host again and again what it is, all at once, and tells each <see cref="Primary"/> when another one is the
/// primary. So no request waits for a host that hangs, and a promotion is known half a second after it.
/// </summary>
/// <param name="watched">The hosts.</param>
/// <param name="primaries">Who is told; their hosts are those that may be the primary, in the same order.</param>
/// <param name="standbys">Is told which hosts are standbys.</param>
/// <param name="log">The log.</param>
public sealed partial class PrimaryWatch(
    WatchedHosts watched, IReadOnlyList<Primary> primaries, Standbys standbys, ILogger<PrimaryWatch> log) : BackgroundService
{
    private static readonly TimeSpan EveryOfSeveral = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan EveryOfOne = TimeSpan.FromSeconds(1);

    private readonly Lock gate = new();
    private readonly HostState[] states = [.. watched.Hosts.Select(_ => new HostState(HostKind.Unknown))];
    private readonly TaskCompletionSource settled = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int present;
    private Lineage? served;
    private bool? synchronous;
    private bool isStray;

    /// <summary>What is wrong with the hosts, in words everybody may read; null when one is the primary and the others follow it.</summary>
    public string? Trouble
    {
        get
        {
            lock (gate)
            {
                bool isWell = IsServed(present) && Enumerable.Range(0, states.Length).All(i => i == present || IsFollower(i));
                return isWell ? null : string.Join("; ", states.Select((_, i) => $"host {i + 1} {Words(i)}"));
            }
        }
    }

    /// <summary>Whether answered writes may be lost with the primary, in words everybody may read; null if not, or not known.</summary>
    public string? ReplicationTrouble
    {
        get
        {
            lock (gate)
            {
                return synchronous is false
                    ? "the primary waits for no standby: answered writes can be lost with it"
                    : null;
            }
        }
    }

    /// <summary>
    /// Completes when every host was asked, for up to <see cref="HostProbe.Patience"/>: the first primary that answers may be a former one.
    /// </summary>
    public override async Task StartAsync(CancellationToken cancellationToken)
    {
        await base.StartAsync(cancellationToken);
        await settled.Task.WaitAsync(cancellationToken);
    }

    /// <summary>Completes when every host was asked.</summary>
    internal Task Settled => settled.Task;

    /// <inheritdoc/>
    public override void Dispose()
    {
        foreach ((_, NpgsqlDataSource source) in watched.Hosts)
            source.Dispose();
        base.Dispose();
    }

    /// <inheritdoc/>
    protected override Task ExecuteAsync(CancellationToken stoppingToken) =>
        Task.WhenAll(Enumerable.Range(0, states.Length).Select(
            host => Task.Run(() => Follow(host, stoppingToken), CancellationToken.None)));

    private async Task Follow(int host, CancellationToken stop)
    {
        await using var probe = new HostProbe(watched.Hosts[host].Source);
        while (!stop.IsCancellationRequested)
        {
            try
            {
                Note(host, await probe.Ask(stop));
            }
            catch (OperationCanceledException) when (stop.IsCancellationRequested)
            {
                return;
            }

            await Task.Delay(states.Length > 1 ? EveryOfSeveral : EveryOfOne, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    /// <summary>
    /// Takes what a host was found to be, and draws the conclusions. All of it is under the lock, so that of two findings the later one
    /// moves last; nothing in it waits for a host.
    /// </summary>
    internal void Note(int host, HostState found)
    {
        lock (gate)
        {
            bool isNews = states[host].Kind != found.Kind || states[host].Lineage != found.Lineage;
            states[host] = found;
            standbys.Note(host, found.Kind == HostKind.Standby);
            int? chosen = PrimaryChoice.Of(new ArraySegment<HostState>(states, 0, watched.Candidates), present, served);
            if (chosen is { } another && (another != present || served != states[another].Lineage || isStray))
                Move(another);
            else if (chosen is null && states[present].Kind == HostKind.Primary && !isStray)
                RefuseStray();
            if (isNews)
                LogHost(host);
            if (chosen is { } written)
                NoteReplication(states[written].IsSynchronous);
            if (states.All(state => state.Kind != HostKind.Unknown))
                settled.TrySetResult();
        }
    }

    private void Move(int host)
    {
        bool isFirst = served is null;
        (int before, Lineage lineage) = (present, states[host].Lineage);
        (present, served, isStray) = (host, lineage, false);
        if (isFirst && host == before)
            return; // it was taken for the primary
        foreach (Primary each in primaries)
            each.MoveTo(host);
        if (isFirst)
            return;
        Signals.Failovers.Add(1);
        LogMoved(watched.Hosts[host].Name, lineage.Timeline, watched.Hosts[before].Name);
    }

    /// <summary>
    /// The present host has come back with another history, and no other is there: a former primary, or another server of the
    /// same name.
    /// </summary>
    private void RefuseStray()
    {
        isStray = true;
        foreach (Primary each in primaries)
            each.MoveTo(present, isStray: true);
    }

    private void NoteReplication(bool isSynchronous)
    {
        if (synchronous == isSynchronous)
            return;
        if (!isSynchronous)
            LogNotSynchronous();
        else if (synchronous is not null)
            LogSynchronous();
        synchronous = isSynchronous;
        foreach (Primary each in primaries)
            each.LacksStandby = watched.RequiresSynchronous && !isSynchronous;
    }

    private bool IsServed(int host) => host == present && PrimaryChoice.MayServe(states[host], served);

    private bool IsFollower(int host) =>
        states[host].Kind == HostKind.Standby || (states[host].Kind == HostKind.Primary && states[host].Lineage == served);

    private string Words(int host) => states[host] switch
    {
        _ when IsServed(host) => "is the primary",
        { Kind: HostKind.Primary } when host >= watched.Candidates => "is a primary, and is named as a replica",
        { Kind: HostKind.Primary } state when served is { } last && state.Lineage.System != last.System =>
            "is the primary of another cluster",
        { Kind: HostKind.Primary } state when served is { } last && state.Lineage.Timeline < last.Timeline =>
            "is a former primary that still takes writes",
        var state => state.Words,
    };

    private void LogHost(int host)
    {
        (string name, HostState state) = (watched.Hosts[host].Name, states[host]);
        if (IsServed(host) || IsFollower(host))
            LogWell(name, Words(host));
        else if (state.Kind == HostKind.Primary && host >= watched.Candidates)
            LogUnwell(name, Words(host), "it is read once it is a standby; ConnectionStrings__Postgres has to name what is to be followed");
        else if (state.Kind == HostKind.Primary && served is { } last)
            LogStray(name, Words(host), state.Lineage.Timeline, last.Timeline);
        else
            LogUnwell(name, Words(host), state.Reason ?? "it says so itself");
    }

    [LoggerMessage(150, LogLevel.Warning, "The primary is {Host} now, on timeline {Timeline}; before it was {Before}")]
    private partial void LogMoved(string host, long timeline, string before);

    [LoggerMessage(151, LogLevel.Debug, "The database's host {Host} {What}")]
    private partial void LogWell(string host, string what);

    [LoggerMessage(152, LogLevel.Warning, "The database's host {Host} {What}: {Reason}")]
    private partial void LogUnwell(string host, string what, string reason);

    [LoggerMessage(153, LogLevel.Error, "The database's host {Host} {What}, on timeline {Timeline}; nothing is sent to it, because "
        + "timeline {Served} was served. Stop it, and make it a standby")]
    private partial void LogStray(string host, string what, long timeline, long served);

    [LoggerMessage(154, LogLevel.Warning, "DURABILITY: synchronous_standby_names is empty, and the primary waits for no standby: answered "
        + "writes can be lost with it")]
    private partial void LogNotSynchronous();

    [LoggerMessage(155, LogLevel.Information, "The primary waits for a synchronous standby again")]
    private partial void LogSynchronous();
}
