using System.Text;
using EventStore.Domain.Jobs;
using EventStore.Server.Store.Format;
using JasperFx.Events;
using Marten.Events.Aggregation;

// Not in the namespace of its folder: the full class name is stored with every row (mt_dotnet_type), and Marten writes it when it rebuilds.
namespace EventStore.Server.Store;

/// <summary>
/// The row GET and LIST read: one incarnation as its events left it. Rows of deleted jobs are kept, so that the history of a name finds
/// every incarnation. The lane writes the row in the transaction that appends the events.
/// </summary>
public sealed class CurrentJob
{
    /// <summary>
    /// The value of <c>mt_dotnet_type</c> in every row, whatever this class is called: the SQL function that appends writes it too.
    /// </summary>
    internal const string StoredClass = "EventStore.Server.Store.CurrentJob";

    /// <summary>The incarnation's uid, which is the stream's id too.</summary>
    public Guid Id { get; set; }

    public string Namespace { get; set; } = string.Empty;

    public string Name { get; set; } = string.Empty;

    /// <summary>Whether the job is gone.</summary>
    public bool Deleted { get; set; }

    /// <summary>The version: the number of events in its stream.</summary>
    public long Version { get; set; }

    /// <summary>The last event's global number: the object's resourceVersion.</summary>
    public long Revision { get; set; }

    /// <summary>
    /// The object as answers show it, byte for byte. It is a string within the document and not an object: jsonb reorders keys, and
    /// converting it back to text costs three times as much.
    /// </summary>
    public string Text { get; set; } = string.Empty;

    /// <summary>The row of a job.</summary>
    public static CurrentJob Of(Job job) => new()
    {
        Id = job.Uid,
        Namespace = job.Key.Namespace,
        Name = job.Key.Name,
        Deleted = job.Deleted,
        Version = job.Version,
        Revision = job.Revision,
        Text = JobText.StringOf(job),
    };

    /// <summary>The job of a row.</summary>
    public Job ToJob() => JobText.Read(Encoding.UTF8.GetBytes(Text), Id, Version, Revision, Deleted);
}

/// <summary>
/// Builds the row with Marten, by the same fold the lane uses. Marten's own rebuild runs it, which the tests compare with the
/// lane's rows; the rebuild of this server is faster and does not run it.
/// </summary>
public sealed class CurrentJobProjection : SingleStreamProjection<CurrentJob, Guid>
{
    /// <inheritdoc/>
    public override CurrentJob? Evolve(CurrentJob? snapshot, Guid id, IEvent e) =>
        CurrentJob.Of(Job.Evolve(snapshot?.ToJob(), (JobEvent)e.Data, e.Sequence));
}
