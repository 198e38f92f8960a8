using System.Text;
using EventStore.Domain.Jobs;
using EventStore.Domain.Json;
using EventStore.Domain.Manifests;
using EventStore.Server.Store.Format;
using EventStore.Server.Store.Lane;
using EventStore.Server.Store.Reads;
using EventStore.Server.Tests.Fixtures;
using Npgsql;

namespace EventStore.Server.Tests.Store;

/// <summary>
/// A log as years of use would leave it, written by the product's own lane: creations, patches, replacements, status with nulls in it,
/// deletions held by finalizers, names used again, numbers and texts that a careless format would change.
/// </summary>
internal sealed class RandomHistory
{
    private static readonly string[] Values =
    [
        "1.10", "9007199254740993", "-0.5", "1e2", "12345678901234567890.123456789", "null", "true", "[]", "{}", "[null,{\"a\":null}]",
        "\"\"", "\"\\u0001\\u2028 <b>&amp;</b> ü 漢 😀 \\\\ \\\" /\"", "{\"z\":1.10,\"aa\":2,\"b\":{\"é\":null}}",
    ];

    private readonly Random random;
    private readonly bool impersonates;
    private readonly Dictionary<JobKey, string> last = [];
    private readonly Dictionary<JobKey, string> earlier = [];
    private readonly Dictionary<JobKey, Job> gone = [];
    private int requests;

    private RandomHistory(int seed, bool impersonates) => (random, this.impersonates) = (new Random(seed), impersonates);

    /// <summary>Writes at least so many events about so many names. The same seed asks for the same things.</summary>
    public static async Task Write(NpgsqlDataSource database, int seed, int jobs, int events, bool impersonates = true)
    {
        var history = new RandomHistory(seed, impersonates);
        JobKey[] keys = [.. Enumerable.Range(0, jobs).Select(i => new JobKey(i % 3 == 0 ? "team" : $"team-{i % 7}", $"job-{i}"))];
        await using ListTransaction list = await new JobReads(database).BeginList(default);
        await foreach (StoredJob job in list.List(new JobRange(), list.Head, default))
            history.last[job.Key] = Encoding.UTF8.GetString(job.Utf8.Span);
        await using var lane = InProcess.Lane(database);
        int happened = 0;
        while (happened < events)
            happened += await history.Round(lane, keys);
    }

    /// <summary>Writes one job with so many events behind its creation: long enough for snapshots.</summary>
    public static async Task WriteLong(NpgsqlDataSource database, int events)
    {
        await using var lane = InProcess.Lane(database);
        Assert.IsType<Outcome.Done>(await lane.Execute(InProcess.Create("long")));
        for (int i = 0; i < events; i += 50)
            await Task.WhenAll(
                Enumerable.Range(i, Math.Min(50, events - i)).Select(n => lane.Execute(InProcess.Label("long", "n", $"{n}"))));
    }

    /// <summary>One command for every name, all at once; answers how many events came of it.</summary>
    private async Task<int> Round(CommitLane lane, JobKey[] keys)
    {
        JobCommand[] commands = [.. keys.Select(Next)];
        Outcome[] outcomes = await Task.WhenAll(commands.Select(command => lane.Execute(command, dryRun: false, 1000, default)));
        int happened = 0;
        for (int i = 0; i < keys.Length; i++)
        {
            if (outcomes[i] is Outcome.Done { Job: var job } done)
            {
                string text = Encoding.UTF8.GetString(done.Utf8);
                happened += last.GetValueOrDefault(keys[i]) == text ? 0 : 1;
                last[keys[i]] = text;
                if (job.Version == 1 || random.Next(8) == 0)
                    earlier[keys[i]] = text;
                if (job.Deleted)
                {
                    _ = last.Remove(keys[i]) && earlier.Remove(keys[i]);
                    gone[keys[i]] = job;
                }
            }
            else
            {
                Assert.IsType<Outcome.Refused>(outcomes[i]);
            }
        }

        return happened;
    }

