using System.Globalization;
using EventStore.Domain.Json;

namespace EventStore.Domain.Lifetimes;

/// <summary>The rules by which a field of a job ends its lifetime.</summary>
public enum LifetimeRule
{
    /// <summary>A finished job is deleted <c>ttlSecondsAfterFinished</c> after it finished.</summary>
    Ttl,

    /// <summary>An active job fails <c>activeDeadlineSeconds</c> after it started.</summary>
    Deadline,
}

/// <summary>When a job's lifetime ends, and how.</summary>
/// <param name="Rule">What ends it.</param>
/// <param name="Due">The moment from which it is to end.</param>
/// <param name="Seconds">The value of the field.</param>
public sealed record Lifetime(LifetimeRule Rule, DateTimeOffset Due, long Seconds)
{
    private static readonly string[] TimeFormats = ["yyyy-MM-dd'T'HH:mm:ssK", "yyyy-MM-dd'T'HH:mm:ss.FFFFFFFK"];

    /// <summary>Why it ends, as the event says.</summary>
    public string Reason => Rule == LifetimeRule.Ttl
        ? string.Create(CultureInfo.InvariantCulture, $"TTL expired after {Seconds} s")
        : string.Create(CultureInfo.InvariantCulture, $"deadline exceeded after {Seconds} s");

    /// <summary>
    /// The lifetime of a job as it stands; null where nothing ends it. A finished job has a TTL only and an active one a deadline only; a
    /// suspended job and one that is being deleted have neither.
    /// </summary>
    /// <param name="manifest">The job's object.</param>
    public static Lifetime? Of(JsonObject manifest)
    {
        if (manifest["metadata"]?.Member("deletionTimestamp") is not null)
            return null;
        JsonValue? status = manifest["status"];
        return Conditions.Finished(status) is { } finished
            ? Ending(LifetimeRule.Ttl, Time(status?.Member("completionTime")) ?? Time(finished["lastTransitionTime"]),
                Field(manifest, "ttlSecondsAfterFinished", least: 0))
            : IsSuspended(manifest)
                ? null
                : Ending(LifetimeRule.Deadline, Time(status?.Member("startTime")), Field(manifest, "activeDeadlineSeconds", least: 1));
    }

    private static Lifetime? Ending(LifetimeRule rule, DateTimeOffset? from, long? seconds) =>
        from is { } begin && seconds is { } wait && wait < (DateTimeOffset.MaxValue - begin).TotalSeconds
            ? new Lifetime(rule, begin.AddSeconds(wait), wait)
            : null;

    private static bool IsSuspended(JsonObject manifest) =>
        manifest["spec"]?.Member("runPolicy")?.Member("suspend") is JsonBoolean { Value: true }
        || Conditions.Is(manifest["status"], "Suspended");

    /// <summary>
    /// The field at the top level of <c>spec</c>, as the update API documents it; else in <c>spec.runPolicy</c>, where the operator from
    /// 1.4 on has it. A value outside the field's range counts as none.
    /// </summary>
    private static long? Field(JsonObject manifest, string name, long least)
    {
        JsonValue? spec = manifest["spec"];
        JsonValue? value = spec?.Member(name) is { } top and not JsonNull ? top : spec?.Member("runPolicy")?.Member(name);
        return value is JsonNumber number && number.TryGetInt64(out long seconds) && seconds >= least ? seconds : null;
    }

    private static DateTimeOffset? Time(JsonValue? value) =>
        value is JsonText text && DateTimeOffset.TryParseExact(
            text.Value, TimeFormats, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out DateTimeOffset time)
            ? time.ToUniversalTime()
            : null;
}
