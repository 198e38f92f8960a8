using System.Net;

namespace EventStore.Server.Tests.Fixtures;

/// <summary>
/// Many writers at once over few names, so that they meet: creations with finalizers and without, patches, rollbacks, status,
/// deletions, names used again. What is refused because somebody else was faster is part of it.
/// </summary>
internal sealed class Writers(params IReadOnlyList<HttpClient> clients)
{
    /// <summary>Namespaces whose order by bytes is not that of a dictionary: <c>a-b/</c>, <c>a/</c>, <c>a0/</c>.</summary>
    public static readonly string[] Namespaces = ["a", "a-b", "a0"];

    /// <summary>How many names there are in each.</summary>
    public int Names { get; init; } = 6;

    /// <summary>Whether the database may be away now and then.</summary>
    public bool MayFail { get; init; }

    /// <summary>Has so many writers make so many requests each.</summary>
    public Task Write(int writers, int requests, int seed = 1) =>
        Task.WhenAll(Enumerable.Range(0, writers).Select(writer => Task.Run(async () =>
        {
            var random = new Random((seed * 1000) + writer);
            for (int i = 0; i < requests; i++)
                await Request(clients[writer % clients.Count], random);
        })));

    /// <summary>Has writers make requests until they are stopped.</summary>
    public async Task WriteUntil(int writers, int seed, CancellationToken stop)
    {
        for (int round = 0; !stop.IsCancellationRequested; round++)
            await Write(writers, 5, (seed * 1000) + round);
    }

    private async Task Request(HttpClient client, Random random)
    {
        try
        {
            using HttpResponseMessage answer = await Send(client, random);
            bool expected = answer.IsSuccessStatusCode
                || (answer.StatusCode == HttpStatusCode.UnprocessableEntity && answer.RequestMessage!.RequestUri!.AbsolutePath.EndsWith(
                    "/rollback", StringComparison.Ordinal))
                || answer.StatusCode is HttpStatusCode.NotFound or HttpStatusCode.Conflict or HttpStatusCode.BadRequest
                || (MayFail && answer.StatusCode == HttpStatusCode.ServiceUnavailable);
            Assert.True(expected, $"{(int)answer.StatusCode}: {(expected ? "" : await answer.Content.ReadAsStringAsync())}");
            if (answer.StatusCode == HttpStatusCode.ServiceUnavailable)
                await Task.Delay(50);
        }
        catch (HttpRequestException) when (MayFail)
        {
            await Task.Delay(50);
        }
    }

    private Task<HttpResponseMessage> Send(HttpClient client, Random random)
    {
        string space = Namespaces[random.Next(Namespaces.Length)];
        string name = $"job-{random.Next(Names)}";
        string path = Sample.Job(name, space);
        string team = $"{random.Next(3)}";
        return random.Next(22) switch
        {
            < 4 => client.PostAsync(Sample.Jobs(space), Sample.Body(Sample.Manifest(name, $$"""{"team":"{{team}}"}"""))),
            < 6 => client.PostAsync(Sample.Jobs(space), Sample.Body(
                Sample.Manifest(name, $$"""{"team":"{{team}}"}""", ",\"finalizers\":[\"example.com/hold\"]"))),
            < 9 => client.Patch(
                path,
                $$$$"""{"metadata":{"labels":{"team":{{{{(team == "0" ? "null" : $"\"{team}\"")}}}},"n":"{{{{random.Next(1000)}}}}"}}}"""),
            < 12 => client.Patch(path, $$$"""{"spec":{"activeDeadlineSeconds":{{{random.Next(1, 1000)}}},"cleanPodPolicy":"None"}}"""),
            < 13 => Replace(client, path, team),
            < 15 => client.Patch(path + "/status", $$$"""{"status":{"conditions":[{"type":"Running","n":{{{random.Next(1000)}}}.50}]}}"""),
            < 16 => ReplaceStatus(client, path, random.Next(2) == 0 ? """{"conditions":null,"startTime":null}""" : "null"),
            < 18 => client.DeleteAsync(path),
            < 20 => RollBack(client, path, random),
            _ => client.Patch(path, """{"metadata":{"finalizers":null}}"""),
        };
    }

    private static async Task<HttpResponseMessage> Replace(HttpClient client, string path, string team)
    {
        HttpResponseMessage answer = await client.GetAsync(path);
        if (!answer.IsSuccessStatusCode)
            return answer;
        var job = await answer.Manifest();
        job["metadata"]!["annotations"] = new System.Text.Json.Nodes.JsonObject { ["example.com/team"] = team };
        return await client.PutAsync(path, Sample.Body(job.ToJsonString()));
    }

    // Now and then to a revision of the job that had the name before, which is refused.
    private static async Task<HttpResponseMessage> RollBack(HttpClient client, string path, Random random)
    {
        HttpResponseMessage answer = await client.GetAsync(path);
        if (!answer.IsSuccessStatusCode)
            return answer;
        long revision = long.Parse((await answer.Manifest()).Revision());
        return await client.PostAsync(path + "/rollback", Sample.Body($$"""{"revision":{{Math.Max(2, revision - random.Next(60))}}}"""));
    }

    private static async Task<HttpResponseMessage> ReplaceStatus(HttpClient client, string path, string status)
    {
        HttpResponseMessage answer = await client.GetAsync(path);
        if (!answer.IsSuccessStatusCode)
            return answer;
        var job = await answer.Manifest();
        job["status"] = System.Text.Json.Nodes.JsonNode.Parse(status);
        return await client.PutAsync(path + "/status", Sample.Body(job.ToJsonString()));
    }
}
