using System.Net;
using System.Text.Json.Nodes;
using EventStore.Server.Tests.Fixtures;

namespace EventStore.Server.Tests.Operators;

/// <summary>
/// The requests that the training operator 1.9, Kueue, controller-runtime and a HorizontalPodAutoscaler send in the kubeflow profile: each
/// that changes something is one event, each that changes nothing is none.
/// </summary>
[Trait("Category", "Slow")]
public sealed class An_operators_day : IAsyncLifetime
{
    private const string Operator = "training-operator", Queue = "kueue-controller-manager";
    private TestDatabase database = null!;
    private ServerProcess server = null!;
    private long events;

    public async Task InitializeAsync()
    {
        database = await TestDatabase.Create();
        server = await ServerProcess.Start(database.Serving, "--profile", "kubeflow");
    }

    public async Task DisposeAsync()
    {
        await server.DisposeAsync();
        await database.DisposeAsync();
    }

    /// <summary>
    /// The operator decodes a job into Go's types, sets defaults in its memory and sends the whole of it to the status: with its defaults,
    /// with <c>creationTimestamp: null</c> in each template, and with the uid that some of its releases clear.
    /// </summary>
    [Fact]
    public async Task The_operators_status_changes_the_status_and_nothing_else()
    {
        JsonNode created = await Happens(
            "job_created", await server.Admin.PostAsync(Sample.Jobs(), Sample.Body(Sample.Manifest("mnist"))), 201);
        JsonNode sent = WithDefaults(created);
        sent["metadata"]!["uid"] = "";
        sent["status"] = Status("Created");
        JsonNode updated = await Happens("job_status_updated", await Put("mnist/status", sent));
        Assert.True(JsonNode.DeepEquals(created["spec"], updated["spec"]), "defaults that only the operator's memory has were stored");
        Assert.Equal((1, "Created"), ((int)updated["metadata"]!["generation"]!, (string)updated["status"]!["conditions"]![0]!["type"]!));

        // What it read has been overtaken by its own write.
        sent["status"] = Status("Created", "Running");
        JsonNode refused = await HappensNot(await Put("mnist/status", sent), 409);
        Assert.Equal(
            "Operation cannot be fulfilled on pytorchjobs.kubeflow.org \"mnist\": the object has been modified; please apply your changes to the latest version and try again",
            (string)refused["message"]!);

        sent["metadata"]!["resourceVersion"] = updated.Revision();
        JsonNode running = await Happens("job_status_updated", await Put("mnist/status", sent));
        sent["metadata"]!["resourceVersion"] = running.Revision();
        // It reconciles often, and says the same.
        Assert.Equal(running.Revision(), (await HappensNot(await Put("mnist/status", sent))).Revision());

        // Another life of that name is not meant.
        sent["metadata"]!["uid"] = "00000000-0000-4000-8000-000000000000";
        await HappensNot(await Put("mnist/status", sent), 409);
    }

    [Fact]
    public async Task Finalizers_and_owners_come_and_go()
    {
        await Happens("job_created", await server.Admin.PostAsync(Sample.Jobs(), Sample.Body(Sample.Manifest("mnist"))), 201);
        JsonNode held = await Happens(
            "job_patched", await server.Admin.Patch(Sample.Job("mnist"), """{"metadata":{"finalizers":["kubeflow.org/cleanup"]}}"""));
        const string owner =
            """{"apiVersion":"batch/v1","kind":"CronJob","name":"nightly","uid":"0f6a5b1e-6f0e-4e5c-9a55-0d1a6f6f1a01","controller":true,"blockOwnerDeletion":true}""";
        JsonNode owned = await Happens(
            "job_patched", await JsonPatch("mnist", $$"""[{"op":"add","path":"/metadata/ownerReferences","value":[{{owner}}]}]"""));
        Assert.Equal((1, "nightly"), ((int)owned["metadata"]!["generation"]!, (string)owned["metadata"]!["ownerReferences"]![0]!["name"]!));
        await HappensNot(await JsonPatch("mnist",
            """[{"op":"test","path":"/metadata/finalizers/0","value":"another"},{"op":"remove","path":"/metadata/finalizers/0"}]"""), 422);

        JsonNode going = await Happens("job_deletion_requested", await server.Admin.DeleteAsync(Sample.Job("mnist")));
        Assert.Equal(["kubeflow.org/cleanup"], going["metadata"]!["finalizers"]!.AsArray().Select(each => (string)each!));
        // controllerutil.RemoveFinalizer and an Update: a Go client sends no member for an empty list.
        going["metadata"]!.AsObject().Remove("finalizers");
        await Happens("job_deleted", await Put("mnist", going));
        Assert.Equal(HttpStatusCode.NotFound, (await server.Admin.GetAsync(Sample.Job("mnist"))).StatusCode);
        Assert.NotEqual(held.Revision(), going.Revision());
    }

