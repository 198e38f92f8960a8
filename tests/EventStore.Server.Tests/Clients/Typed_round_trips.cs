using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using EventStore.Server.Tests.Fixtures;
using k8s;
using k8s.Models;

namespace EventStore.Server.Tests.Clients;

/// <summary>
/// A typed client reads a job into its own types and puts back what they print: quantities in their canonical form, and without what
/// is empty. Whatever the job is, adding a label so is no change but the label's.
/// </summary>
[Trait("Category", "Slow")]
public sealed class Typed_round_trips(ServedDatabase served) : IClassFixture<ServedDatabase>
{
    private const int JobsEach = 40;

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public async Task With_a_label_more_change_one_path_by_one_event(int seed)
    {
        var random = new Random(seed);
        for (int i = 0; i < JobsEach; i++)
        {
            string name = $"typed-{seed}-{i}", sent = RandomJob(random, name).ToJsonString();
            using (HttpResponseMessage created = await served.Server.Admin.PostAsync(
                Sample.Jobs() + "?fieldValidation=Ignore", Sample.Body(sent)))
                await created.Manifest(201);
            TypedJob job = KubernetesJson.Deserialize<TypedJob>(await served.Server.Admin.GetStringAsync(Sample.Job(name)));
            job.Metadata.Labels =
                new Dictionary<string, string>(job.Metadata.Labels ?? new Dictionary<string, string>()) { ["added"] = "yes" };
            string typed = KubernetesJson.Serialize(job);

            using HttpResponseMessage put = await served.Server.Admin.PutAsync(Sample.Job(name), Sample.Body(typed));
            string text = await put.Content.ReadAsStringAsync();

            Assert.True((int)put.StatusCode == 200, $"{text}\nsent:  {sent}\ntyped: {typed}");
            Assert.Equal("yes", (string?)JsonNode.Parse(text)!["metadata"]!["labels"]!["added"]);
            Assert.Equal(2, await served.Events(name));
            Assert.Equal("""["metadata.labels.added"]""", await served.Database.Ask<string>($"""
                SELECT (e.data -> 'paths')::text FROM eventstore.mt_events e JOIN eventstore.mt_doc_current_job j ON j.id = e.stream_id
                 WHERE j.name = '{name}' AND e.version = 2
                """));
        }
    }

    private static JsonObject RandomJob(Random random, string name)
    {
        var spec = new JsonObject { ["pytorchReplicaSpecs"] = Replicas(random) };
        Perhaps(random, spec, "cleanPodPolicy", () => "Running");
        Perhaps(random, spec, "ttlSecondsAfterFinished", () => random.Next(0, 100));
        Perhaps(random, spec, "activeDeadlineSeconds", () => random.Next(1, 100));
        Perhaps(random, spec, "backoffLimit", () => random.Next(0, 5));
        Perhaps(random, spec, "nprocPerNode", () => "auto");
        Perhaps(
            random, spec, "runPolicy",
            () => new JsonObject { ["cleanPodPolicy"] = "None", ["suspend"] = random.Next(2) == 0, ["backoffLimit"] = 3 });
        if (spec["pytorchReplicaSpecs"]!["Worker"] is not null)
            Perhaps(
                random, spec, "elasticPolicy", () => new JsonObject { ["minReplicas"] = 1, ["maxReplicas"] = 3, ["rdzvBackend"] = "c10d" });
        return new JsonObject
        {
            ["apiVersion"] = "kubeflow.org/v1",
            ["kind"] = "PyTorchJob",
            ["metadata"] = new JsonObject { ["name"] = name, ["labels"] = new JsonObject { ["app"] = "test" } },
            ["spec"] = spec,
        };
    }

    private static JsonObject Replicas(Random random)
    {
        var replicas = new JsonObject { ["Master"] = Replica(random, 1) };
        Perhaps(random, replicas, "Worker", () => Replica(random, random.Next(1, 4)));
        return replicas;
    }

    private static JsonObject Replica(Random random, int count)
    {
        var replica = new JsonObject { ["replicas"] = count, ["template"] = new JsonObject { ["spec"] = Pod(random) } };
        Perhaps(random, replica, "restartPolicy", () => One(random, "Never", "OnFailure", "ExitCode"));
        Perhaps(random, (JsonObject)replica["template"]!, "metadata", () => new JsonObject
        {
            ["creationTimestamp"] = null,
            ["annotations"] = new JsonObject { ["sidecar.istio.io/inject"] = "false" },
            ["labels"] = new JsonObject(),
        });
        return replica;
    }

