using System.Diagnostics;
using System.Net.Http.Headers;
using System.Text;
using EventStore.Domain.Jobs;
using EventStore.Domain.Manifests;
using EventStore.Server.Jobs;
using EventStore.Server.Kubernetes;
using EventStore.Server.Store;
using EventStore.Server.Tests.Fixtures;
using Xunit.Abstractions;
using Status = EventStore.Server.Kubernetes.Status;

namespace EventStore.Server.Tests.Fuzz;

/// <summary>
/// Damaged patches and selectors are refused in time, with a Status, and change nothing they may not change. Some thousand whenever the tests
/// run; <c>FUZZ_INPUTS=1000000</c> and <c>FUZZ_REQUESTS=20000</c> for many more.
/// </summary>
public sealed class Bad_input(ITestOutputHelper output)
{
    private static readonly int Count = Rounds.Of("FUZZ_INPUTS", 5000);
    private static readonly int Requests = Rounds.Of("FUZZ_REQUESTS", 300);
    private static readonly TimeSpan Hang = TimeSpan.FromSeconds(10); // a machine may be slow, but not so slow

    private static readonly string[] MediaTypes =
        ["application/merge-patch+json", "application/json", "application/json-patch+json", "application/merge-patch+json; charset=utf-8", "text/plain", "*/*"];

    [Fact]
    public void Of_patches_is_decided_in_time_and_changes_nothing_but_the_five_fields()
    {
        Job job = Given();
        string before = job.Manifest.ToString();
        (int accepted, int refused) = (0, 0);
        var clock = Stopwatch.StartNew();
        foreach (byte[] input in Inputs.Of("patches", Count))
        {
            Within(input, () =>
            {
                if (!RequestBody.TryParsePatch(input, JobAnswers.Resource, "fuzz", out JsonObject? patch, out Status? refusal, out _))
                {
                    AssertRefusal(input, refusal);
                    refused++;
                    return;
                }

                foreach (JobCommand command in (JobCommand[])[new PatchJob(job.Key, default, InProcess.Origin, patch), new PatchStatus(job.Key, default, InProcess.Origin, patch)])
                {
                    Decision decision = JobDecider.Decide(job, command);
                    accepted += decision is Decision.Accepted ? 1 : 0;
                    if (decision is Decision.Accepted(var happened))
                        AssertChangesOnly(input, job, Job.Evolve(job, happened, 9), isStatus: command is PatchStatus);
                    else if (decision is Decision.Refused(var why))
                        AssertRefusal(input, (Status)JobAnswers.Of(new Outcome.Refused(why), job.Key, "id", _ => throw new InvalidOperationException("a refusal is not done")));
                }
            });
        }

        Assert.Equal(before, job.Manifest.ToString());
        Assert.True(accepted > 0 && refused > 0, "the inputs are all of one kind, so nothing is shown");
        output.WriteLine($"{Count} patches in {clock.Elapsed.TotalSeconds:0.0} s: {refused} were no patch, {accepted} made an event");
    }

    [Fact]
    public void Of_selectors_is_read_or_refused_in_time()
    {
        var labels = JsonObject.Of(("team", (Json)"ml"), ("priority", (Json)"7"));
        (int read, int refused) = (0, 0);
        var clock = Stopwatch.StartNew();
        foreach (byte[] input in Inputs.Of("selectors", Count))
        {
            string text = Encoding.UTF8.GetString(input);
            Within(input, () =>
            {
                if (LabelSelector.TryParse(text, out LabelSelector selector, out Status? refusal))
                {
                    selector.Matches(labels);
                    selector.Matches(null);
                    read++;
                }
                else
                {
                    AssertRefusal(input, refusal);
                    refused++;
                }

                if (FieldSelector.TryParse(text, JobSelection.SelectableFields, out FieldSelector fields, out refusal))
                    fields.Matches(field => field);
                else
                    AssertRefusal(input, refusal);
                if (!ContinueToken.TryParse(text, out _, out refusal))
                    AssertRefusal(input, refusal);
                AcceptClause.Parse(text);
            });
        }

        Assert.True(read > 0 && refused > 0, "the inputs are all of one kind, so nothing is shown");
        output.WriteLine($"{Count} selectors in {clock.Elapsed.TotalSeconds:0.0} s: {read} were label selectors, {refused} were not");
    }

