using EventStore.Domain.History;
using EventStore.Domain.Jobs;
using EventStore.Domain.Json;
using EventStore.Domain.Manifests;
using FsCheck.Xunit;

namespace EventStore.Domain.Tests.Jobs;

/// <summary>What holds for going back to any moment of any life, and for comparing any two of them.</summary>
[Properties(Arbitrary = [typeof(RevertProperties)], MaxTest = 200)]
public sealed class RollbackProperties
{
    [Property]
    public void The_five_go_back_exactly_and_nothing_else_moves(RevertProperties.Commands commands)
    {
        foreach ((Job past, Job now) in Pairs(commands))
        {
            Job after = RolledBack(now, past);
            Assert.Equal(Five(past), Five(after));
            Assert.Equal(Rest(now), Rest(after));
            bool specMoved = !now.Manifest["spec"]!.Equals(after.Manifest["spec"]);
            Assert.Equal(Generation(now) + (specMoved ? 1 : 0), Generation(after));
            Assert.Equal(ReferenceEquals(now, after), now.Manifest.Equals(after.Manifest));
            Assert.IsType<Decision.Unchanged>(JobDecider.Decide(after, Ask.RollBack(past)));
        }
    }

    [Property]
    public void What_is_not_restored_is_said(RevertProperties.Commands commands)
    {
        foreach ((Job past, Job now) in Pairs(commands))
        {
            Job after = RolledBack(now, past);
            IReadOnlyList<FieldPath> said = Rollback.NotRestored(past, after);
            Assert.Equal(said.Count == 0, Rest(past) == Rest(after));
            Assert.DoesNotContain(
                said, path => Profile.Documented.Updatable.Paths.Any(field => path.ToString().StartsWith(field, StringComparison.Ordinal)));
        }
    }

    [Property]
    public void The_patch_of_a_comparison_leads_from_one_to_the_other_or_says_where_it_does_not(RevertProperties.Commands commands)
    {
        Job[] all = [.. RevertProperties.Lives(commands).SelectMany(life => life.Select(step => step.After))];
        foreach ((Job from, Job to) in from one in all from other in all select (one, other))
        {
            Comparison comparison = Comparison.Of(from, to);
            var reached = (JsonObject)MergePatch.Apply(from.Manifest, comparison.Patch);
            Assert.Equal(comparison.BeyondPatch.Count == 0, reached.Equals(to.Manifest));
            Assert.Equal(Diff.ByForm(reached, to.Manifest).Select(change => change.Path), comparison.BeyondPatch);
            Assert.Equal(comparison.Changes.Count == 0, from.Manifest.Equals(to.Manifest));
        }
    }

    [Fact]
    public void The_lives_have_something_to_go_back_to_something_that_cannot_and_something_beyond_a_patch()
    {
        List<Predicate<(Job Past, Job Now)>> missing =
        [
            pair => !ReferenceEquals(RolledBack(pair.Now, pair.Past), pair.Now),
            pair => Rollback.NotRestored(pair.Past, RolledBack(pair.Now, pair.Past)).Any(path => path.FirstMember == "status"),
            pair => pair.Now.Deleting && !pair.Past.Deleting,
            pair => Comparison.Of(pair.Now, pair.Past).BeyondPatch.Count > 0,
            pair => Comparison.Of(pair.Now, pair.Past) is { BeyondPatch.Count: 0, Changes.Count: > 0 },
        ];
        foreach ((Job Past, Job Now) pair in RevertProperties.AnyCommands().Generator.Until(200, () => missing.Count == 0)
            .SelectMany(Pairs))
            missing.RemoveAll(wanted => wanted(pair));
        Assert.Empty(missing);
    }

    /// <summary>Each living job with every state of its own before.</summary>
    private static IEnumerable<(Job Past, Job Now)> Pairs(RevertProperties.Commands commands) =>
        from life in RevertProperties.Lives(commands)
        from at in Enumerable.Range(0, life.Count)
        from earlier in Enumerable.Range(0, at + 1)
        where !life[at].After.Deleted
        select (life[earlier].After, life[at].After);

    private static Job RolledBack(Job now, Job past) => JobDecider.Decide(now, Ask.RollBack(past)) switch
    {
        Decision.Accepted(JobRolledBack happened) => Job.Evolve(now, happened, now.Revision + 1),
        Decision.Unchanged => now,
        var other => throw new InvalidOperationException(DecisionText.Of(other)),
    };

    private static string Five(Job job) =>
        string.Join(' ', Profile.Documented.Updatable.Paths.Select(field => field.Split('.')).Select(path =>
            $"{path[1]}={job.Manifest[path[0]]!.Member(path[1])}"));

    private static string Rest(Job job)
    {
        JsonObject metadata = job.Metadata.Without("labels").Without("annotations").Without("generation");
        JsonObject spec = Profile.Documented.Updatable.Paths.Aggregate(
            (JsonObject)job.Manifest["spec"]!, (rest, field) => rest.Without(field.Split('.')[1]));
        return job.Manifest.With("metadata", metadata).With("spec", spec).ToString();
    }

    private static long Generation(Job job) =>
        job.Metadata["generation"] is JsonNumber number && number.TryGetInt64(out long value) ? value : 0;
}
