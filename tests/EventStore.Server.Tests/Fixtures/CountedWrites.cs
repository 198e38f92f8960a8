using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Text.Json.Nodes;
using Npgsql;

namespace EventStore.Server.Tests.Fixtures;

/// <summary>
/// Clients that write a label of a few jobs and read them while the database, or the server, may go at any moment. All they send and are
/// answered is recorded; afterwards <see cref="HistoryCheck"/> compares it with what is stored.
/// </summary>
internal sealed class CountedWrites
{
    private static readonly TimeSpan Retry = TimeSpan.FromMilliseconds(50);

    private readonly ConcurrentQueue<Operation> history = new();
    private readonly ConcurrentDictionary<string, int> refusals = new();
    private int last;
    private int answered;
    private int unanswered;
    private int conflicts;
    private int read;

    /// <summary>
    /// How long a writer waits from one answered write to its next: none where load matters, some where others run beside.
    /// </summary>
    public TimeSpan Pause { get; init; }

    /// <summary>How many writes were answered as done.</summary>
    public int Answered => Volatile.Read(ref answered);

    /// <summary>How many were neither answered as done nor as not done.</summary>
    public int Unanswered => Volatile.Read(ref unanswered);

    /// <summary>How many reads were answered.</summary>
    public int Seen => Volatile.Read(ref read);

    /// <summary>How many writes met another revision than they required.</summary>
    public int Conflicts => Volatile.Read(ref conflicts);

    /// <summary>What was said instead, and how often.</summary>
    public string Refusals => string.Join('\n', refusals.Select(refusal => $"{refusal.Value} times {refusal.Key}"));

    /// <summary>Every write that was answered as done, with when it was (<see cref="Stopwatch.GetTimestamp"/>).</summary>
    public IEnumerable<Operation> Done => history.Where(each => each.Result == OperationResult.Done);

    /// <summary>Waits until a hundred more writes are answered.</summary>
    /// <param name="working">What writes; if it fails, so does this.</param>
    public async Task GoOn(Task working)
    {
        int enough = Answered + 100;
        await Eventually.Holds(
            () => Answered >= enough || working.IsFaulted, "a hundred more writes", () => $"{Answered} of {enough}\n{Refusals}");
        if (working.IsFaulted)
            await working;
    }

    /// <summary>Patches one job until it is stopped. Anything but 200 and 503 fails it.</summary>
    public async Task Write(HttpClient client, string job, CancellationToken stop)
    {
        while (!stop.IsCancellationRequested)
        {
            bool isDone = (await Patch(client, job, null)).Result is OperationResult.Done;
            await Task.Delay(isDone ? Pause : Retry, CancellationToken.None);
        }
    }

    /// <summary>
    /// The same with optimistic concurrency: each patch requires the revision that was answered or read last, and somebody else may be
    /// faster.
    /// </summary>
    public async Task WriteOptimistically(HttpClient client, string job, CancellationToken stop)
    {
        long known = 0;
        while (!stop.IsCancellationRequested)
        {
            if (known == 0)
                known = await ReadOnce(client, job);
            Operation? patch = known == 0 ? null : await Patch(client, job, known);
            known = patch?.Revision ?? 0;
            bool isAnswered = patch?.Result is OperationResult.Done or OperationResult.Conflict;
            await Task.Delay(isAnswered ? Pause : Retry, CancellationToken.None);
        }
    }

    /// <summary>Reads one job until it is stopped, from one client after the other. Anything but 200 and 503 fails it.</summary>
    public async Task Read(IReadOnlyList<HttpClient> clients, string job, CancellationToken stop, bool alsoLists = false)
    {
        for (int i = 0; !stop.IsCancellationRequested; i++)
        {
            await ReadOnce(clients[i % clients.Count], job, isList: alsoLists && i / clients.Count % 2 == 1);
            await Task.Delay(10, CancellationToken.None);
        }
    }

    /// <summary>Compares with what is stored.</summary>
    /// <returns>How many of those left open are there.</returns>
    public async Task<int> Check(NpgsqlDataSource database)
    {
        (IReadOnlyList<Fault> faults, int there) = await Faults(database);
        Assert.True(
            faults.Count == 0,
            $"{faults.Count} faults:\n{string.Join('\n', faults.Take(10).Select(fault => $"{fault.Kind}: {fault.Text}"))}");
        return there - Answered;
    }

