using EventStore.Domain.Jobs;
using EventStore.Domain.Json;
using EventStore.Domain.Manifests;
using EventStore.Domain.Tests.Manifests;
using FsCheck;
using FsCheck.Fluent;
using FsCheck.Xunit;

namespace EventStore.Domain.Tests.Jobs;

/// <summary>
/// Reading the past rests on this: a job goes back through the values its events replaced exactly the way it came, whatever was done to it.
/// </summary>
[Properties(Arbitrary = [typeof(RevertProperties)], MaxTest = 500)]
public sealed class RevertProperties
{
    private static readonly JobKey Key = new("kube-test", "pytorch-test");
    private static readonly Origin Somebody = new("somebody", [], "", "", "");

    private static readonly Job Nobody = new(Key, Guid.Empty, JsonObject.Of(("metadata", JsonObject.Empty)), 1, 1, false);

    private static readonly string[] Labels = ["null", "{}", """{"a":null}""", """{"a":"1"}""", """{"a":"2","b":"x"}""", """{"b":""}"""];
    private static readonly string[] Deadlines = ["null", "1", "3600", "9223372036854775807"];
    private static readonly string[] Policies = ["null", "\"\"", "\"All\"", "\"None\""];

    private static readonly string[] Statuses =
    [
        "null", "{}", """{"conditions":null}""", """{"conditions":[]}""", """{"conditions":[{"type":"Running"}],"startTime":null}""",
        """{"conditions":[{"type":"Created"},{"type":"Failed"}],"replicaStatuses":{"Master":{"active":1},"Worker":{}}}""",
    ];

    private static readonly string[] Finalizers =
        ["null", "[]", """["example.com/a"]""", """["example.com/b"]""", """["example.com/a","example.com/b"]"""];

    /// <summary>One command after another, some of them nonsense for the job they meet.</summary>
    public static Arbitrary<Commands> AnyCommands() => Arb.From(
        Command().ListOf().Resize(14).Select(commands => new Commands([.. commands])),
        commands => commands.Items.Select((_, at) => new Commands([.. commands.Items.Where((_, other) => other != at)])));

    [Property]
    public void Each_event_is_undone_exactly(Commands commands)
    {
        foreach (IReadOnlyList<(JobEvent Happened, Job After)> life in Lives(commands))
        {
            Assert.Null(life[0].After.Revert(life[0].Happened, 0));
            for (int i = 1; i < life.Count; i++)
            {
                Job before = life[i].After.Revert(life[i].Happened, life[i - 1].After.Revision)!;
                Same(life[i - 1].After, before);
            }
        }
    }

    [Property]
    public void A_job_goes_back_its_whole_life_and_forward_again(Commands commands)
    {
        foreach (IReadOnlyList<(JobEvent Happened, Job After)> life in Lives(commands))
        {
            Job job = life[^1].After;
            for (int i = life.Count - 1; i > 0; i--)
                job = job.Revert(life[i].Happened, life[i - 1].After.Revision)!;
            Same(life[0].After, job);
            for (int i = 1; i < life.Count; i++)
                job = Job.Evolve(job, life[i].Happened, life[i].After.Revision);
            Same(life[^1].After, job);
        }
    }

    [Fact]
    public void The_commands_lead_to_every_kind_of_event()
    {
        HashSet<Type> missing = [.. typeof(JobEvent).Assembly.GetTypes().Where(
            type => type.IsSubclassOf(typeof(JobEvent)) && !type.IsAbstract && type != typeof(JobEventUnknown))];
        foreach ((JobEvent happened, _) in AnyCommands().Generator.Until(300, () => missing.Count == 0).SelectMany(Lives)
            .SelectMany(life => life))
            missing.Remove(happened.GetType());
        Assert.Empty(missing);
    }

    /// <summary>The incarnations the commands lead to, each with its events and the job after them.</summary>
    internal static List<IReadOnlyList<(JobEvent Happened, Job After)>> Lives(Commands commands)
    {
        var lives = new List<IReadOnlyList<(JobEvent, Job)>>();
        List<(JobEvent, Job)> life = [];
        Job? job = null;
        long revision = 1;
        foreach (Func<Job?, JobCommand> ask in commands.Items)
        {
            JobCommand command = ask(job);
            if (command is RollBackJob back) // only here is it known where to
                command = back with { Past = life.Count == 0 ? null : life[(int)back.Revision % life.Count].Item2 };
            if (command is RestoreJob)
                command = lives.Count == 0 ? command with { Key = new JobKey("kube-test", "") }
                    : (RestoreJob)command with { Past = lives[^1][lives[^1].Count / 2].Item2 };
            if (JobDecider.Decide(job, command) is not Decision.Accepted(var happened))
                continue;
            job = Job.Evolve(job, happened, revision += 3);
            life.Add((happened, job));
            if (!job.Deleted)
                continue;
            lives.Add(life);
            (job, life) = (null, []);
        }

        if (life.Count > 0)
            lives.Add(life);
        return lives;
    }

