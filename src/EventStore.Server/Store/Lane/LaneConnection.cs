using EventStore.Domain.Jobs;
using EventStore.Server.Store.Format;
using EventStore.Server.Store.Hosts;
using EventStore.Server.Store.Reads;
using EventStore.Server.Telemetry;
using Npgsql;

namespace EventStore.Server.Store.Lane;

/// <summary>The lane's one connection, kept from batch to batch for its prepared statements. After any failure it is discarded.</summary>
internal sealed partial class LaneConnection(Primary database, LaneLimits limits, ReplyQueue replies, ILogger log)
{
    private const string SessionSql =
        "SELECT pid, backend_start, pg_postmaster_start_time() FROM pg_stat_activity WHERE pid = pg_backend_pid()";

    // Npgsql itself gives up after CommitTime, but first asks the host, by a second connection, to cancel: one that hangs is silent.
    internal static readonly TimeSpan Grace = TimeSpan.FromSeconds(5);

    private NpgsqlConnection? connection;
    private volatile bool hasGivenUpStandby;
    private Term term = database.Term;
    private LaneSession begun;

    /// <summary>The session of the connection that is open, or was open last.</summary>
    public LaneSession Session { get; private set; }

    /// <summary>Reads the living jobs of these names. If a job's text is longer than allowed, only its size is read.</summary>
    /// <param name="keys">The names.</param>
    /// <param name="textBytesMax">For each name the longest text that is read, in bytes.</param>
    public async Task<LivingRow?[]> Read(JobKey[] keys, int[] textBytesMax)
    {
        bool kept = connection is { State: System.Data.ConnectionState.Open };
        try
        {
            return await Once();
        }
        catch (Exception e) when (kept && LaneRecovery.IsBroken(e))
        {
            // PostgreSQL was restarted, or a firewall closed the idle connection. No batch is under way: open a new one.
            LogReconnecting(e.Message);
            await Discard();
            database.Clear();
            return await Once();
        }

        async Task<LivingRow?[]> Once()
        {
            NpgsqlConnection open = await Open();
            return await Bound(LivingRow.All(open, keys, textBytesMax), limits.CommitTime);
        }
    }

    /// <summary>Whether the last commit got as far as being sent; if not, nothing of it can have been stored.</summary>
    public bool HasSent { get; private set; }

    /// <summary>
    /// Learns the fencing token of the database: its epoch, which this begins if another one must, and after that the number of the last
    /// rebuild of current jobs; it waits for one under way. Jobs that are read afterwards are of that epoch and as that rebuild left them.
    /// </summary>
    public async Task<Fence> Begin()
    {
        Task<Fence> asked = BeginOn(await Open());
        LaneSession session = Session;
        Fence fence = await Bound(asked, limits.CommitTime);
        begun = session;
        return fence;

        async Task<Fence> BeginOn(NpgsqlConnection open)
        {
            await database.Epochs.Check(open);
            long epoch = database.Epochs.Last;
            await using var command = new NpgsqlCommand(DatabaseNames.WaitForCommits, open);
            command.CommandTimeout = CommitCall.WholeSeconds(limits.CommitTime);
            return new Fence((long)(await command.ExecuteScalarAsync())!, epoch);
        }
    }

    /// <summary>Commits the batch.</summary>
    public Task<Committed> Commit(Batch batch, bool wakeOthers, Fence fence) => Send(
        batch,
        open => CommitCall.Execute(
            open, batch, wakeOthers, fence with { Seen = database.Epochs.Seen }, limits.CommitTime, allOrNone: false),
        limits.CommitTime);

    /// <summary>Commits all of the batch or nothing.</summary>
    public Task<Committed> CommitWhole(Batch batch, bool wakeOthers, Fence fence, TimeSpan patience) => Send(
        batch,
        open => CommitCall.Execute(open, batch, wakeOthers, fence with { Seen = database.Epochs.Seen }, patience, allOrNone: true),
        patience);

