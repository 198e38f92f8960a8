using EventStore.Domain.Jobs;
using EventStore.Domain.Json;
using EventStore.Domain.Tests.Manifests;
using FsCheck;
using FsCheck.Fluent;

namespace EventStore.Domain.Tests.Jobs;

public enum Verb
{
    Create,
    Patch,
    Put,
    PatchStatus,
    PutStatus,
    Delete,
}

/// <summary>What somebody sends: values at paths, put upon nothing (a patch) or upon the job just read (a PUT).</summary>
/// <param name="Verb">What they do.</param>
/// <param name="Values">The values with their paths; null is written as null.</param>
/// <param name="Lock">Whether they name the current revision (true), another (false) or none.</param>
public sealed record Request(Verb Verb, IReadOnlyList<(string Path, JsonValue Value)> Values, bool? Lock)
{
    public override string ToString() => $"{Verb} lock={Lock} {string.Join(' ', Values.Select(value => $"{value.Path}={value.Value}"))}";

    /// <summary>The request as a command to a job.</summary>
    internal JobCommand To(Job? job)
    {
        JsonObject shown = job is null ? Given.Job() : Ask.Shown(job);
        string? revision = Lock is null ? null : Lock == true
            ? shown["metadata"]!.Member("resourceVersion") is JsonText text ? text.Value : "7" : "3";
        return Verb switch
        {
            Verb.Create => Ask.Create(Upon(Given.Job())),
            Verb.Patch => Ask.Patch(Locked(Upon(JsonObject.Empty), revision).ToString()),
            Verb.PatchStatus => Ask.PatchStatus(Locked(Upon(JsonObject.Empty), revision).ToString()),
            Verb.Put => Ask.PutExactly(Locked(Upon(shown), revision)),
            Verb.PutStatus => new ReplaceStatus(Ask.Key, default, new Origin("", [], "", "", ""), Locked(Upon(shown), revision)),
            _ => Ask.Delete(null, revision),
        };
    }

    private static JsonObject Locked(JsonObject body, string? revision) => revision is null
        ? body
        : body.With("metadata", (body["metadata"] as JsonObject ?? JsonObject.Empty).With("resourceVersion", revision));

    private JsonObject Upon(JsonObject body) =>
        (JsonObject)Values.Aggregate((JsonValue)body, (into, value) => Ask.Set(into, value.Path, value.Value.ToString()));
}

/// <summary>One moment of a job's life: the job, what was asked, what came of it.</summary>
public sealed record Moment(Job? Before, JobCommand Command, Decision Decision, Job? After)
{
    public JobEvent? Happened => (Decision as Decision.Accepted)?.Event;
}

/// <summary>Requests one after another to one key, valid ones and others; the first makes a job.</summary>
public sealed record Requests(IReadOnlyList<Request> All)
{
    public override string ToString() => string.Join('\n', All);

    /// <summary>What comes of them. A key whose job was deleted is free again.</summary>
    public IEnumerable<Moment> Happen()
    {
        Job? living = null;
        long revision = 1;
        foreach (Request request in All)
        {
            JobCommand command = request.To(living);
            Decision decision = JobDecider.Decide(living, command);
            Job? after = decision is Decision.Accepted(var happened) ? Job.Evolve(living, happened, revision += 7) : living;
            yield return new Moment(living, command, decision, after);
            living = after is { Deleted: true } ? null : after;
        }
    }
}

public static class RequestsArbitrary
{
    private static readonly (string Path, string Value)[] Allowed =
    [
        ("metadata.labels.a", "\"1\""), ("metadata.labels.a", "null"), ("metadata.labels.b", "\"\""), ("metadata.labels", "null"),
        ("metadata.labels", "{}"),
        ("metadata.labels", """{"a":"2","c":null}"""), ("metadata.annotations.n", "\"é 1.10\""), ("metadata.annotations.n", "null"),
        ("metadata.annotations", "null"),
        ("spec.activeDeadlineSeconds", "60"), ("spec.activeDeadlineSeconds", "9007199254740993"), ("spec.activeDeadlineSeconds", "null"),
        ("spec.ttlSecondsAfterFinished", "0"), ("spec.ttlSecondsAfterFinished", "1e2"), ("spec.ttlSecondsAfterFinished", "null"),
        ("spec.cleanPodPolicy", "\"All\""), ("spec.cleanPodPolicy", "\"\""), ("spec.cleanPodPolicy", "null"),
        ("status", "{}"), ("status", "null"), ("status.conditions", "null"), ("status.conditions", "[{}]"),
        ("status.replicaStatuses.Master", """{"active":1}"""),
        ("metadata.generation", "99"), ("metadata.creationTimestamp", "null"), ("metadata.selfLink", "\"/x\""),
        ("metadata.managedFields", "[{}]"), ("metadata.foo", "null"),
        ("spec.pytorchReplicaSpecs.Master.template.metadata", """{"creationTimestamp":null}"""), ("spec.runPolicy", "{}"),
        ("spec.pytorchReplicaSpecs.Worker.replicas", "1"),
    ];

