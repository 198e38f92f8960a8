using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json.Nodes;
using EventStore.Server.Tests.Fixtures;
using EventStore.Server.Tests.Kubectl;
using k8s;
using k8s.Autorest;
using k8s.Models;

namespace EventStore.Server.Tests.Jobs;

/// <summary>Server-side apply and managedFields, as clients of the kubeflow profile meet them.</summary>
[Trait("Category", "Slow")]
public sealed class Applied_configurations : IAsyncLifetime
{
    private readonly string folder = Directory.CreateTempSubdirectory("apply-").FullName;
    private TestDatabase database = null!;
    private ServerProcess server = null!;

    public async Task InitializeAsync()
    {
        database = await TestDatabase.Create();
        server = await ServerProcess.Start(database.Serving, "--profile", "kubeflow", "--data", folder);
    }

    public async Task DisposeAsync()
    {
        await server.DisposeAsync();
        await database.DisposeAsync();
        Directory.Delete(folder, recursive: true);
    }

    [Fact]
    public async Task Create_and_change_a_job_by_one_event_each_and_none_where_nothing_changes()
    {
        JsonNode created = await Apply("one", Sample.Manifest("applied"), 201);
        JsonNode again = await Apply("one", Sample.Manifest("applied"));
        Assert.Equal(created.ToJsonString(), again.ToJsonString());
        JsonNode changed = await Apply("two", Partial("""{"metadata":{"labels":{"team":"ml"}}}"""));
        JsonNode shared = await Apply("three", Partial("""{"metadata":{"labels":{"team":"ml"}}}"""));
        Assert.Equal(changed["metadata"]!["labels"]!.ToJsonString(), shared["metadata"]!["labels"]!.ToJsonString());
        Assert.NotEqual(changed.Revision(), shared.Revision());
        Assert.Equal(
            ["job_created", "job_applied two false [\"metadata.labels.team\"]", "job_applied three false []"],
            await database.Ask<string[]>("""
                SELECT array_agg(concat_ws(' ', type, CASE type WHEN 'job_applied' THEN data ->> 'manager' END, data ->> 'force', CASE type WHEN 'job_applied' THEN data ->> 'paths' END)
                                 ORDER BY seq_id) FROM eventstore.mt_events
                """));

        JsonNode refused = await Apply("four", Partial("""{"metadata":{"labels":{"team":"x"}}}"""), 409);
        Assert.Equal(
            ["conflict with \"three\" .metadata.labels.team", "conflict with \"two\" .metadata.labels.team"],
            refused["details"]!["causes"]!.AsArray().Select(cause => $"{cause!["message"]} {cause["field"]}"));
        Assert.Equal("x", (string)(await Apply(
            "four", Partial("""{"metadata":{"labels":{"team":"x"}}}"""), query: "&force=true"))["metadata"]!["labels"]!["team"]!);
    }

    [Fact]
    public async Task Show_the_owners_as_they_were_and_everywhere_the_same()
    {
        var answers = new List<JsonNode> { await Apply("one", Sample.Manifest("applied"), 201) };
        answers.Add(await Apply("two", Partial("""{"metadata":{"labels":{"team":"ml"}}}""")));
        answers.Add(
            await (await server.Admin.Patch(Sample.Job("applied") + "?fieldManager=patcher", """{"metadata":{"labels":{"team":"x"}}}"""))
                .Manifest());
        answers.Add(await (await server.Admin.Patch(
            Sample.Job("applied") + "/status?fieldManager=op", """{"status":{"startTime":"2026-01-01T00:00:00Z"}}""")).Manifest());
        Assert.Equal(
            ["one Apply", "op Update status", "patcher Update"],
            answers[^1]["metadata"]!["managedFields"]!.AsArray()
                .Select(entry => $"{entry!["manager"]} {entry["operation"]} {entry["subresource"]}".TrimEnd()).Order());
        Assert.Equal(answers[^1].ToJsonString(), (await server.Admin.Get(Sample.Job("applied"))).ToJsonString());
        Assert.Equal(answers[^1].ToJsonString(), (await server.Admin.Get(Sample.Jobs()))["items"]![0]!.ToJsonString());
        foreach (JsonNode answer in answers) // by way of the events, back from now and forward from the beginning
            Assert.Equal(answer.ToJsonString(), (await server.Admin.Get(
                $"{Sample.Job("applied")}?resourceVersion={answer.Revision()}&resourceVersionMatch=Exact")).ToJsonString());
        Assert.Equal(
            answers[^1].ToJsonString(),
            JsonNode.Parse(await database.Ask<string>("SELECT data ->> 'text' FROM eventstore.mt_doc_current_job"))!.ToJsonString());
    }

