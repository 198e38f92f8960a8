using System.Net;
using System.Text.Json.Nodes;
using EventStore.Server.Store.Proof;

namespace EventStore.Server.Tests.Fixtures;

/// <summary>Many writers at once, and what they left in the store.</summary>
public static class Race
{
    /// <summary>Starts so many writers behind one gate, spread over the servers, and answers what each was told.</summary>
    public static async Task<Reply[]> Of(
        int writers, IReadOnlyList<ServerProcess> servers, Func<HttpClient, int, Task<HttpResponseMessage>> write)
    {
        var gate = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        Task<Reply>[] running = [.. Enumerable.Range(0, writers).Select(async i =>
        {
            await gate.Task;
            return await Reply.Of(await write(servers[i % servers.Count].Admin, i));
        })];
        gate.SetResult();
        return await Task.WhenAll(running);
    }

    /// <summary>How many events the living job of that name has.</summary>
    public static Task<long> Events(this TestDatabase database, string job) => database.Ask<long>($"""
        SELECT count(*) FROM eventstore.mt_events e JOIN eventstore.mt_doc_current_job j ON j.id = e.stream_id
         WHERE j.name = '{job}' AND NOT j.deleted
        """);

    /// <summary>Every row, stream and the head are what the events say; no half of anything is there.</summary>
    public static async Task AssertWhole(this TestDatabase database)
    {
        var differences = new List<Finding>();
        await Verification.Run(database.Source, null, differences.Add, (_, _) => { }, CancellationToken.None);
        Assert.Empty(differences);
    }
}

/// <summary>An answer, read.</summary>
/// <param name="Code">The status code.</param>
/// <param name="Text">The body.</param>
/// <param name="RetryAfter">The Retry-After header.</param>
public sealed record Reply(HttpStatusCode Code, string Text, string? RetryAfter)
{
    /// <summary>The body as an object.</summary>
    public JsonNode Json => JsonNode.Parse(Text)!;

    /// <summary>A label of the object.</summary>
    public string? Label(string name) => (string?)Json["metadata"]!["labels"]?[name];

    /// <summary>Reads an answer.</summary>
    public static async Task<Reply> Of(HttpResponseMessage answer)
    {
        using (answer)
            return new Reply(answer.StatusCode, await answer.Content.ReadAsStringAsync(), answer.Headers.RetryAfter?.ToString());
    }

    /// <summary>Reads an answer.</summary>
    public static async Task<Reply> Of(Task<HttpResponseMessage> answer) => await Of(await answer);
}
