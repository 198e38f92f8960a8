using EventStore.Domain.Apply;
using EventStore.Domain.Jobs;
using EventStore.Domain.Json;
using EventStore.Domain.Tests.Jobs;
using EventStore.Domain.Tests.Manifests;
using FsCheck;
using FsCheck.Fluent;
using FsCheck.Xunit;

namespace EventStore.Domain.Tests.Apply;

/// <summary>A configuration: some of the fields below, each with one of two values.</summary>
public sealed record Configuration(IReadOnlyDictionary<int, int> Values)
{
    public const int Fields = 12;

    public override string ToString() => ToJson().ToString();

    internal JsonObject ToJson()
    {
        string[] env = [.. Set(0, 1).Select(field => $$"""{"name":"E{{field}}","value":"{{Values[field]}}"}""")];
        string container = string.Concat(
            env.Length == 0 ? "" : $",\"env\":[{string.Join(',', env)}]",
            Values.TryGetValue(2, out int arg) ? $",\"args\":[\"{arg}\"]" : "",
            Values.TryGetValue(3, out int port) ? $$""","ports":[{"containerPort":80,"name":"p{{port}}","protocol":"TCP"}]""" : "");
        string[] containers =
        [
            .. container.Length == 0 ? (string[])[] : [$$"""{"name":"pytorch"{{container}}}"""],
            .. Set(4).Select(field => $$"""{"name":"side","image":"v{{Values[field]}}"}"""),
        ];
        string[] pod =
        [
            .. containers.Length == 0 ? (string[])[] : [$"\"containers\":[{string.Join(',', containers)}]"],
            .. Set(5).Select(field => "\"nodeSelector\":{\"zone\":\"" + Values[field] + "\"}"),
        ];
        string[] worker =
        [
            .. pod.Length == 0 ? (string[])[] : ["\"template\":{\"spec\":{" + string.Join(',', pod) + "}}"],
            .. Set(6).Select(field => $"\"replicas\":{Values[field] + 2}"),
        ];
        string policy = string.Join(
            ',', Set(7, 8).Select(field => $"\"{(field == 7 ? "ttlSecondsAfterFinished" : "backoffLimit")}\":{Values[field]}"));
        string labels = string.Join(',', Set(9, 10).Select(field => $"\"l{field}\":\"{Values[field]}\""));
        string finalizers = string.Join(',', Set(11).Select(field => $"\"example.com/f{Values[field]}\""));
        return Given.Object(
            "{\"apiVersion\":\"kubeflow.org/v1\",\"kind\":\"PyTorchJob\",\"metadata\":{\"name\":\"pytorch-test\""
            + (labels.Length == 0 ? "" : $",\"labels\":{{{labels}}}") + (finalizers.Length == 0 ? "" : $",\"finalizers\":[{finalizers}]")
            + "},\"spec\":{"
            + string.Join(',', (string[])[.. worker.Length == 0 ? (string[])[]
                : ["\"pytorchReplicaSpecs\":{\"Worker\":{" + string.Join(',', worker) + "}}"],
                .. policy.Length == 0 ? (string[])[] : [$"\"runPolicy\":{{{policy}}}"]]) + "}}");
    }

    private IEnumerable<int> Set(params int[] fields) => fields.Where(Values.ContainsKey);
}

public static class Configurations
{
    public static Arbitrary<Configuration> All() => Arb.From(
        from fields in Gen.Frequency((6, Gen.Constant(0)), (2, Gen.Constant(1)), (1, Gen.Constant(2))).ArrayOf(Configuration.Fields)
        select new Configuration(fields.Select((value, field) => (value, field)).Where(each => each.value > 0).ToDictionary(
            each => each.field, each => each.value)),
        config => config.Values.Keys.Select(left => new Configuration(config.Values.Where(each => each.Key != left).ToDictionary())));
}

/// <summary>What holds for whatever is applied.</summary>
[Properties(Arbitrary = [typeof(Configurations)], MaxTest = 100)]
public sealed class ApplyProperties
{
    private static readonly Job Made = Applying.Made("""{"spec":{"runPolicy":{"suspend":false}}}""").Job!;

    [Property]
    public bool Applying_twice_is_applying_once(Configuration mine, Configuration others)
    {
        Job once = Apply(Apply(Made, "other", others), "me", mine);
        return JobDecider.Decide(once, Applying.By("me", mine.ToJson())) is Decision.Unchanged;
    }

    [Property]
    public bool Nothing_goes_that_is_named_again(Configuration others, Configuration before, Configuration mine)
    {
        var all = new Configuration(before.Values.Concat(mine.Values).DistinctBy(each => each.Key).ToDictionary());
        Job job = Apply(Apply(Made, "other", others), "me", before);
        JsonObject merged = TypedFields.Merge(job.Manifest, all.ToJson());
        return job.Owners.Pruned(merged, new FieldOwner(FieldOwner.Apply, string.Empty, "me"), TypedFields.Of(all.ToJson())).Equals(merged);
    }