    [Fact]
    public async Task Are_recomputed_from_the_events()
    {
        await Apply("one", Sample.Manifest("applied"), 201);
        await Apply("two", Partial("""{"metadata":{"labels":{"team":"ml"}}}"""));
        string shown = (await server.Admin.Get(Sample.Job("applied"))).ToJsonString();
        await using (ProgramRun verified = await Run("verify"))
            Assert.True(verified.ExitCode == 0, verified.Everything);
        await database.Execute(
            """UPDATE eventstore.mt_doc_current_job SET data = jsonb_set(data, '{text}', to_jsonb(replace(data ->> 'text', '"two"', '"you"')))""");
        await using (ProgramRun verified = await Run("verify"))
            Assert.True(verified.ExitCode == 1, verified.Everything);
        await using (ProgramRun rebuilt = await Run("rebuild"))
            Assert.True(rebuilt.ExitCode == 0, rebuilt.Everything);
        Assert.Equal(shown, (await server.Admin.Get(Sample.Job("applied"))).ToJsonString());
    }

    /// <summary>Rows once had the owners behind the object, and of an owner of nearly everything only what it does not own.</summary>
    [Fact]
    public async Task Are_read_from_rows_of_the_shorter_form_which_the_next_change_rewrites()
    {
        using (HttpResponseMessage made = await server.Admin.PostAsync(
            Sample.Jobs() + "?fieldManager=maker", Sample.Body(Sample.Manifest("applied"))))
            Assert.Equal(HttpStatusCode.Created, made.StatusCode);
        await server.Admin.Patch(Sample.Job("applied") + "?fieldManager=patcher", """{"metadata":{"labels":{"team":"x"}}}""");
        string shown = (await Apply("one", Partial("""{"metadata":{"labels":{"team":"x"}}}"""))).ToJsonString();
        string text = await database.Ask<string>("SELECT data ->> 'text' FROM eventstore.mt_doc_current_job");
        await ShortOwners("patcher");
        await using (ProgramRun tampered = await Run("verify"))
            Assert.True(
                tampered.ExitCode == 1 && tampered.Output.Contains("the current job is not what its events give", StringComparison.Ordinal),
                tampered.Everything);
        await database.Execute(
            """UPDATE eventstore.mt_doc_current_job SET data = jsonb_set(data, '{text}', to_jsonb(regexp_replace(data ->> 'text', '"-":{}', '"-":{"f:metadata":1}')))""");
        await using (ProgramRun hostile = await Run("verify"))
            Assert.True(
                hostile.ExitCode == 1 && hostile.Output.Contains("the current job is not what its events give", StringComparison.Ordinal),
                hostile.Everything);
        await ShortOwners("maker");
        await using (ProgramRun verified = await Run("verify"))
            Assert.True(verified.ExitCode == 0, verified.Everything);

        await using ServerProcess other = await ServerProcess.Start(database.Serving, "--profile", "kubeflow"); // which has read no row yet
        Assert.Equal(shown, (await other.Admin.Get(Sample.Job("applied"))).ToJsonString());
        Assert.Equal(shown, (await other.Admin.Get(Sample.Jobs()))["items"]![0]!.ToJsonString());
        await other.Admin.Patch(Sample.Job("applied") + "?fieldManager=patcher", """{"metadata":{"labels":{"team":"y"}}}""");
        Assert.DoesNotContain(
            "\n", await database.Ask<string>("SELECT data ->> 'text' FROM eventstore.mt_doc_current_job"), StringComparison.Ordinal);
        await using (ProgramRun again = await Run("verify"))
            Assert.True(again.ExitCode == 0, again.Everything);

        Task ShortOwners(string creator)
        {
            JsonObject job = JsonNode.Parse(text)!.AsObject();
            JsonArray entries = job["metadata"]!["managedFields"]!.AsArray();
            const string Label = """{"f:metadata":{"f:labels":{"f:team":{}}}}""";
            string owners = string.Join(',', entries
                .Select(entry => (Key: $"{entry!["operation"]}//{entry["manager"]}", Time: entry["time"] is { } time
                    ? $",\"t\":{((DateTimeOffset)(DateTime)time).ToUnixTimeSeconds()}" : ""))
                .OrderBy(entry => entry.Key, StringComparer.Ordinal)
                .Select(entry => $"\"{entry.Key}\":{{{Owned(entry.Key)}{entry.Time}}}"));
            job["metadata"]!.AsObject().Remove("managedFields");
            string row = Encoding.UTF8.GetString(EventStore.Domain.Json.JsonReading.Parse(Encoding.UTF8.GetBytes(job.ToJsonString()))
                .ToUtf8()) + "\n{" + owners + "}";
            string quoted = row.Replace("'", "''", StringComparison.Ordinal);
            return database.Execute(
                $"UPDATE eventstore.mt_doc_current_job SET data = jsonb_set(data, '{{text}}', to_jsonb('{quoted}'::text))");

            string Owned(string key) =>
                key.EndsWith("maker", StringComparison.Ordinal) ? $"\"-\":{(creator == "maker" ? Label : "{}")}" : $"\"f\":{Label}";
        }
    }