    private static void Same(Job expected, Job actual)
    {
        Assert.Equal(expected.Manifest.ToString(), actual.Manifest.ToString());
        Assert.Equal(expected with { Manifest = actual.Manifest }, actual);
    }

    private static Gen<Func<Job?, JobCommand>> Command() => Gen.Frequency(
        (3, from labels in Gen.Elements(Labels)
            from finalizers in Gen.Elements(Finalizers)
            from deadline in Gen.Elements(Deadlines)
            select Ask(_ => new CreateJob(
                Key, DateTimeOffset.UnixEpoch, Somebody, Manifest(labels, labels, finalizers, deadline, "null"), Guid.NewGuid()))),
        (4, from patch in Patch()
            select Ask(_ => new PatchJob(Key, DateTimeOffset.UnixEpoch, Somebody, patch))),
        (2, from patch in Patch()
            select Ask(job => new ReplaceJob(Key, DateTimeOffset.UnixEpoch, Somebody, Replacement(job, patch)))),
        (2, from status in Gen.Elements(Statuses)
            select Ask(_ => new PatchStatus(Key, DateTimeOffset.UnixEpoch, Somebody, Given.Object($$"""{"status":{{status}}}""")))),
        (3, from status in Gen.Elements(Statuses)
            select Ask(job => new ReplaceStatus(
                Key, DateTimeOffset.UnixEpoch, Somebody, Replacement(job, JsonObject.Empty).With("status", Given.Json(status))))),
        (2, from patch in Patch()
            from status in Gen.Elements(Statuses)
            from ofStatus in Gen.Elements(true, false)
            from manager in Gen.Elements("one", "two")
            select Ask(_ => new ApplyJob(Key, DateTimeOffset.UnixEpoch, Somebody, Configuration(patch, status), true, Guid.NewGuid())
            {
                OfStatus = ofStatus,
                Manager = manager,
                Profile = Profile.Kubeflow,
            })),
        (2, from moment in Gen.Choose(0, 20)
            select Ask(_ => new RollBackJob(Key, DateTimeOffset.UnixEpoch, Somebody, moment, null, null))),
        (2, from with in Gen.Choose(0, 3)
            select Ask(_ => new RestoreJob(Key, DateTimeOffset.UnixEpoch, Somebody, Nobody, Guid.NewGuid())
            {
                WithStatus = (with & 1) == 1,
                WithFinalizers = (with & 2) == 2,
            })),
        (2, Gen.Constant(Ask(_ => new DeleteJob(Key, DateTimeOffset.UnixEpoch, Somebody, null, null)))));

    private static Gen<JsonObject> Patch() =>
        from labels in Gen.Elements(Labels)
        from annotations in Gen.Elements(Labels)
        from finalizers in Gen.Elements(Finalizers)
        from deadline in Gen.Elements(Deadlines)
        from policy in Gen.Elements(Policies)
        from named in Gen.Choose(1, 31)
        select JsonObject.Of(
            ("metadata", Some(
                (named & 1, "labels", labels), (named & 2, "annotations", annotations), (named & 4, "finalizers", finalizers))),
            ("spec", Some((named & 8, "activeDeadlineSeconds", deadline), (named & 16, "cleanPodPolicy", policy))));

    private static JsonObject Some(params IEnumerable<(int Named, string Name, string Value)> members) =>
        members.Where(member => member.Named != 0)
            .Aggregate(JsonObject.Empty, (all, member) => all.With(member.Name, Given.Json(member.Value)));

    private static JsonObject Manifest(string labels, string annotations, string finalizers, string deadline, string policy)
    {
        JsonObject job = Given.Job();
        JsonObject metadata = ((JsonObject)job["metadata"]!).With("labels", Given.Json(labels)).With("annotations", Given.Json(annotations))
            .With("finalizers", Given.Json(finalizers));
        JsonObject spec = ((JsonObject)job["spec"]!).With("activeDeadlineSeconds", Given.Json(deadline))
            .With("cleanPodPolicy", Given.Json(policy));
        return job.With("metadata", metadata).With("spec", spec);
    }

    private static JsonObject Configuration(JsonObject fields, string status) => ((JsonObject)MergePatch.Apply(
        Given.Object("""{"apiVersion":"kubeflow.org/v1","kind":"PyTorchJob","metadata":{"name":"pytorch-test"}}"""),
        fields)).With("status", Given.Json(status));

    /// <summary>What a client would PUT that read the job and merged a change into it.</summary>
    private static JsonObject Replacement(Job? job, JsonObject change)
    {
        JsonObject manifest = job?.Manifest ?? Given.Job();
        var changed = (JsonObject)MergePatch.Apply(manifest, change);
        return changed.With("metadata", ((JsonObject)changed["metadata"]!).With("resourceVersion", (job?.Revision ?? 1).ToString()));
    }

    private static Func<Job?, JobCommand> Ask(Func<Job?, JobCommand> ask) => ask;

    /// <summary>Commands, each made for the job it meets.</summary>
    public sealed record Commands(IReadOnlyList<Func<Job?, JobCommand>> Items);
}
