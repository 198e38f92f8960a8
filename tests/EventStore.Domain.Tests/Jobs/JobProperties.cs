using EventStore.Domain.Jobs;
using EventStore.Domain.Json;
using EventStore.Domain.Manifests;
using FsCheck;
using FsCheck.Fluent;
using FsCheck.Xunit;

namespace EventStore.Domain.Tests.Jobs;

/// <summary>What holds for every sequence of requests, sensible or not.</summary>
[Properties(Arbitrary = [typeof(RequestsArbitrary)], MaxTest = 100)]
public sealed class JobProperties
{
    [Property]
    public bool Deciding_and_folding_never_throw_and_a_living_job_keeps_its_identity(Requests requests) => requests.Happen().All(moment =>
        moment.After is null || (moment.After.Key == Ask.Key && moment.After.Metadata["uid"]!.Equals((JsonValue)moment.After.UidText)));

    [Property]
    public bool Deciding_again_decides_the_same(Requests requests) => requests.Happen().All(moment =>
        DecisionText.Of(JobDecider.Decide(moment.Before, moment.Command)) == DecisionText.Of(moment.Decision));

    [Property]
    public bool Deciding_leaves_the_job_as_it_is(Requests requests)
    {
        foreach (Moment moment in requests.Happen().Where(moment => moment.Before is not null))
        {
            string before = moment.Before!.Manifest.ToString();
            JobDecider.Decide(moment.Before, moment.Command);
            if (moment.Before.Manifest.ToString() != before || (moment.Happened is null && !ReferenceEquals(moment.Before, moment.After)))
                return false;
        }

        return true;
    }

    [Property]
    public bool Every_event_is_the_next_version_at_the_revision_given(Requests requests)
    {
        long revision = 1;
        return requests.Happen().Where(moment => moment.Happened is not null).All(moment =>
            moment.After!.Revision == (revision += 7) && moment.After.Version == (moment.Before?.Version ?? 0) + 1);
    }

    [Property]
    public bool What_an_event_replaced_takes_it_back(Requests requests) =>
        Changes(requests).All(moment => Before(moment) is not { } before ||
            before.With("metadata", ((JsonObject)before["metadata"]!).With("generation", moment.Before!.Metadata["generation"]!))
                .Equals(moment.Before.Manifest));

    [Property]
    public bool A_job_reverted_by_its_last_event_is_the_job_before(Requests requests) => requests.Happen()
        .Where(moment => moment.Happened is not null)
        .All(moment => Equals(moment.After!.Revert(moment.Happened!, moment.Before?.Revision ?? 0), moment.Before));

    [Property]
    public bool An_event_changes_something_and_the_generation_only_if_it_is_outside_metadata_and_status(Requests requests) =>
        Changes(requests).All(moment =>
        {
            (Job before, Job after) = (moment.Before!, moment.After!);
            bool outside = !before.Manifest.Without("metadata").Without("status")
                .Equals(after.Manifest.Without("metadata").Without("status"));
            bool risen = !before.Metadata["generation"]!.Equals(after.Metadata["generation"]);
            return !before.Manifest.Equals(after.Manifest) && (moment.Happened is JobDeletionRequested ? risen : outside == risen);
        });

    [Property]
    public bool Only_the_five_change_and_finalizers_while_the_job_is_being_deleted(Requests requests) => Changes(requests)
        .Where(moment => moment.Command is PatchJob or ReplaceJob)
        .All(moment => Fixed(moment.Before!, moment.Before!.Deleting).Equals(Fixed(moment.After!, moment.Before.Deleting)));

    [Property]
    public bool Finalizers_only_become_fewer(Requests requests) => Changes(requests).All(moment =>
        moment.After!.Finalizers.All(moment.Before!.Finalizers.Contains)
        && (moment.Before.Deleting || moment.After.Finalizers.Count == moment.Before.Finalizers.Count));

    [Property]
    public bool The_status_changes_through_its_own_door_only(Requests requests) => Changes(requests).All(moment =>
        (moment.Happened is JobStatusUpdated) == (moment.Command is PatchStatus or ReplaceStatus) &&
        (moment.Happened is JobStatusUpdated || Equals(moment.Before!.Manifest["status"], moment.After!.Manifest["status"])));

    [Property]
    public bool The_same_patch_again_is_no_change(Requests requests) => Changes(requests)
        .Where(moment => !moment.After!.Deleted && Revision(moment.Command) is null && moment.Command is PatchJob or PatchStatus)
        .All(moment => JobDecider.Decide(moment.After, moment.Command) is Decision.Unchanged);