    [Fact]
    public async Task A_queue_holds_a_job_starts_it_and_stops_it_again()
    {
        string suspended = Sample.Manifest("queued", """{"kueue.x-k8s.io/queue-name":"team"}""", spec: ""","runPolicy":{"suspend":true}""");
        JsonNode waiting = await Happens("job_created", await server.Admin.PostAsync(Sample.Jobs(), Sample.Body(suspended)), 201);
        JsonNode start = JsonNode.Parse($$$$"""
            {"metadata":{"resourceVersion":"{{{{waiting.Revision()}}}}"},"spec":{"runPolicy":{"suspend":false},"pytorchReplicaSpecs":{
             "Master":{"template":{"metadata":{"labels":{"kueue.x-k8s.io/podset":"master"}},"spec":{"nodeSelector":{"pool":"a100"},
               "tolerations":[{"key":"gpu","operator":"Exists","effect":"NoSchedule"}]} } },
             "Worker":{"template":{"metadata":{"labels":{"kueue.x-k8s.io/podset":"worker"}},"spec":{"nodeSelector":{"pool":"a100"}} }} }} }
            """)!;
        JsonNode started = await Happens(
            "job_patched", await server.Admin.Patch(Sample.Job("queued") + $"?fieldManager={Queue}", start.ToJsonString()));
        JsonNode master = started["spec"]!["pytorchReplicaSpecs"]!["Master"]!["template"]!;
        Assert.Equal(
            (false, "a100", "gpu", "master", 2),
            ((bool)started["spec"]!["runPolicy"]!["suspend"]!, (string)master["spec"]!["nodeSelector"]!["pool"]!,
                (string)master["spec"]!["tolerations"]![0]!["key"]!,
                (string)master["metadata"]!["labels"]!["kueue.x-k8s.io/podset"]!, (int)started["metadata"]!["generation"]!));
        await HappensNot(await server.Admin.Patch(Sample.Job("queued") + $"?fieldManager={Queue}", start.ToJsonString()), 409); // once

        JsonNode stop = JsonNode.Parse("""
            {"spec":{"runPolicy":{"suspend":true},"pytorchReplicaSpecs":{
             "Master":{"template":{"metadata":{"labels":null},"spec":{"nodeSelector":null,"tolerations":null}}},
             "Worker":{"template":{"metadata":{"labels":null},"spec":{"nodeSelector":null}}}}}}
            """)!;
        JsonNode stopped = await Happens("job_patched", await server.Admin.Patch(Sample.Job("queued"), stop.ToJsonString()));
        Assert.Equal((true, null), ((bool)stopped["spec"]!["runPolicy"]!["suspend"]!,
            stopped["spec"]!["pytorchReplicaSpecs"]!["Worker"]!["template"]!["spec"]!["nodeSelector"]));
        // That field is immutable.
        await HappensNot(
            await server.Admin.Patch(Sample.Job("queued"), """{"spec":{"runPolicy":{"managedBy":"kueue.x-k8s.io/multikueue"}}}"""), 422);
    }

    /// <summary>
    /// controller-runtime's CreateOrPatch: GET, and then POST, or the merge patch between what was read and what is wanted, or nothing.
    /// </summary>
    [Fact]
    public async Task Create_or_patch_creates_and_then_patches_what_differs()
    {
        JsonNode wanted = JsonNode.Parse(Sample.Manifest("owned"))!;
        Assert.Equal("created", await CreateOrPatch(wanted));
        await Happened("job_created");
        Assert.Equal("unchanged", await CreateOrPatch(wanted));
        wanted["spec"]!["pytorchReplicaSpecs"]!["Worker"]!["replicas"] = 4;
        wanted["metadata"]!["labels"]!["team"] = "ml";
        Assert.Equal("patched", await CreateOrPatch(wanted));
        await Happened("job_patched");
        Assert.Equal("unchanged", await CreateOrPatch(wanted));
        await Happened(null);
    }

