using System.Globalization;
using System.Net;
using System.Text.Json.Nodes;
using EventStore.Server.Tests.Fixtures;

namespace EventStore.Server.Tests.Watch;

/// <summary>
/// A client's cache of a collection, as Kubernetes controllers have it: lists once, watches from there, goes on from the last revision when
/// it is cut off, and lists anew when that one has expired (410).
/// </summary>
/// <param name="client">Who watches.</param>
/// <param name="path">The collection.</param>
internal sealed class Informer(HttpClient client, string path)
{
    private readonly Dictionary<string, long> jobs = [];
    private long last;

    /// <summary>How often it was told that its revision has expired.</summary>
    public int Expired { get; private set; }

    /// <summary>The last revision that it was shown; 0 while it has none.</summary>
    public long Last => Volatile.Read(ref last);

    /// <summary>The revision of each job as it knows it.</summary>
    public IReadOnlyDictionary<string, long> Jobs => jobs;

    /// <summary>Follows until it has been told that nothing more happened up to the last revision there will be.</summary>
    public async Task Follow(Task<long> end)
    {
        while (!(end.IsCompleted && last >= await end))
        {
            try
            {
                if (last == 0)
                    last = await List();
                await Watch(end);
            }
            catch (HttpRequestException e) when (e.StatusCode == HttpStatusCode.Gone)
            {
                Expire();
            }
            catch (Exception e) when (e is IOException or HttpRequestException { StatusCode: null or HttpStatusCode.ServiceUnavailable })
            {
                await Task.Delay(50);
            }
        }
    }

    private async Task<long> List()
    {
        Reply reply = await Reply.Of(client.GetAsync(path));
        if (reply.Code != HttpStatusCode.OK)
            throw new HttpRequestException(reply.Text, null, reply.Code);
        jobs.Clear();
        foreach (JsonNode? job in (JsonArray)reply.Json["items"]!)
            jobs[Name(job!)] = long.Parse(job!.Revision(), CultureInfo.InvariantCulture);
        return long.Parse(reply.Json.Revision(), CultureInfo.InvariantCulture);
    }

    private async Task Watch(Task<long> end)
    {
        await using WatchClient watch = await WatchClient.Open(client, path, $"allowWatchBookmarks=true&resourceVersion={last}");
        while (!(end.IsCompleted && last >= await end))
        {
            Frame frame = await watch.Next() ?? throw new IOException("the watch ended by itself");
            JsonNode shown = JsonNode.Parse(frame.Object)!;
            switch (frame.Type)
            {
                case "ERROR":
                    Assert.Equal(410, (int)shown["code"]!);
                    Expire();
                    return;
                case "DELETED":
                    jobs.Remove(Name(shown));
                    break;
                case "ADDED" or "MODIFIED":
                    jobs[Name(shown)] = frame.Revision;
                    break;
            }

            Assert.True(frame.Revision >= last, $"{frame} came after {last}");
            last = frame.Revision;
        }
    }

    private void Expire()
    {
        Expired++;
        last = 0;
    }

    private static string Name(JsonNode job) => (string)job["metadata"]!["name"]!;
}
