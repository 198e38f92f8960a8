using System.Text.Json.Nodes;
using EventStore.Server.Tests.Fixtures;
using Npgsql;

namespace EventStore.Server.Tests.Store;

/// <summary>Who changed what, from where and by which request is stored beside each event, for SQL and for the API.</summary>
[Trait("Category", "Slow")]
public sealed class Origins_of_events(TwoServers servers) : IClassFixture<TwoServers>
{
    [Fact]
    public async Task Is_stored_with_each_event_and_can_be_asked_in_SQL_and_in_the_API()
    {
        string[] ids =
        [
            await Send(HttpMethod.Post, Sample.Jobs(), Sample.Manifest("audited"), "kubectl/v1.33"),
            await Send(HttpMethod.Patch, Sample.Job("audited"), """{"metadata":{"labels":{"team":"ml"}}}""", "curl/8.9"),
            await Send(HttpMethod.Delete, Sample.Job("audited"), null, "Grüße/1.0 🚀"),
        ];

        await using NpgsqlCommand command = servers.Database.Source.CreateCommand("""
            SELECT user_name, headers -> 'groups' ->> 0, headers ->> 'userAgent', headers ->> 'sourceAddress', correlation_id
              FROM eventstore.mt_events e JOIN eventstore.mt_doc_current_job j ON j.id = e.stream_id WHERE j.name = 'audited' ORDER BY seq_id
            """);
        List<string> stored = [];
        await using (NpgsqlDataReader reader = await command.ExecuteReaderAsync())
        {
            while (await reader.ReadAsync())
                stored.Add(string.Join('|', Enumerable.Range(0, reader.FieldCount).Select(reader.GetString)));
        }

        Assert.Equal(
            [
                $"admin|system:masters|kubectl/v1.33|127.0.0.1|{ids[0]}",
                $"admin|system:masters|curl/8.9|127.0.0.1|{ids[1]}",
                $"admin|system:masters|Grüße/1.0 🚀|127.0.0.1|{ids[2]}",
            ],
            stored);

        JsonNode history = await servers.B.Admin.Get(
            "/apis/audit.eventstore.io/v1/namespaces/kube-test/pytorchjobrevisions?labelSelector=job=audited");
        Assert.Equal(
            stored.Zip((string[])["Created", "Patched", "Deleted"], (text, verb) => $"{verb}|{text}").Reverse(),
            history["items"]!.AsArray().Select(item => string.Join(
                '|', item!["verb"], item["user"]!["name"], item["user"]!["groups"]![0], item["userAgent"], item["sourceAddress"],
                item["requestId"])));
    }

    [Fact]
    public async Task A_user_agent_is_cut_between_characters()
    {
        await Send(HttpMethod.Post, Sample.Jobs(), Sample.Manifest("long-agent"), new string('a', 255) + "🚀🚀");
        string stored = await servers.Database.Ask<string>("""
            SELECT headers ->> 'userAgent' FROM eventstore.mt_events e JOIN eventstore.mt_doc_current_job j ON j.id = e.stream_id WHERE j.name = 'long-agent'
            """);
        Assert.Equal(new string('a', 255), stored);
    }

    /// <summary>Sends a request that must succeed and answers its Audit-Id.</summary>
    private async Task<string> Send(HttpMethod method, string path, string? body, string userAgent)
    {
        // A client of its own: how it writes its headers is a matter of the connection.
        using var handler = new SocketsHttpHandler { RequestHeaderEncodingSelector = (_, _) => System.Text.Encoding.UTF8 };
        using var client = new HttpClient(handler) { BaseAddress = servers.A.Url };
        using var request = new HttpRequestMessage(method, path);
        if (body is not null)
            request.Content = Sample.Body(body, method == HttpMethod.Patch ? "application/merge-patch+json" : "application/json");
        request.Headers.Authorization = servers.A.Admin.DefaultRequestHeaders.Authorization;
        Assert.True(request.Headers.TryAddWithoutValidation("User-Agent", userAgent));
        using HttpResponseMessage answer = await client.SendAsync(request);
        Assert.True(answer.IsSuccessStatusCode, await answer.Content.ReadAsStringAsync());
        return Assert.Single(answer.Headers.GetValues("Audit-Id"));
    }
}