    [Fact]
    public async Task An_autoscaler_sets_the_scale_once_for_each_change()
    {
        await Happens("job_created", await server.Admin.PostAsync(Sample.Jobs(), Sample.Body(Sample.Manifest("elastic"))), 201);
        JsonNode scale = await server.Admin.Get(Sample.Job("elastic") + "/scale");
        Assert.Equal(
            ("Scale", "autoscaling/v1", 1), ((string)scale["kind"]!, (string)scale["apiVersion"]!, (int)scale["spec"]!["replicas"]!));
        scale["spec"]!["replicas"] = 3;
        JsonNode scaled = await Happens("job_replaced", await Put("elastic/scale", scale));
        Assert.Equal(3, (int)scaled["spec"]!["replicas"]!);
        await HappensNot(await Put("elastic/scale", scale), 409); // it read before it wrote
        await HappensNot(await Put("elastic/scale", scaled));
        await Happens("job_patched", await server.Admin.Patch(Sample.Job("elastic") + "/scale", """{"spec":{"replicas":2}}"""));
        JsonNode job = await server.Admin.Get(Sample.Job("elastic"));
        Assert.Equal((2, 3), ((int)job["spec"]!["pytorchReplicaSpecs"]!["Worker"]!["replicas"]!, (int)job["metadata"]!["generation"]!));
    }

    [Fact]
    public async Task What_no_schema_has_is_dropped_with_a_warning_or_refused()
    {
        string manifest = Sample.Manifest("typo", spec: ""","runPolicy":{"cleanPodPolicies":"All"}""");
        using HttpResponseMessage created = await server.Admin.PostAsync(Sample.Jobs(), Sample.Body(manifest));
        JsonNode job = await Happens("job_created", created, 201);
        Assert.Equal(["299 - \"unknown field \\\"spec.runPolicy.cleanPodPolicies\\\"\""], created.Headers.GetValues("Warning"));
        Assert.Equal("""{"suspend":false}""", job["spec"]!["runPolicy"]!.ToJsonString());
        const string patch = """{"spec":{"pytorchReplicaSpecs":{"Worker":{"template":{"spec":{"nodeSelectors":{"a":"b"}}}}}}}""";
        using HttpResponseMessage patched = await server.Admin.Patch(Sample.Job("typo"), patch);
        Assert.Equal(job.Revision(), (await HappensNot(patched)).Revision());
        Assert.Contains(
            "spec.pytorchReplicaSpecs.Worker.template.spec.nodeSelectors", patched.Headers.GetValues("Warning").Single(),
            StringComparison.Ordinal);
        await HappensNot(await server.Admin.Patch(Sample.Job("typo") + "?fieldValidation=Strict", patch), 422);
        await HappensNot(await server.Admin.PostAsync(
            Sample.Jobs() + "?fieldValidation=Strict", Sample.Body(manifest.Replace("typo", "typo2", StringComparison.Ordinal))), 400);
    }

    [Fact]
    public async Task The_history_finds_a_policy_wherever_it_stands()
    {
        await server.Admin.PostAsync(Sample.Jobs(), Sample.Body(Sample.Manifest("both")));
        foreach (string patch in (string[])
        [
            """{"spec":{"ttlSecondsAfterFinished":5}}""", """{"spec":{"cleanPodPolicy":"All"}}""",
            """{"spec":{"runPolicy":{"ttlSecondsAfterFinished":6}}}""",
            """{"spec":{"ttlSecondsAfterFinished":7,"runPolicy":{"ttlSecondsAfterFinished":8}}}""", """{"metadata":{"labels":{"a":"b"}}}""",
        ])
            await (await server.Admin.Patch(Sample.Job("both"), patch)).Manifest();
        Assert.Equal("5 2", await Found("path=spec.ttlSecondsAfterFinished"));
        Assert.Equal("5 4 2", await Found("policy=ttl"));
        Assert.Equal("5 4 2", await Found("path=spec.ttlSecondsAfterFinished,policy=ttl"));
        Assert.Equal("5 4 2", await Found("path=spec.runPolicy.ttlSecondsAfterFinished,policy=ttl"));
        Assert.Equal("", await Found("path=metadata.labels,policy=ttl"));
        Assert.Equal("6 3 1", await Found("policy!=ttl"));
        Assert.Equal("3", await Found("policy=clean"));
        JsonNode refused = await (await server.Admin.GetAsync("/apis/audit.eventstore.io/v1/pytorchjobrevisions?fieldSelector=policy=age"))
            .Manifest(400);
        Assert.EndsWith("a policy is one of backoff, clean, deadline, ttl", (string)refused["message"]!, StringComparison.Ordinal);

        async Task<string> Found(string selector) =>
            string.Join(
                ' ',
                (await server.Admin.Get($"/apis/audit.eventstore.io/v1/pytorchjobrevisions?fieldSelector={selector}"))["items"]!.AsArray()
                .Select(each => $"{int.Parse(((string)each!["metadata"]!["name"]!).Split('.')[1]) - 1}"));
    }