    private JobCommand Next(JobKey key)
    {
        var origin = new Origin(
            Pick("alice", "bob", "system:serviceaccount:ü"), ["system:authenticated", Pick("a,b", "ops")], "tests/1.0", "::1",
            $"request-{++requests}")
        {
            Reason = impersonates && requests % 5 == 0 ? Pick("by mistake", "weil \"es\" 漢 😀 = so, ist") : null,
            ImpersonatedBy = impersonates && requests % 3 == 0
                ? new Impersonator(Pick("root", "wurzel-ü"), [Pick("a,\"b\"", "system:masters")]) : null,
        };
        DateTimeOffset time = DateTimeOffset.UnixEpoch.AddDays(20_000).AddSeconds(requests);
        if (!last.TryGetValue(key, out string? text))
            return impersonates && requests % 2 == 0 && gone.TryGetValue(key, out Job? past)
                ? new RestoreJob(key, time, origin, past, Guid.NewGuid())
                {
                    WithFinalizers = requests % 4 == 0,
                    WithStatus = requests % 3 == 0,
                }
                : new CreateJob(key, time, origin, NewManifest(key), Guid.NewGuid());
        var job = (JsonObject)Parse(text);
        bool deleting = job["metadata"]!.Member("deletionTimestamp") is not null;
        return random.Next(deleting ? 14 : 100) switch
        {
            < 4 when deleting => new PatchJob(key, time, origin, (JsonObject)Parse("""{"metadata":{"finalizers":null}}""")),
            < 8 => new DeleteJob(key, time, origin, null, null),
            < 25 => new ReplaceJob(key, time, origin, (JsonObject)MergePatch.Apply(job, Patch())),
            < 40 => new PatchStatus(
                key, time, origin, (JsonObject)Parse($$$$"""{"status":{"{{{{Pick("phase", "replicas", "é")}}}}":{{{{Pick(Values)}}}}}}""")),
            < 50 => new ReplaceStatus(
                key, time, origin, job.With("status", Parse($$$$"""{"conditions":null,"{{{{Pick("a", "b")}}}}":{{{{Pick(Values)}}}}}"""))),
            // The profile of applies keeps no null below spec, and a change of it cannot give one back.
            < 58 when impersonates && !job["spec"]!.ToString().Contains("null", StringComparison.Ordinal) => Apply(key, time, origin),
            < 65 when earlier.TryGetValue(key, out string? then) => RollBack(key, time, origin, Encoding.UTF8.GetBytes(then)),
            _ => new PatchJob(key, time, origin, Patch()),
        };
    }

    private ApplyJob Apply(JobKey key, DateTimeOffset time, Origin origin)
    {
        if (random.Next(4) == 0)
        {
            var status = (JsonObject)Parse($$$$"""
                {"apiVersion":"kubeflow.org/v1","kind":"PyTorchJob","metadata":{"name":"{{{{key.Name}}}}","namespace":"{{{{key.Namespace}}}}"},
                "status":{"startTime":"2026-11-0{{{{random.Next(1, 9)}}}}T08:00:00Z"}}
                """);
            return new ApplyJob(key, time, origin, status, Force: true, Guid.NewGuid())
            {
                Profile = Profile.Kubeflow,
                Manager = "operator",
                OfStatus = true,
            };
        }

        var configuration = (JsonObject)Parse($$$$"""
            {"apiVersion":"kubeflow.org/v1","kind":"PyTorchJob","metadata":{"name":"{{{{key.Name}}}}","namespace":"{{{{key.Namespace}}}}",
            "labels":{"l{{{{random.Next(5)}}}}":"v{{{{random.Next(5)}}}}"}},"spec":{"ttlSecondsAfterFinished":{{{{Pick("0", "2147483647")}}}}}}
            """);
        return new ApplyJob(key, time, origin, configuration, Force: true, Guid.NewGuid())
        {
            Profile = Profile.Kubeflow,
            Manager = Pick("helm", "flux"),
        };
    }

    private static RollBackJob RollBack(JobKey key, DateTimeOffset time, Origin origin, byte[] then)
    {
        JsonValue metadata = JsonReading.Parse(then).Member("metadata")!;
        long revision = long.Parse(((JsonText)metadata.Member("resourceVersion")!).Value);
        return new RollBackJob(
            key, time, origin, revision, JobText.Read(then, Guid.Parse(((JsonText)metadata.Member("uid")!).Value), 1, revision, false),
            null);
    }

    private JsonObject NewManifest(JobKey key) => (JsonObject)Parse(Sample.Manifest(
        key.Name,
        $$$$"""{"app":"{{{{Pick("a", "b")}}}}"}""",
        metadata: random.Next(3) == 0 ? ""","finalizers":["example.com/hold"]""" : string.Empty,
        spec: $$$$""","anything":{{{{Pick(Values.Where(value => value != "1e2").ToArray())}}}}"""
            + $$""","activeDeadlineSeconds":{{random.Next(1, 9)}}"""));

    private JsonObject Patch() => (JsonObject)Parse(random.Next(6) switch
    {
        0 => $$$$"""{"metadata":{"labels":{"l{{{{random.Next(5)}}}}":"v{{{{random.Next(5)}}}}"}}}""",
        1 => """{"metadata":{"labels":null}}""",
        2 =>
            $$$$"""{"metadata":{"annotations":{"example.com/a{{{{random.Next(5)}}}}":{{{{Pick("null", "\"\"", "\"1.10\"", Values[^2])}}}}}}}""",
        3 => $$$$"""{"spec":{"ttlSecondsAfterFinished":{{{{Pick("null", "0", "2147483647")}}}}}}""",
        4 => $$$$"""{"spec":{"activeDeadlineSeconds":{{{{Pick("null", "1", "9007199254740993")}}}}}}""",
        _ => $$$$"""{"spec":{"cleanPodPolicy":{{{{Pick("null", "\"All\"", "\"None\"", "\"\"")}}}}}}""",
    });

    private T Pick<T>(params T[] all) => all[random.Next(all.Length)];

    private static JsonValue Parse(string json) => JsonReading.Parse(Encoding.UTF8.GetBytes(json));
}