    [Fact]
    public async Task Need_the_right_to_create_only_where_they_create()
    {
        using HttpClient alice = server.Client(ServerProcess.AliceToken);
        Assert.Equal(HttpStatusCode.Forbidden, (await alice.SendAsync(Request("one", Sample.Manifest("applied"), ""))).StatusCode);
    }

    [SkippableFact]
    public async Task Are_what_kubectl_sends()
    {
        await Kubectl(0, "create", "-f", File("job.json", Sample.Manifest("applied")), "--field-manager=kubectl-client-side-apply");
        await Kubectl(0, "apply", "-f", File("job.json", Sample.Manifest("applied"))); // now with the annotation
        await Kubectl(0, "apply", "--server-side", "-f", File("job.json", Sample.Manifest("applied", labels: """{"app":"next"}""")));
        Assert.Contains(
            "\"f:app\"", (await Kubectl(0, "get", "pytorchjob", "applied", "-o", "json", "--show-managed-fields")).Output,
            StringComparison.Ordinal);
        string other = File("other.json", Partial("""{"metadata":{"labels":{"app":"mine"}}}"""));
        Assert.Contains(
            ".metadata.labels.app", (await Kubectl(1, "apply", "--server-side", "--field-manager=other", "-f", other)).Errors,
            StringComparison.Ordinal);
        await Kubectl(0, "apply", "--server-side", "--field-manager=other", "--force-conflicts", "-f", other);
        Assert.Equal("mine", (await Kubectl(0, "get", "pytorchjob", "applied", "-o", "jsonpath={.metadata.labels.app}")).Output);
    }

    [SkippableFact]
    public async Task Are_shown_by_kubectl_diff_before_they_are_applied()
    {
        await Kubectl(0, "apply", "--server-side", "-f", File("job.json", Sample.Manifest("applied")));
        string next = File("next.json", Sample.Manifest("applied", labels: """{"app":"next"}"""));
        KubectlRun shown = await Kubectl(1, "diff", "--server-side", "-f", next);
        Assert.Matches("(?m)^\\-    app: test$", shown.Output);
        Assert.Matches("(?m)^\\+    app: next$", shown.Output);
        Assert.Equal("test", (await Kubectl(0, "get", "pytorchjob", "applied", "-o", "jsonpath={.metadata.labels.app}")).Output);
        await Kubectl(0, "apply", "--server-side", "-f", next);
        Assert.Empty((await Kubectl(0, "diff", "--server-side", "-f", next)).Output);
        Assert.Equal(2, await database.Ask<long>("SELECT count(*) FROM eventstore.mt_events"));
    }

