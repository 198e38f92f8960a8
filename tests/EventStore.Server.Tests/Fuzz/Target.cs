using System.Net.Http.Headers;
using System.Text;
using EventStore.Domain.Json;
using EventStore.Server.Tests.Fixtures;

namespace EventStore.Server.Tests.Fuzz;

/// <summary>A server with one job, to be sent bad input.</summary>
internal sealed class Target : IAsyncDisposable
{
    private readonly TestDatabase database;
    private readonly ServerProcess server;
    private readonly SortedDictionary<int, int> codes = [];
    private readonly JsonObject before;

    private Target(TestDatabase database, ServerProcess server, JsonObject before) =>
        (this.database, this.server, this.before) = (database, server, before);

    /// <summary>How it was answered.</summary>
    public string Summary => $"{codes.Values.Sum()} requests: {string.Join(", ", codes.Select(code => $"{code.Value} times {code.Key}"))}";

    public static async Task<Target> Start()
    {
        TestDatabase database = await TestDatabase.Create();
        ServerProcess server = await ServerProcess.Start(database.Serving);
        await server.Admin.Create("fuzz");
        await (await server.Admin.Patch(Sample.Job("fuzz") + "/status", """{"status":{"startTime":"2026-01-01T00:00:00Z"}}""")).Manifest();
        return new Target(database, server, await Fixed(server));
    }

    /// <summary>Sends the input as a body about the job.</summary>
    /// <param name="method">PATCH or PUT.</param>
    /// <param name="part">What follows the job's path.</param>
    /// <param name="input">The body.</param>
    /// <param name="mediaType">What it claims to be.</param>
    public async Task Send(HttpMethod method, string part, byte[] input, string mediaType)
    {
        using var request = new HttpRequestMessage(method, Sample.Job("fuzz") + part) { Content = new ByteArrayContent(input) };
        request.Content.Headers.ContentType = MediaTypeHeaderValue.Parse(mediaType);
        Tally(input, await Reply.Of(server.Admin.SendAsync(request)));
    }

    /// <summary>Asks for a list with the input as a parameter.</summary>
    public async Task Ask(string parameter, byte[] input) =>
        Tally(input, await Reply.Of(
            server.Admin.GetAsync($"{Sample.Jobs()}?{parameter}={Uri.EscapeDataString(Encoding.UTF8.GetString(input))}&limit=5")));

    /// <summary>What is fixed is as it was, byte for byte; and all that was stored can be read and folded.</summary>
    public async Task AssertUnharmed()
    {
        Assert.Equal(before, await Fixed(server));
        await database.AssertWhole();
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await server.DisposeAsync();
        await database.DisposeAsync();
    }

    private static async Task<JsonObject> Fixed(ServerProcess server)
    {
        using HttpResponseMessage answer = await server.Admin.GetAsync(Sample.Job("fuzz"));
        return Judge.Fixed(JsonReading.Parse(await answer.EnsureSuccessStatusCode().Content.ReadAsByteArrayAsync()));
    }

    private void Tally(byte[] input, Reply reply)
    {
        int code = (int)reply.Code;
        codes[code] = codes.GetValueOrDefault(code) + 1;
        // 504 is a revision that does not exist yet.
        Assert.True(code is < 500 or 504, $"{code}: {reply.Text}\n{Inputs.Show(input)}");
    }
}
