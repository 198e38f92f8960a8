namespace EventStore.Server.Store.Proof;

/// <summary>A difference between the store and what was written.</summary>
/// <param name="Revision">
/// The revision concerned, or the last one of the job concerned; <see cref="Nowhere"/> for none.
/// </param>
/// <param name="What">What is wrong there, in one line.</param>
public sealed record Finding(long Revision, string What)
{
    /// <summary>The revision of a finding that concerns no event: it sorts behind all others.</summary>
    public const long Nowhere = long.MaxValue;

    /// <summary>Whether only derived data are concerned: a rebuild corrects them.</summary>
    public bool IsDerived { get; init; }
}