    [Property]
    public bool The_same_put_again_is_stale_and_with_the_new_revision_no_change(Requests requests) => Changes(requests)
        .Where(moment => !moment.After!.Deleted && moment.Command is ReplaceJob)
        .All(moment => JobDecider.Decide(moment.After, moment.Command) is Decision.Refused(Rejection.Stale)
            && JobDecider.Decide(moment.After, Current((ReplaceJob)moment.Command, moment.After!)) is Decision.Unchanged);

    [Property]
    public bool A_job_put_back_as_it_was_read_and_a_patch_of_nothing_are_no_change(Requests requests) => requests.Happen()
        .Where(moment => moment.After is { Deleted: false })
        .All(moment => JobDecider.Decide(moment.After, Ask.Put()(moment.After!)) is Decision.Unchanged
            && JobDecider.Decide(moment.After, Ask.Patch("{}")) is Decision.Unchanged);

    [Property]
    public bool A_request_that_names_another_revision_changes_nothing(Requests requests) => requests.Happen()
        .Where(moment => moment.Before is not null && Revision(moment.Command) == "3")
        .All(moment => moment.Happened is null);

    [Property]
    public bool A_deleted_job_has_no_finalizers(Requests requests) => requests.Happen()
        .Where(moment => moment.After is { Deleted: true })
        .All(moment => moment.After!.Finalizers.Count == 0);

    [Fact]
    public void The_requests_lead_to_every_event_and_to_the_refusals_that_matter()
    {
        HashSet<string> missing =
            ["created", "patched", "replaced", "status", "deletion", "deleted", "nothing", "BadRequest", "FieldsFixed", "Invalid", "Stale"];
        foreach (Moment moment in RequestsArbitrary.Sequences().Generator.Until(50, () => missing.Count == 0)
            .SelectMany(requests => requests.Happen()))
            missing.Remove(DecisionText.Of(moment.Decision).Split(' ', '\n')[0]);
        Assert.Empty(missing);
    }

    /// <summary>
    /// The moments a job that was there already changed, a deletion at once apart: it changes nothing but that the job is gone.
    /// </summary>
    private static IEnumerable<Moment> Changes(Requests requests) =>
        requests.Happen().Where(moment => moment.Before is not null && moment.Happened is not null and not JobDeleted { Patch: null });

    private static JsonObject? Before(Moment moment) => moment.Happened switch
    {
        JobPatched patched => (JsonObject)MergePatch.Apply(moment.After!.Manifest, patched.Replaced),
        JobReplaced replaced => (JsonObject)MergePatch.Apply(moment.After!.Manifest, replaced.Replaced),
        JobDeleted { Replaced: { } replaced } => (JsonObject)MergePatch.Apply(moment.After!.Manifest, replaced),
        JobStatusUpdated updated => moment.After!.Manifest.WithOrWithout("status", updated.Replaced),
        _ => null,
    };

    private static JsonObject Fixed(Job job, bool deleting)
    {
        JsonObject metadata = job.Metadata.Without("labels").Without("annotations").Without("generation");
        JsonObject spec = Profile.Documented.Updatable.Paths.Aggregate(
            (JsonObject)job.Manifest["spec"]!, (rest, field) => rest.Without(field.Split('.')[1]));
        return job.Manifest.With("spec", spec).With("metadata", deleting ? metadata.Without("finalizers") : metadata);
    }

    private static string? Revision(JobCommand command) => command switch
    {
        PatchJob { Patch: SentPatch.Merge(var patch) } => Text(patch),
        PatchStatus { Patch: SentPatch.Merge(var patch) } => Text(patch),
        ReplaceJob replace => Text(replace.Manifest),
        ReplaceStatus replace => Text(replace.Manifest),
        DeleteJob delete => delete.ResourceVersion,
        _ => null,
    };

    private static string? Text(JsonObject manifest) => (manifest["metadata"]?.Member("resourceVersion") as JsonText)?.Value;

    private static ReplaceJob Current(ReplaceJob replace, Job job)
    {
        JsonValue revision = Ask.Shown(job)["metadata"]!.Member("resourceVersion")!;
        JsonObject metadata = ((JsonObject)replace.Manifest["metadata"]!).With("resourceVersion", revision);
        return replace with { Manifest = replace.Manifest.With("metadata", metadata) };
    }
}