    private async Task<Committed> Send(Batch batch, Func<NpgsqlConnection, Task<Committed>> call, TimeSpan patience)
    {
        HasSent = false;
        if (database.LacksStandby)
            throw new NotSynchronousException();
        NpgsqlConnection open = await Open();
        if (Session != begun)
            return Committed.Nothing(batch); // another session may be one of another database: to be known first
        (HasSent, hasGivenUpStandby) = (true, false);
        Committed committed = Remember(await Bound(call(open), patience));
        return hasGivenUpStandby ? throw new NotReplicatedException() : committed;
    }

    /// <summary>
    /// Counts what was stored, and notes its last revision. If that may be the first of a new epoch, the next commit compares epochs first.
    /// </summary>
    public Committed Remember(Committed committed)
    {
        if (committed.Revisions.Length > 0)
            Signals.Events.Add(committed.Revisions.Count(revision => revision > 0));
        if (!database.Epochs.TryNote(committed.Revisions.DefaultIfEmpty().Max()))
            begun = default;
        return committed;
    }

    /// <summary>Closes the connection, whatever its state; the next use opens another.</summary>
    public async Task Discard()
    {
        (NpgsqlConnection? left, connection) = (connection, null);
        if (left is null)
            return;
        try
        {
            term.Source.Clear(); // so that it is closed and not kept: NpgsqlConnection.ClearPool knows nothing of data sources
            await left.DisposeAsync();
        }
        catch (Exception e)
        {
            LogNotClosed(e.Message); // it was broken; a new one takes its place
        }
    }

    /// <summary>Gives the connection back to the pool.</summary>
    public async ValueTask Release()
    {
        (NpgsqlConnection? left, connection) = (connection, null);
        if (left is not null)
            await left.DisposeAsync();
    }

    private async ValueTask<NpgsqlConnection> Open()
    {
        if (connection is { State: System.Data.ConnectionState.Open } && !term.IsOver)
            return connection;
        await Discard();
        term = database.Term;
        (connection, Session) = await replies.SendAndAwait(term.Bound(OpenSession()));
        return connection;
    }

    /// <summary>
    /// Waits for the answer of the primary. If a statement is abandoned, its connection is closed when the statement ends.
    /// </summary>
    private async Task<T> Bound<T>(Task<T> asked, TimeSpan patience)
    {
        try
        {
            return await replies.SendAndAwait(term.Bound(asked.WaitAsync(patience + Grace)));
        }
        catch (Exception) when (!asked.IsCompleted)
        {
            (NpgsqlConnection? left, connection) = (connection, null);
            _ = AbandonedTask.Close(asked, left);
            throw;
        }
    }

    private async Task<OpenedSession> OpenSession()
    {
        NpgsqlConnection opened = await term.OpenConnectionAsync();
        opened.Notice += (_, sent) =>
        {
            hasGivenUpStandby |= opened == connection && StandbyWait.IsGivenUp(sent.Notice);
            LogNotice(sent.Notice.InvariantSeverity, sent.Notice.MessageText);
        };
        try
        {
            await using var command = new NpgsqlCommand(SessionSql, opened);
            await using NpgsqlDataReader reader = await command.ExecuteReaderAsync();
            await reader.ReadAsync();
            return new OpenedSession(opened, new LaneSession(reader.GetInt32(0), reader.GetDateTime(1), reader.GetDateTime(2)));
        }
        catch
        {
            await opened.DisposeAsync();
            throw;
        }
    }

    [LoggerMessage(29, LogLevel.Warning, "The database closed the lane's connection while it was idle; connecting again: {Reason}")]
    private partial void LogReconnecting(string reason);

    [LoggerMessage(69, LogLevel.Warning, "While the lane committed, PostgreSQL said ({Severity}): {What}")]
    private partial void LogNotice(string severity, string what);

    [LoggerMessage(30, LogLevel.Debug, "A connection could not be closed: {Reason}")]
    private partial void LogNotClosed(string reason);
}
