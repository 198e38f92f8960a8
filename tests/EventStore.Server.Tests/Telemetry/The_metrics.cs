using System.Net;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using EventStore.Server.Tests.Fixtures;
using EventStore.Server.Tests.Watch;

namespace EventStore.Server.Tests.Telemetry;

/// <summary>Prometheus' text at <c>/metrics</c>, and the dashboard that is delivered for it.</summary>
[Trait("Category", "Slow")]
public sealed partial class The_metrics(ServedDatabase served) : IClassFixture<ServedDatabase>
{

    [Fact]
    public async Task Need_a_right()
    {
        using var stranger = new HttpClient { BaseAddress = served.Server.Url };
        using HttpResponseMessage unknown = await stranger.GetAsync("/metrics");
        Assert.Equal(HttpStatusCode.Unauthorized, unknown.StatusCode);
        using HttpClient alice = served.Server.Client(ServerProcess.AliceToken);
        using HttpResponseMessage forbidden = await alice.GetAsync("/metrics");
        Assert.Equal(HttpStatusCode.Forbidden, forbidden.StatusCode);
    }

    [Fact]
    public async Task Count_what_happens_and_have_everything_the_dashboard_shows()
    {
        HttpClient admin = served.Server.Admin;
        await using WatchClient watch = await WatchClient.Open(admin, Sample.Jobs());
        await admin.Create("measured");
        using (HttpResponseMessage stale = await admin.Patch(
            Sample.Job("measured"), """{"metadata":{"resourceVersion":"1","labels":{"a":"b"}}}"""))
            Assert.Equal(HttpStatusCode.Conflict, stale.StatusCode);
        using (HttpClient alice = served.Server.Client(ServerProcess.AliceToken))
        using (HttpResponseMessage refused = await alice.DeleteAsync(Sample.Job("measured")))
            Assert.Equal(HttpStatusCode.Forbidden, refused.StatusCode);
        using (HttpClient alice = served.Server.Client(ServerProcess.AliceToken))
        using (var odd = new HttpRequestMessage(new HttpMethod("ODD"), "/metrics"))
        using (HttpResponseMessage refused = await alice.SendAsync(odd))
            Assert.Equal(HttpStatusCode.Forbidden, refused.StatusCode);
        using (HttpClient alice = served.Server.Client(ServerProcess.AliceToken))
        {
            foreach ((string method, string part) in ((string, string)[])
                [("PUT", "/status"), ("PUT", "/scale"), ("ODD", "/made-up"), ("EVEN", "/invented")])
            {
                using var odd = new HttpRequestMessage(new HttpMethod(method), Sample.Job("measured") + part);
                using HttpResponseMessage refused = await alice.SendAsync(odd);
                Assert.Equal(HttpStatusCode.Forbidden, refused.StatusCode);
            }
        }

        await watch.Next(1);
        string created = (await admin.Get(Sample.Job("measured"))).Revision();

        string metrics = await WaitForAll(
            """eventstore_events_total\{[^}]*\} 1$""",
            """eventstore_batch_size_count\{[^}]*\} 2$""",
            """eventstore_commit_duration_seconds_count\{[^}]*\} 2$""",
            """eventstore_queue_length\{[^}]*\} 0$""",
            """eventstore_watchers\{[^}]*\} 1$""",
            """eventstore_feed_lag_seconds_count\{[^}]*\} 1$""",
            """eventstore_conflicts_total\{[^}]*kind="refused"[^}]*\} 1$""",
            """eventstore_denied_total\{[^}]*resource="pytorchjobs"[^}]*verb="delete"[^}]*\} 1$""",
            """eventstore_denied_total\{[^}]*resource="other"[^}]*verb="other"[^}]*\} 1$""",
            """eventstore_denied_total\{[^}]*resource="pytorchjobs/status"[^}]*verb="update"[^}]*\} 1$""",
            """eventstore_denied_total\{[^}]*resource="pytorchjobs/scale"[^}]*verb="update"[^}]*\} 1$""",
            """eventstore_denied_total\{[^}]*resource="pytorchjobs"[^}]*verb="other"[^}]*\} 2$""");

        HashSet<string> exposed = [.. Exposed().Matches(metrics).Select(match => match.Groups[1].Value)];
        string[] shown =
            [.. Dashboard().SelectMany(query => Shown().Matches(Grouping().Replace(query, "")).Select(match => match.Value)).Distinct()];
        Assert.True(shown.Length > 15, $"the dashboard shows {shown.Length} metrics: {string.Join(", ", shown)}");
        Assert.Empty(shown.Except(exposed));
        string[] watched =
            [.. Shown().Matches(Repository.Read("src/EventStore.Server/Telemetry/alerts.yaml")).Select(match => match.Value).Distinct()];
        Assert.True(watched.Length > 9, $"the alerts look at {watched.Length} metrics: {string.Join(", ", watched)}");
        Assert.Equal(["up", "eventstore_reads_total"], watched.Except(exposed)); // made by Prometheus itself; needs a standby

        await (await admin.Patch(Sample.Job("measured"), """{"metadata":{"labels":{"a":"b"}}}""")).Manifest();
        using (HttpResponseMessage many = await admin.PostAsync(Sample.Jobs() + "/rollback", Sample.Body($$"""{"revision":{{created}}}""")))
            Assert.Equal(HttpStatusCode.OK, many.StatusCode);
        await WaitForAll("""eventstore_events_total\{[^}]*\} 3$"""); // what does not pass through the lane counts too
    }

    private static IEnumerable<string> Dashboard() =>
        JsonNode.Parse(Repository.Read("src/EventStore.Server/Telemetry/grafana-dashboard.json"))!["panels"]!.AsArray()
            .SelectMany(panel => panel!["targets"]!.AsArray()).Select(target => (string)target!["expr"]!);

    private async Task<string> WaitForAll(params string[] lines)
    {
        (string text, string[] missing) = ("", lines);
        await Eventually.Holds(
            async () =>
            {
                text = await served.Server.Admin.GetStringAsync("/metrics"); // a scrape is cached for 0.3 s
                missing = [.. lines.Where(line => !Regex.IsMatch(text, line, RegexOptions.Multiline))];
                return missing.Length == 0;
            },
            "every metric",
            () => $"missing are {string.Join(", ", missing)} among\n{string.Join('\n', Ours())}");
        return text;

        IEnumerable<string> Ours() => text.Split('\n').Where(line => line.StartsWith("eventstore_", StringComparison.Ordinal));
    }

    [GeneratedRegex(@"^([a-z_]+)(?=[{ ])", RegexOptions.Multiline)]
    private static partial Regex Exposed();

    [GeneratedRegex(@"\bby \([^)]*\)")]
    private static partial Regex Grouping();

    [GeneratedRegex(@"\b(eventstore|http|kestrel|db_client|dotnet)_[a-z_]+\b(?!=)|\bup(?=\{)")]
    private static partial Regex Shown();
}
