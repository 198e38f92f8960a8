using EventStore.Domain.Jobs;
using EventStore.Server.Store;
using EventStore.Server.Store.Format;
using EventStore.Server.Store.History;
using EventStore.Server.Tests.Fixtures;
using JasperFx.Events;
using JasperFx.Events.Daemon;
using Marten;

namespace EventStore.Server.Tests.Store;

/// <summary>
/// The lane writes Marten's tables by hand. So Marten is asked whether it still knows them: their shape, the events in them, and
/// the current jobs it would make of those events itself.
/// </summary>
public sealed class Marten_and_the_lane : IAsyncLifetime
{
    private TestDatabase database = null!;
    private DocumentStore marten = null!;

    public async Task InitializeAsync()
    {
        database = await TestDatabase.Create();
        marten = DocumentStore.For(options =>
        {
            options.Connection(database.OwnerSource);
            MartenSetup.Configure(options);
        });
    }

    public async Task DisposeAsync()
    {
        await marten.DisposeAsync();
        await database.DisposeAsync();
    }

    [Fact]
    public Task A_migrated_database_is_what_Marten_expects() => marten.Storage.Database.AssertDatabaseMatchesConfigurationAsync();

    [Fact]
    public async Task What_is_missing_would_be_noticed()
    {
        await database.Execute("ALTER TABLE eventstore.mt_doc_current_job DROP COLUMN revision");
        await Assert.ThrowsAnyAsync<Exception>(() => marten.Storage.Database.AssertDatabaseMatchesConfigurationAsync());
    }

    [Fact]
    public async Task Marten_reads_the_events_the_lane_wrote()
    {
        await RandomHistory.Write(database.Source, seed: 1, jobs: 20, events: 300);
        await using IQuerySession session = marten.QuerySession();
        var read = new List<(Guid, long, long, string, string, string)>();
        foreach (Guid uid in await Uids())
        {
            IReadOnlyList<IEvent> events = await session.Events.FetchStreamAsync(uid);
            Assert.All(events, stored => Assert.IsAssignableFrom<JobEvent>(stored.Data));
            read.AddRange(events.Select(e => (e.StreamId, e.Version, e.Sequence, e.EventTypeName, e.UserName!, e.CorrelationId!)));
        }

        var stored = new List<(Guid, long, long, string, string, string)>();
        await foreach ((_, Revision? revision) in new RevisionReads(database.Source).List(new RevisionQuery(), 5_000, default))
            stored.Add((revision!.Uid, revision.Version, revision.Number, EventCodec.Names[revision.Event.GetType()], revision.Origin.User,
                revision.Origin.RequestId));
        Assert.True(stored.Count >= 300);
        Assert.Equal(stored.Order(), read.Order());
    }

    [Fact]
    public async Task Marten_s_live_aggregate_is_the_row_the_lane_wrote()
    {
        await RandomHistory.Write(database.Source, seed: 2, jobs: 20, events: 300);
        await using IQuerySession session = marten.QuerySession();
        foreach (Guid uid in await Uids())
        {
            CurrentJob row = (await session.LoadAsync<CurrentJob>(uid))!;
            CurrentJob aggregate = (await session.Events.AggregateStreamAsync<CurrentJob>(uid))!;
            Assert.Equivalent(aggregate, row, strict: true);
        }
    }

    [Fact]
    public async Task Marten_s_own_rebuild_gives_the_rows_the_lane_wrote()
    {
        const string rows = """
            SELECT string_agg((to_jsonb(j) - 'mt_last_modified')::text, E'\n' ORDER BY id) FROM eventstore.mt_doc_current_job j
            """;
        await RandomHistory.Write(database.Source, seed: 3, jobs: 40, events: 600);
        string before = await database.Ask<string>(rows);

        // Or a rebuild that did nothing would give equal rows too. And Marten writes the rows of a page in an order of its own: a name
        // that was used again may live before its first life has ended.
        await database.Execute(
            "UPDATE eventstore.mt_doc_current_job SET data = data || '{\"text\": \"\"}'; DROP INDEX eventstore.current_job_living");
        using IProjectionDaemon daemon = await marten.BuildProjectionDaemonAsync();
        await daemon.RebuildProjectionAsync<CurrentJobProjection>(TimeSpan.FromMinutes(1), default);

        Assert.Equal(before, await database.Ask<string>(rows));
    }

    private Task<Guid[]> Uids() => database.Ask<Guid[]>("SELECT array_agg(id) FROM eventstore.mt_streams");
}