    [Fact]
    public async Task On_the_wire_is_never_a_fault_of_the_server()
    {
        await using TestDatabase database = await TestDatabase.Create();
        await using ServerProcess server = await ServerProcess.Start(database.Serving);
        await server.Admin.Create("fuzz");
        await (await server.Admin.Patch(Sample.Job("fuzz") + "/status", """{"status":{"startTime":"2026-01-01T00:00:00Z"}}""")).Manifest();
        string before = (await server.Admin.GetAsync(Sample.Job("fuzz")).Text());
        var codes = new SortedDictionary<int, int>();
        var clock = Stopwatch.StartNew();
        using IEnumerator<byte[]> selectors = Inputs.Of("selectors", Requests).GetEnumerator();
        foreach ((byte[] input, int i) in Inputs.Of("patches", Requests).Select((input, i) => (input, i)))
        {
            string path = Sample.Job("fuzz") + (i % 5 == 0 ? "/status" : i % 7 == 0 ? "?dryRun=All" : string.Empty);
            using var request = new HttpRequestMessage(i % 11 == 0 ? HttpMethod.Put : HttpMethod.Patch, path) { Content = new ByteArrayContent(input) };
            request.Content.Headers.ContentType = MediaTypeHeaderValue.Parse(MediaTypes[i % 4 == 3 ? i / 4 % MediaTypes.Length : 0]);
            Tally(codes, input, await Reply.Of(server.Admin.SendAsync(request)));

            if (!selectors.MoveNext())
                continue;
            string selector = Uri.EscapeDataString(Encoding.UTF8.GetString(selectors.Current));
            string query = (i % 4) switch { 0 => "labelSelector", 1 => "fieldSelector", 2 => "continue", _ => "resourceVersion" };
            Tally(codes, selectors.Current, await Reply.Of(server.Admin.GetAsync($"{Sample.Jobs()}?{query}={selector}&limit=5")));
        }

        // What is fixed is as it was, byte for byte; and all that was stored can be read and folded.
        Assert.Equal(Fixed(JsonReading.Parse(Encoding.UTF8.GetBytes(before))), Fixed(JsonReading.Parse(Encoding.UTF8.GetBytes(await server.Admin.GetAsync(Sample.Job("fuzz")).Text()))));
        await database.AssertWhole();
        output.WriteLine($"{codes.Values.Sum()} requests in {clock.Elapsed.TotalSeconds:0.0} s: {string.Join(", ", codes.Select(code => $"{code.Value} times {code.Key}"))}");
    }

    private static void Tally(SortedDictionary<int, int> codes, byte[] input, Reply reply)
    {
        int code = (int)reply.Code;
        codes[code] = codes.GetValueOrDefault(code) + 1;
        // 504 is a revision that does not exist yet.
        Assert.True(code is < 500 or 504, $"{code}: {reply.Text}\n{Inputs.Show(input)}");
    }

    private static void Within(byte[] input, Action act)
    {
        long started = Stopwatch.GetTimestamp();
        try
        {
            act();
        }
        catch (Exception e) when (e is not Xunit.Sdk.XunitException)
        {
            Assert.Fail($"{e}\n{Inputs.Show(input)}");
        }

        Assert.True(Stopwatch.GetElapsedTime(started) < Hang, $"it took {Stopwatch.GetElapsedTime(started)}\n{Inputs.Show(input)}");
    }

    private static void AssertRefusal(byte[] input, Status? refusal) =>
        Assert.True(refusal is { Code: >= 400 and < 500 } && refusal.ToUtf8().Length < 64 * 1024, $"{refusal?.Code}, {refusal?.ToUtf8().Length} bytes\n{Inputs.Show(input)}");

    private static void AssertChangesOnly(byte[] input, Job before, Job after, bool isStatus)
    {
        byte[] text = JobText.Of(after).ToUtf8(after.Revision); // as it is answered and stored: it must be readable
        Assert.Equal(after.Manifest.Without("metadata"), ((JsonObject)JsonReading.Parse(text)).Without("metadata"));
        bool same = isStatus
            ? before.Manifest.Without("status").Equals(after.Manifest.Without("status"))
            : Fixed(before.Manifest).Equals(Fixed(after.Manifest)) && Equals(before.Manifest["status"], after.Manifest["status"]);
        Assert.True(same, $"it changed what may not be changed: {after.Manifest}\n{Inputs.Show(input)}");
    }

    /// <summary>The job without the five fields, without the status and without what counts its changes.</summary>
    private static JsonObject Fixed(Json manifest)
    {
        var job = ((JsonObject)manifest).Without("status");
        var metadata = (JsonObject)job["metadata"]!;
        var spec = (JsonObject)job["spec"]!;
        return job
            .With("metadata", metadata.Without("labels").Without("annotations").Without("generation").Without("resourceVersion"))
            .With("spec", spec.Without("activeDeadlineSeconds").Without("ttlSecondsAfterFinished").Without("cleanPodPolicy"));
    }

    private static Job Given()
    {
        var create = (CreateJob)InProcess.Create("fuzz");
        return Job.Evolve(null, ((Decision.Accepted)JobDecider.Decide(null, create)).Event, 7);
    }
}

/// <summary>Answers as text.</summary>
internal static class Texts
{
    /// <summary>The answer's body, which must be that of a success.</summary>
    public static async Task<string> Text(this Task<HttpResponseMessage> asking)
    {
        using HttpResponseMessage answer = await asking;
        return await answer.EnsureSuccessStatusCode().Content.ReadAsStringAsync();
    }
}