    private static JsonObject Status(params string[] types) => new()
    {
        ["conditions"] = new JsonArray([.. types.Select((type, place) => (JsonNode)new JsonObject
        {
            ["type"] = type,
            ["status"] = place == types.Length - 1 ? "True" : "False",
            ["reason"] = $"PyTorchJob{type}",
            ["message"] = $"PyTorchJob mnist is {type}.",
            ["lastUpdateTime"] = "2026-01-02T03:04:05Z",
            ["lastTransitionTime"] = "2026-01-02T03:04:05Z",
        })]),
        ["replicaStatuses"] = new JsonObject { ["Master"] = new JsonObject { ["active"] = 1 }, ["Worker"] = new JsonObject() },
        ["startTime"] = "2026-01-02T03:04:05Z",
    };

    /// <summary>The job as the operator has it in its memory (SetDefaults_PyTorchJob of 1.9), printed by Go.</summary>
    private static JsonNode WithDefaults(JsonNode read)
    {
        JsonNode job = read.DeepClone();
        job["spec"]!["nprocPerNode"] = "auto";
        job["spec"]!["runPolicy"] = new JsonObject { ["cleanPodPolicy"] = "None", ["suspend"] = false };
        foreach (JsonNode role in job["spec"]!["pytorchReplicaSpecs"]!.AsObject().Select(each => each.Value!))
        {
            role["template"]!["metadata"] = new JsonObject { ["creationTimestamp"] = null };
            role["template"]!["spec"]!["containers"]![0]!["ports"] = new JsonArray(
                new JsonObject { ["containerPort"] = 23456, ["name"] = "pytorchjob-port" });
            role["template"]!["spec"]!["containers"]![0]!["resources"] ??= new JsonObject();
        }

        return job;
    }

    private async Task<string> CreateOrPatch(JsonNode wanted)
    {
        string path = Sample.Job((string)wanted["metadata"]!["name"]!);
        using HttpResponseMessage found = await server.Admin.GetAsync(path);
        if (found.StatusCode == HttpStatusCode.NotFound)
        {
            await (await server.Admin.PostAsync(Sample.Jobs(), Sample.Body(wanted.ToJsonString()))).Manifest(201);
            return "created";
        }

        JsonObject patch = Between((await found.Manifest()).AsObject(), wanted.AsObject());
        if (patch.Count == 0)
            return "unchanged";
        await (await server.Admin.Patch(path, patch.ToJsonString())).Manifest();
        return "patched";
    }

    /// <summary>What the mutate function of such a controller sets and is not so yet. It takes nothing away.</summary>
    private static JsonObject Between(JsonObject there, JsonObject wanted)
    {
        var patch = new JsonObject();
        foreach ((string name, JsonNode? value) in wanted)
        {
            if (value is JsonObject inner && there[name] is JsonObject has)
            {
                if (Between(has, inner) is { Count: > 0 } below)
                    patch[name] = below;
            }
            else if (!JsonNode.DeepEquals(value, there[name]))
            {
                patch[name] = value?.DeepClone();
            }
        }

        return patch;
    }

    private Task<HttpResponseMessage> Put(string path, JsonNode body)
    {
        var request = new HttpRequestMessage(HttpMethod.Put, Sample.Job(path)) { Content = Sample.Body(body.ToJsonString()) };
        request.Headers.UserAgent.ParseAdd($"{Operator}/v0.0.0");
        return server.Admin.SendAsync(request);
    }

    private Task<HttpResponseMessage> JsonPatch(string name, string patch) =>
        server.Admin.PatchAsync(Sample.Job(name), Sample.Body(patch, "application/json-patch+json"));

    private async Task<JsonNode> Happens(string type, HttpResponseMessage answer, int code = 200)
    {
        JsonNode body = await answer.Manifest(code);
        await Happened(type);
        return body;
    }

    private async Task<JsonNode> HappensNot(HttpResponseMessage answer, int code = 200)
    {
        JsonNode body = await answer.Manifest(code);
        await Happened(null);
        return body;
    }

    /// <summary>One event of that type was stored since the last call, or none.</summary>
    private async Task Happened(string? type)
    {
        string[] since = await database.Ask<string[]>(
            $"SELECT coalesce(array_agg(type ORDER BY seq_id), '{{}}')::text[] FROM eventstore.mt_events WHERE seq_id > {events}");
        Assert.Equal(type is null ? [] : [type], since);
        events = await database.Ask<long>("SELECT coalesce(max(seq_id), 0) FROM eventstore.mt_events");
    }
}