    /// <summary>What the history has against what is stored, and how many writes are stored.</summary>
    public async Task<(IReadOnlyList<Fault> Faults, int There)> Faults(NpgsqlDataSource database)
    {
        await using NpgsqlCommand command = database.CreateCommand("""
            SELECT e.seq_id, j.name, e.data #>> '{patch,metadata,labels,count}'
              FROM eventstore.mt_events e JOIN eventstore.mt_doc_current_job j ON j.id = e.stream_id
            """);
        await using NpgsqlDataReader reader = await command.ExecuteReaderAsync();
        var stored = new List<StoredWrite>();
        while (await reader.ReadAsync())
            stored.Add(new StoredWrite(reader.GetString(1), reader.GetInt64(0), reader.IsDBNull(2) ? null : reader.GetString(2)));
        return (HistoryCheck.Faults(history, stored), stored.Count(each => each.Value is not null));
    }

    private async Task<Operation> Patch(HttpClient client, string job, long? required)
    {
        string value = $"v{Interlocked.Increment(ref last)}";
        string revision = required is { } sent ? $"\"resourceVersion\":\"{sent}\"," : "";
        long began = Stopwatch.GetTimestamp();
        (OperationResult result, Reply? reply) = await Ask(
            client.Patch(Sample.Job(job), $$$$"""{"metadata":{{{{{revision}}}}"labels":{"count":"{{{{value}}}}"}}}"""));
        var operation = new Operation(
            job, result == OperationResult.Seen ? OperationResult.Done : result, began, Stopwatch.GetTimestamp(), value, required,
            result == OperationResult.Seen ? RevisionOf(reply!) : 0);
        history.Enqueue(operation);
        _ = operation.Result switch
        {
            OperationResult.Done => Interlocked.Increment(ref answered),
            OperationResult.Conflict => Interlocked.Increment(ref conflicts),
            OperationResult.Open => Interlocked.Increment(ref unanswered),
            _ => 0,
        };
        Assert.True(result != OperationResult.Conflict || required is not null, reply?.Text);
        return operation;
    }

    /// <summary>The revision that was read; 0 if there was no answer.</summary>
    private async Task<long> ReadOnce(HttpClient client, string job, bool isList = false)
    {
        long began = Stopwatch.GetTimestamp();
        string path = isList ? $"{Sample.Jobs()}?fieldSelector=metadata.name%3D{job}" : Sample.Job(job);
        (OperationResult result, Reply? reply) = await Ask(client.GetAsync(path, CancellationToken.None));
        if (result != OperationResult.Seen)
            return 0;
        JsonNode seen = isList ? reply!.Json["items"]![0]! : reply!.Json;
        long revision = long.Parse(seen.Revision(), CultureInfo.InvariantCulture);
        history.Enqueue(new Operation(
            job, result, began, Stopwatch.GetTimestamp(), (string?)seen["metadata"]!["labels"]!["count"], Revision: revision));
        Interlocked.Increment(ref read);
        return revision;
    }

    private async Task<(OperationResult Result, Reply? Reply)> Ask(Task<HttpResponseMessage> asked)
    {
        try
        {
            Reply reply = await Reply.Of(asked);
            if (reply.Code == HttpStatusCode.OK)
                return (OperationResult.Seen, reply);
            if (reply.Code == HttpStatusCode.Conflict)
                return (OperationResult.Conflict, reply);
            Assert.True(reply.Code == HttpStatusCode.ServiceUnavailable && reply.RetryAfter is not null, $"{reply.Code}: {reply.Text}");
            Refused((string)reply.Json["message"]!);
            // Whether a write was applied is only left open where the message says so.
            return (reply.Text.Contains("may have been applied", StringComparison.Ordinal) ? OperationResult.Open
                : OperationResult.NotDone, reply);
        }
        catch (HttpRequestException e)
        {
            Refused(e.HttpRequestError.ToString());
            return (OperationResult.Open, null);
        }
    }

    private void Refused(string why) => refusals.AddOrUpdate(why, 1, (_, times) => times + 1);

    private static long RevisionOf(Reply reply) => long.Parse(reply.Json.Revision(), CultureInfo.InvariantCulture);
}