    private static readonly (string Path, string Value)[] Finalizers =
        [.. new[] { "[]", "null", "[\"a/b\"]", "[\"a/b\",\"c/d\"]", "[\"c/d\"]", "[\"e/f\"]" }.Select(
            value => ("metadata.finalizers", value))];

    private static readonly (string Path, string Value)[] Refused =
    [
        ("spec.backoffLimit", "3"), ("spec.pytorchReplicaSpecs.Worker.replicas", "2"), ("spec.pytorchReplicaSpecs.Master", "null"),
        ("spec", "null"), ("foo", "1"),
        ("metadata.foo", "1"), ("metadata.generateName", "\"g-\""), ("metadata.deletionTimestamp", "\"2030-01-01T00:00:00Z\""),
        ("spec.cleanPodPolicy", "\"all\""),
        ("spec.cleanPodPolicy", "{}"), ("spec.activeDeadlineSeconds", "0"), ("spec.ttlSecondsAfterFinished", "1.5"),
        ("metadata.labels.a", "5"), ("metadata.labels.a", "\"!\""),
        ("metadata.labels", "[]"), ("metadata", "null"), ("metadata", "\"x\""), ("metadata.name", "\"other\""),
        ("metadata.uid", "\"other\""), ("kind", "null"), ("apiVersion", "5"),
        ("metadata.resourceVersion", "\"abc\""), ("metadata.resourceVersion", "null"), ("metadata.resourceVersion", "5"), ("status", "5"),
        ("metadata.ownerReferences", "[null]"),
    ];

    private static readonly Gen<(string, JsonValue)> Anything =
        from path in Gen.Elements(
            "metadata", "metadata.labels", "metadata.annotations", "metadata.finalizers", "spec", "spec.cleanPodPolicy", "status", "foo",
            "kind")
        from value in JsonArbitrary.Any().Generator
        select (path, value);

    private static readonly Gen<(string, JsonValue)> Value = Gen.Frequency(
        (12, Elements(Allowed)), (3, Elements(Finalizers)), (2, Elements(Refused)), (1, Anything));

    private static readonly Gen<Request> Later =
        from verb in Gen.Frequency(
            (6, Gen.Constant(Verb.Patch)), (4, Gen.Constant(Verb.Put)), (1, Gen.Constant(Verb.PatchStatus)),
            (1, Gen.Constant(Verb.PutStatus)),
            (1, Gen.Constant(Verb.Delete)), (1, Gen.Constant(Verb.Create)))
        from count in Gen.Choose(0, 3)
        from values in Value.ArrayOf(count)
        from given in Gen.Frequency((4, Gen.Constant((bool?)null)), (2, Gen.Constant((bool?)true)), (1, Gen.Constant((bool?)false)))
        select new Request(verb, values, verb == Verb.Create ? null : given);

    private static readonly Gen<Request> First =
        from count in Gen.Choose(0, 2)
        from values in Gen.Frequency((2, Elements(Allowed)), (3, Elements(Finalizers))).ArrayOf(count)
        select new Request(Verb.Create, values, null);

    public static Arbitrary<Requests> Sequences() => Arb.From(
        from count in Gen.Choose(1, 12)
        from first in First
        from later in Later.ArrayOf(count)
        select new Requests([first, .. later]),
        requests => requests.All.Skip(1).Select((_, at) => new Requests([.. requests.All.Where((_, other) => other != at + 1)])));

    private static Gen<(string, JsonValue)> Elements((string Path, string Value)[] values) =>
        Gen.Elements(values).Select(value => (value.Path, Given.Json(value.Value)));
}
