namespace EventStore.Server.Store.Format;

/// <summary>A summary of one incarnation of a job: a Marten document that the activity projection keeps.</summary>
public sealed class JobActivity
{
    public Guid Id { get; set; }

    public string Namespace { get; set; } = string.Empty;

    public string Name { get; set; } = string.Empty;

    /// <summary>When it was created.</summary>
    public DateTimeOffset Created { get; set; }

    public string CreatedBy { get; set; } = string.Empty;

    /// <summary><c>status.completionTime</c> as the last writer of the status left it; null without one.</summary>
    public string? Completed { get; set; }

    /// <summary>When the job was gone; null while it lives.</summary>
    public DateTimeOffset? Deleted { get; set; }

    /// <summary>How many revisions it has, its creation among them.</summary>
    public long Changes { get; set; }

    /// <summary>The type of the last of <c>status.conditions</c>; null without one.</summary>
    public string? State { get; set; }

    /// <summary>The revision of its last change.</summary>
    public long Revision { get; set; }

    public DateTimeOffset Changed { get; set; }
}
