namespace EventStore.Server.Store.Proof;

/// <summary>A place where the store is not what was written.</summary>
/// <param name="Revision">
/// Where: the revision concerned, or the last one of the job concerned; <see cref="Nowhere"/> for what has none.
/// </param>
/// <param name="What">What is wrong there, in one line.</param>
public sealed record Finding(long Revision, string What)
{
    /// <summary>The place of what belongs to no event: it comes behind everything else.</summary>
    public const long Nowhere = long.MaxValue;

    /// <summary>Whether only what is made of the events is concerned: a rebuild makes it anew.</summary>
    public bool IsDerived { get; init; }
}
