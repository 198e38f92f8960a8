using EventStore.Server.Telemetry;
using EventStore.Server.Tests.Fixtures;

namespace EventStore.Server.Tests.Telemetry;

/// <summary>
/// One request can be followed: by its id through reply, log, trace and event, and by its trace into the batch that carried it.
/// </summary>
[Trait("Category", "Slow")]
public sealed class One_request_traced : IAsyncLifetime
{
    private const string Trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    private const string ParentSpan = "00f067aa0ba902b7";

    private TestDatabase database = null!;
    private Collector collector = null!;
    private ServerProcess server = null!;

    public async Task InitializeAsync()
    {
        database = await TestDatabase.Create();
        collector = await Collector.Start();
        server = await ServerProcess.Start(database.Serving, collector.Settings, "--Logging:LogLevel:Requests=Debug");
    }

    public async Task DisposeAsync()
    {
        await server.DisposeAsync();
        await collector.DisposeAsync();
        await database.DisposeAsync();
    }

    [Fact]
    public async Task Is_found_by_its_id_in_the_reply_the_log_the_trace_and_the_event()
    {
        await server.Admin.Create("traced");
        using var request = new HttpRequestMessage(HttpMethod.Patch, Sample.Job("traced"))
        {
            Content = Sample.Body("""{"metadata":{"labels":{"team":"ml"}}}""", "application/merge-patch+json"),
        };
        request.Headers.Add("Audit-Id", "of-the-client.1");
        request.Headers.Add("traceparent", $"00-{Trace}-{ParentSpan}-01");
        using HttpResponseMessage answer = await server.Admin.SendAsync(request);
        string revision = (await answer.Manifest()).Revision();

        Assert.Equal("of-the-client.1", Assert.Single(answer.Headers.GetValues("Audit-Id")));
        Assert.Equal(
            revision, $"{await database.Ask<long>("SELECT seq_id FROM eventstore.mt_events WHERE correlation_id = 'of-the-client.1'")}");
        await server.Says("200 patch pytorchjobs kube-test traced by admin: ");
        Assert.Matches(
            "200 patch pytorchjobs kube-test traced by admin: [0-9]+ bytes, [0-9.]+ ms, request of-the-client\\.1", server.Output);

        Span inbound = Assert.Single(await collector.Spans(span => span.Tags.GetValueOrDefault(Signals.RequestIdTag) == "of-the-client.1"));
        Assert.Equal((Trace, ParentSpan), (inbound.Trace, inbound.Parent));
        Span lane = Assert.Single(await collector.Spans(span => span.Name == Signals.LaneSpan && span.Trace == Trace));
        Assert.Equal(inbound.Id, lane.Parent);
        Span commit = Assert.Single(await collector.Spans(span => span.Name == Signals.CommitSpan && span.Links.Contains(lane.Id)));
        Assert.Equal([commit.Id], lane.Links);
        Assert.All((Span[])[inbound, lane, commit], span => Assert.Equal(
            (revision, "1"), (span.Tags[Signals.RevisionTag], span.Tags[Signals.BatchSizeTag])));

        // And on into the database: Npgsql's own span of the statement.
        Span statement = Assert.Single(await collector.Spans(span => span.Parent == commit.Id));
        Assert.Equal(commit.Trace, statement.Trace);
        Assert.Contains("commit_jobs_", string.Concat(statement.Tags.Values), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("with space")]
    [InlineData("a,b")]
    [InlineData("12345678901234567890123456789012345678901234567890123456789012345")]
    public async Task Gets_an_id_of_ours_where_the_client_s_is_none(string given)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, "/version");
        request.Headers.TryAddWithoutValidation("Audit-Id", given);
        using HttpResponseMessage answer = await server.Admin.SendAsync(request);
        Assert.True(Guid.TryParse(Assert.Single(answer.Headers.GetValues("Audit-Id")), out _));
    }

    [Fact]
    public async Task Metrics_go_the_same_way()
    {
        await server.Admin.Create("measured");
        await Eventually.Holds(() => collector.Metrics.Any(body => body.Contains("eventstore.commit.duration", StringComparison.Ordinal)));
    }
}
