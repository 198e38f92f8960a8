namespace EventStore.Server.Store.Format;

/// <summary>What became of one incarnation of a job, on a line: a Marten document that the activity projection keeps.</summary>
public sealed class JobActivity
{
    /// <summary>The incarnation's uid.</summary>
    public Guid Id { get; set; }

    /// <summary>The job's namespace.</summary>
    public string Namespace { get; set; } = string.Empty;

    /// <summary>The job's name.</summary>
    public string Name { get; set; } = string.Empty;

    /// <summary>When it was created.</summary>
    public DateTimeOffset Created { get; set; }

    /// <summary>Who created it.</summary>
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

    /// <summary>When that was.</summary>
    public DateTimeOffset Changed { get; set; }
}
