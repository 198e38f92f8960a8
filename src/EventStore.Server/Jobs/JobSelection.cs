using EventStore.Domain.Jobs;
using EventStore.Domain.Json;
using EventStore.Server.Kubernetes.Selectors;
using EventStore.Server.Store.Format;
using EventStore.Server.Store.Reads;

namespace EventStore.Server.Jobs;

/// <summary>Which jobs a list, a watch or a deletion is about: the namespace of its path, and its selectors.</summary>
/// <param name="Namespace">The namespace; null for all.</param>
/// <param name="Labels">What labels the jobs have.</param>
/// <param name="Fields">What fields they have: <c>metadata.name</c> and <c>metadata.namespace</c>, as of every custom resource.</param>
internal sealed record JobSelection(string? Namespace, LabelSelector Labels, FieldSelector Fields)
{
    // Each is searched for in the text of every job; a few leave little to be read, more only cost.
    private const int NarrowingMax = 8;

    /// <summary>The fields that may be selected by.</summary>
    public static IReadOnlyCollection<string> SelectableFields { get; } = ["metadata.name", "metadata.namespace"];

    /// <summary>
    /// What the database can filter by, by index where names are given; the rest is up to <see cref="Covers(StoredJob)"/>. Labels
    /// have no index, because every change of any job would have to maintain it.
    /// </summary>
    public JobRange Range { get; } = new()
    {
        Namespace = Namespace ?? Fields.ExactValue("metadata.namespace"),
        Name = Fields.ExactValue("metadata.name"),
        Containing = [.. Labels.Requirements.Select(Printed).OfType<string>().Take(NarrowingMax)],
    };

    /// <summary>The one job it can be about, if it names one.</summary>
    public JobKey? Only => Range is { Namespace: { } @namespace, Name: { } name } ? new JobKey(@namespace, name) : null;

    /// <summary>Whether every job of <see cref="Range"/> is covered.</summary>
    public bool IsAll => Labels.IsEmpty && Fields.IsEmpty;

    /// <summary>Whether a job of <see cref="Range"/> is covered.</summary>
    public bool Covers(StoredJob job) =>
        CoversKey(job.Key)
            && (Labels.IsEmpty || Labels.Matches(JsonReading.Parse(job.Utf8.Span).Member("metadata")?.Member("labels") as JsonObject));

    /// <summary>Whether a job is covered; a deleted one is not.</summary>
    public bool Covers(JobFacts? job) =>
        job is { Deleted: false } && CoversKey(job.Key) && (Labels.IsEmpty || Labels.Matches(job.Labels));

    /// <summary>Whether a job of that name can be covered, whatever its labels are.</summary>
    public bool CoversKey(JobKey key) => (Namespace is null || Namespace == key.Namespace) && (Fields.IsEmpty || FieldsMatch(key));

    /// <summary>What must stand in the text of a job that fulfils the requirement; null when that cannot be said in one piece.</summary>
    private static string? Printed(LabelRequirement requirement) => requirement switch
    {
        { Operator: LabelOperator.Equal or LabelOperator.In, Values: [var only] } => $"\"{requirement.Key}\":\"{only}\"",
        {
            Operator: LabelOperator.Exists or LabelOperator.Equal or LabelOperator.In
                or LabelOperator.GreaterThan or LabelOperator.LessThan
        } => $"\"{requirement.Key}\":",
        _ => null,
    };

    private bool FieldsMatch(JobKey key) => Fields.Matches(field => field == "metadata.name" ? key.Name : key.Namespace);
}