    [SkippableFact]
    public async Task Take_over_what_kubectl_applied_at_the_client()
    {
        await Kubectl(0, "apply", "-f", File("job.json", Sample.Manifest("applied", labels: """{"app":"test","old":"x"}""")));
        await Kubectl(0, "apply", "--server-side", "-f", File("next.json", Sample.Manifest("applied", labels: """{"app":"next"}""")));
        JsonNode metadata =
            JsonNode.Parse((await Kubectl(0, "get", "pytorchjob", "applied", "-o", "json", "--show-managed-fields")).Output)!["metadata"]!;
        Assert.Equal("""{"app":"next"}""", metadata["labels"]!.ToJsonString()); // what was applied once, and is no more, went
        Assert.DoesNotContain(
            metadata["managedFields"]!.AsArray(),
            entry => (string)entry!["manager"]! == "kubectl-client-side-apply" && entry["fieldsV1"]!["f:spec"] is not null);
    }

    [Fact]
    public async Task Are_what_the_official_csharp_client_sends()
    {
        using var client = new k8s.Kubernetes(new KubernetesClientConfiguration
        {
            Host = server.Url.ToString(),
            AccessToken = ServerProcess.AdminToken,
        });
        await Apply("one", Sample.Manifest("applied"), 201);
        async Task<string> Send(string manager, bool? force) => $"{await client.CustomObjects.PatchNamespacedCustomObjectAsync(
            new V1Patch(Partial("""{"metadata":{"labels":{"app":"theirs"}}}"""), V1Patch.PatchType.ApplyPatch),
            "kubeflow.org", "v1", "kube-test", "pytorchjobs", "applied", fieldManager: manager, force: force)}";
        var refused = await Assert.ThrowsAsync<HttpOperationException>(() => Send("two", null));
        Assert.Equal(HttpStatusCode.Conflict, refused.Response.StatusCode);
        Assert.Contains("\"app\":\"theirs\"", await Send("two", true), StringComparison.Ordinal);
    }

    private static string Partial(string fields)
    {
        var configuration = JsonNode.Parse(fields)!.AsObject();
        (configuration["apiVersion"], configuration["kind"], configuration["metadata"]!["name"]) =
            ("kubeflow.org/v1", "PyTorchJob", "applied");
        return configuration.ToJsonString();
    }

    private static HttpRequestMessage Request(string manager, string configuration, string query) =>
        new(HttpMethod.Patch, new Uri($"{Sample.Job("applied")}?fieldManager={manager}{query}", UriKind.Relative))
        {
            Content = new StringContent(configuration, Encoding.UTF8, new MediaTypeHeaderValue("application/apply-patch+yaml")),
        };

    private async Task<JsonNode> Apply(string manager, string configuration, int code = 200, string query = "") =>
        await (await server.Admin.SendAsync(Request(manager, configuration, query))).Manifest(code);

    private string File(string name, string content)
    {
        string path = Path.Combine(folder, name);
        System.IO.File.WriteAllText(path, content);
        return path;
    }

    private Task<ProgramRun> Run(string verb) => ProgramRun.Ended(
        new Dictionary<string, string?>
        {
            ["ConnectionStrings__Postgres"] = database.Serving,
            ["ConnectionStrings__PostgresOwner"] = database.Owner,
        },
        verb);

    private async Task<KubectlRun> Kubectl(int code, params string[] arguments)
    {
        KubectlRun run = await KubectlTests.Run([.. arguments, "--namespace", "kube-test"], folder, Path.Combine(folder, "kubeconfig"));
        Assert.True(run.ExitCode == code, run.ToString());
        return run;
    }
}