    [Property]
    public bool What_nobody_else_owns_and_I_drop_goes(Configuration first, Configuration then)
    {
        Job after = Apply(Apply(Made, "me", first), "me", then);
        JsonObject made = FieldSet.Union(TypedFields.Of(Made.Manifest), TypedFields.Of(then.ToJson()));
        JsonObject left = FieldSet.Difference(TypedFields.Of(after.Manifest), made);
        return FieldSet.Intersection(left, TypedFields.Of(first.ToJson())).Count == 0;
    }

    [Property]
    public bool Force_never_touches_what_I_do_not_name(Configuration others, Configuration before, Configuration mine)
    {
        Job job = Apply(Apply(Made, "other", others), "me", before);
        Job after = Apply(job, "me", mine);
        FieldComparison changed = FieldComparison.Of(job.Manifest, after.Manifest);
        JsonObject named = FieldSet.WithDeclared(FieldSet.Union(
            FieldSet.Union(TypedFields.Of(mine.ToJson()), TypedFields.Of(before.ToJson())), FieldSet.Of("metadata", "generation")));
        return FieldSet.Difference(FieldSet.Union(changed.Set, changed.Removed), named).Count == 0;
    }

    [Property]
    public bool Two_managers_in_any_order_give_the_same_job_where_they_do_not_conflict(Configuration one, Configuration two)
    {
        Job? oneFirst = Try(Try(Made, "one", one), "two", two);
        Job? twoFirst = Try(Try(Made, "two", two), "one", one);
        if (oneFirst is null || twoFirst is null)
            return true;
        FieldComparison differ = FieldComparison.Of(oneFirst.Manifest, twoFirst.Manifest);
        return FieldSet.Difference(FieldSet.Union(differ.Set, differ.Removed), FieldSet.Of("metadata", "generation")).Count == 0;
    }

    [Property]
    public bool Without_force_nobody_loses_a_value(Configuration one, Configuration two) =>
        Try(Made, "one", one) is not { } job || Try(job, "two", two) is not { } after
        || FieldComparison.Of(job.Manifest, after.Manifest) is var changed
            && FieldSet.Intersection(changed.Removed, TypedFields.Of(one.ToJson())).Count == 0
            && FieldSet.Intersection(changed.Modified, TypedFields.Of(one.ToJson())).Count == 0;

    [Property]
    public bool Owners_own_what_is_there_and_read_back_as_they_were(Configuration one, Configuration two, Configuration patch)
    {
        Job job = Apply(Apply(Made, "one", one), "two", two);
        job = Happen(job, Applying.Under(Ask.Patch(patch.ToJson().ToString()), "patcher")) ?? job;
        JsonObject there = FieldComparison.Of(JsonObject.Empty, job.Manifest).Added;
        return job.Owners.State.Members.ToArray().All(entry => FieldSet.Difference((JsonObject)entry.Value.Member("f")!, there).Count == 0)
            && ManagedFields.Read(ManagedFields.Of(job.Owners))!.Equals(job.Owners);
    }

    [Property]
    public bool An_event_takes_back_the_owners_it_changed(Configuration one, Configuration two, Configuration patch)
    {
        Job job = Made;
        foreach (JobCommand command in (JobCommand[])[Applying.By("one", one.ToJson(), true), Applying.By("two", two.ToJson(), true),
            Applying.Under(Ask.Patch(patch.ToJson().ToString()), "patcher"), Applying.Under(
                Ask.Patch("""{"metadata":{"managedFields":[{}]}}"""), "patcher"),
            Applying.By("one", one.ToJson(), true)])
        {
            if (JobDecider.Decide(job, command) is not Decision.Accepted(var happened))
                continue;
            Job after = Job.Evolve(job, happened, job.Revision + 1);
            if (!after.Revert(happened, job.Revision)!.Equals(job))
                return false;
            job = after;
        }

        return true;
    }

    [Fact]
    public void The_configurations_conflict_and_do_not()
    {
        Job?[] jobs = [.. Configurations.All().Generator.Sample(300, 20).Chunk(2).Select(pair => Try(
            Try(Made, "one", pair[0]), "two", pair[1]))];
        Assert.Contains(jobs, job => job is null);
        Assert.Contains(jobs, job => job is not null);
    }

    private static Job Apply(Job job, string manager, Configuration configuration) =>
        Happen(job, Applying.By(manager, configuration.ToJson(), force: true)) ?? job;

    private static Job? Try(Job? job, string manager, Configuration configuration) => job is null ? null
        : JobDecider.Decide(job, Applying.By(manager, configuration.ToJson())) switch
        {
            Decision.Accepted(var happened) => Job.Evolve(job, happened, job.Revision + 1),
            Decision.Unchanged => job,
            _ => null,
        };

    private static Job? Happen(Job job, JobCommand command) =>
        JobDecider.Decide(job, command) is Decision.Accepted(var happened) ? Job.Evolve(job, happened, job.Revision + 1) : null;
}
