using JasperFx;
using JasperFx.Events;
using JasperFx.Events.Projections;
using Marten;
using Marten.Schema;

namespace EventStore.Server.Store.Format;

/// <summary>
/// Configures Marten. It owns the event tables and its documents (current jobs, activity), the names of the events and how they are
/// read. It never appends here; the commit lane's function does (see CommitLane).
/// </summary>
public static class MartenSetup
{
    /// <summary>The schema of all tables and functions of this server.</summary>
    public const string Schema = "eventstore";

    /// <summary>The members of each document that have a column of their own, and the indexes migrations/ gives it.</summary>
    private static readonly Dictionary<Type, (string[] Members, string[] Indexes)> Columns = new()
    {
        [typeof(CurrentJob)] = (
            [nameof(CurrentJob.Namespace), nameof(CurrentJob.Name), nameof(CurrentJob.Deleted), nameof(CurrentJob.Revision)],
            ["current_job_living", "current_job_incarnations"]),
        [typeof(DailyActivity)] = (
            [
                nameof(DailyActivity.Day), nameof(DailyActivity.Namespace), nameof(DailyActivity.UserName), nameof(DailyActivity.Type),
                nameof(DailyActivity.Field),
            ],
            ["activity_of_day"]),
        [typeof(JobActivity)] = (
            [nameof(JobActivity.Namespace), nameof(JobActivity.Name), nameof(JobActivity.Revision)],
            ["job_activity_of_namespace"]),
    };

    /// <summary>
    /// Sets everything but the connection. The schema comes from <c>migrations/</c>: Marten itself never changes it.
    /// </summary>
    public static void Configure(StoreOptions options)
    {
        options.DatabaseSchemaName = Schema;
        options.AutoCreateSchemaObjects = AutoCreate.None;
        options.UseSystemTextJsonForSerialization(configure: json => EventCodec.Configure(json));

        options.Events.StreamIdentity = StreamIdentity.AsGuid;
        options.Events.MetadataConfig.CorrelationIdEnabled = true; // the request's id
        options.Events.MetadataConfig.HeadersEnabled = true;       // groups, user agent, source address
        options.Events.MetadataConfig.UserNameEnabled = true;
        foreach ((Type type, string name) in EventCodec.Names)
            options.Events.MapEventType(type, name);

        options.Projections.Add<CurrentJobProjection>(ProjectionLifecycle.Inline);
        options.Schema.For<CurrentJob>().DocumentAlias("current_job");
        options.Schema.For<DailyActivity>().DocumentAlias("activity");
        options.Schema.For<JobActivity>().DocumentAlias("job_activity");
        options.Policies.ForAllDocuments(AddColumns);
    }

    // By a policy and not by Schema.For().Duplicate(), which would give every column an index: an index on a column that changes with
    // each event would take PostgreSQL's heap-only updates away. The indexes the queries need are in migrations/.
    private static void AddColumns(DocumentMapping mapping)
    {
        if (!Columns.TryGetValue(mapping.DocumentType, out (string[] Members, string[] Indexes) columns))
            return;
        foreach (string member in columns.Members)
            mapping.DuplicateField(member, notNull: true);
        foreach (string index in columns.Indexes)
            mapping.IgnoreIndex(index); // else Marten's comparison of the schema would have it dropped
    }
}