    private static JsonObject Pod(Random random)
    {
        var container = new JsonObject { ["image"] = "pytorch:v1", ["name"] = "pytorch" };
        Perhaps(random, container, "args", () => new JsonArray("--backend", "gloo"));
        Perhaps(random, container, "command", () => new JsonArray());
        Perhaps(random, container, "workingDir", () => "");
        Perhaps(random, container, "env", () => new JsonArray(
            new JsonObject { ["name"] = "A", ["value"] = One(random, "", "1", "1.0") },
            new JsonObject
            {
                ["name"] = "B",
                ["valueFrom"] = new JsonObject { ["fieldRef"] = new JsonObject { ["fieldPath"] = "metadata.name" } },
            }));
        Perhaps(
            random, container, "resources", () => new JsonObject { ["limits"] = Quantities(random), ["requests"] = Quantities(random) });
        Perhaps(random, container, "ports", () => new JsonArray(
            new JsonObject { ["containerPort"] = 23456, ["name"] = "pytorchjob-port", ["protocol"] = "TCP" }));
        Perhaps(random, container, "livenessProbe", () => new JsonObject
        {
            ["httpGet"] = new JsonObject { ["path"] = "/", ["port"] = random.Next(2) == 0 ? 8080 : "http" },
            ["initialDelaySeconds"] = random.Next(0, 3),
        });
        Perhaps(random, container, "securityContext", () => new JsonObject
        {
            ["privileged"] = false,
            ["runAsUser"] = 0,
            ["capabilities"] = new JsonObject { ["add"] = new JsonArray("IPC_LOCK") },
        });
        Perhaps(random, container, "volumeMounts", () => new JsonArray(
            new JsonObject { ["mountPath"] = "/data", ["name"] = "data", ["readOnly"] = false }));
        Perhaps(random, container, "tty", () => random.Next(2) == 0);
        var pod = new JsonObject { ["containers"] = new JsonArray(container) };
        Perhaps(random, pod, "volumes", () => new JsonArray(
            new JsonObject { ["name"] = "data", ["emptyDir"] = new JsonObject { ["medium"] = "Memory", ["sizeLimit"] = Quantity(random) } },
            new JsonObject { ["name"] = "empty", ["emptyDir"] = new JsonObject() },
            new JsonObject
            {
                ["name"] = "claim",
                ["persistentVolumeClaim"] = new JsonObject { ["claimName"] = "c", ["readOnly"] = false },
            }));
        Perhaps(random, pod, "hostNetwork", () => random.Next(2) == 0);
        Perhaps(random, pod, "nodeSelector", () => new JsonObject());
        Perhaps(random, pod, "tolerations", () => new JsonArray(
            new JsonObject { ["key"] = "gpu", ["operator"] = "Exists", ["tolerationSeconds"] = 0 }));
        Perhaps(random, pod, "imagePullSecrets", () => new JsonArray(new JsonObject { ["name"] = "secret" }));
        Perhaps(random, pod, "terminationGracePeriodSeconds", () => random.Next(0, 60));
        Perhaps(random, pod, "restartPolicy", () => "Never");
        Perhaps(random, pod, "securityContext", () => new JsonObject());
        Perhaps(random, pod, "priority", () => 0);
        return pod;
    }

    private static JsonObject Quantities(Random random) =>
        new() { ["cpu"] = Quantity(random), ["memory"] = Quantity(random), ["nvidia.com/gpu"] = random.Next(0, 9) };

    private static JsonNode Quantity(Random random) => random.Next(8) switch
    {
        0 => random.Next(0, 5000),
        1 => 0.5,
        2 => $"{random.Next(0, 5000)}m",
        3 => $"{random.Next(0, 5000)}Mi",
        4 => $"{random.Next(0, 3) * 1024}Ki",
        5 => $"{random.Next(1, 9)}e3",
        6 => $"{random.Next(0, 9)}.{random.Next(0, 100)}",
        _ => $"{random.Next(0, 50)}G",
    };

    private static string One(Random random, params string[] among) => among[random.Next(among.Length)];

    private static void Perhaps(Random random, JsonObject into, string name, Func<JsonNode> value)
    {
        if (random.Next(2) == 0)
            into[name] = value();
    }

    private sealed class TypedJob : IKubernetesObject<V1ObjectMeta>
    {
        [JsonPropertyName("apiVersion")]
        public string ApiVersion { get; set; } = "";

        [JsonPropertyName("kind")]
        public string Kind { get; set; } = "";

        [JsonPropertyName("metadata")]
        public V1ObjectMeta Metadata { get; set; } = new();

        [JsonPropertyName("spec")]
        public TypedSpec Spec { get; set; } = new();
    }

    private sealed class TypedSpec
    {
        [JsonPropertyName("pytorchReplicaSpecs")]
        public Dictionary<string, TypedReplica> Replicas { get; set; } = [];

        [JsonExtensionData]
        public Dictionary<string, JsonElement> Others { get; set; } = [];
    }

    private sealed class TypedReplica
    {
        [JsonPropertyName("replicas")]
        public int? Count { get; set; }

        [JsonPropertyName("restartPolicy")]
        public string? RestartPolicy { get; set; }

        [JsonPropertyName("template")]
        public V1PodTemplateSpec Template { get; set; } = new();
    }
}
