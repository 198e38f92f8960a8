using System.Globalization;
using EventStore.Domain.Jobs;
using EventStore.Server.Tests.Fixtures;

namespace EventStore.Server.Tests.Watch;

/// <summary>
/// A watcher who writes down all it is sent, and goes on from its last revision when it is cut off. Afterwards that is compared with the
/// event table: the same frames, in the same order, each once.
/// </summary>
/// <param name="client">Who watches.</param>
/// <param name="path">The collection.</param>
/// <param name="selector">A selector as in the query, or empty.</param>
/// <param name="covers">The jobs the path and the selector are about.</param>
/// <param name="begin">Where it begins: <c>none</c>, <c>0</c>, <c>initial</c> (sendInitialEvents) or a revision.</param>
/// <param name="head">A revision there was before it began.</param>
internal sealed class Follower(HttpClient client, string path, string selector, Func<Job, bool> covers, string begin, long head)
{
    private readonly List<Frame> frames = [];
    private readonly List<(long Revision, int Frames)> bookmarks = [];
    private long last = long.TryParse(begin, out long revision) ? revision : 0;
    private long? snapshot = long.TryParse(begin, out long start) && start > 0 ? start : null;
    private bool begun = long.TryParse(begin, out long past) && past > 0;

    /// <summary>Whether its beginning is complete: from then on it goes on from its last revision.</summary>
    public bool HasBegun => Volatile.Read(ref begun);

    /// <summary>How often it was cut off.</summary>
    public int CutOff { get; private set; }

    /// <summary>Watches until it has been told that nothing more happened up to the last revision there will be.</summary>
    public async Task Follow(Task<long> end)
    {
        while (true)
        {
            try
            {
                await using WatchClient watch = await WatchClient.Open(client, path, Query());
                while (await watch.Next() is { } frame)
                {
                    Keep(frame);
                    if (frame.Type == "BOOKMARK" && end.IsCompleted && frame.Revision >= await end)
                        return;
                }

                Assert.Fail("the watch ended by itself");
            }
            catch (Exception e) when (e is IOException
                or HttpRequestException { StatusCode: null or System.Net.HttpStatusCode.ServiceUnavailable })
            {
                CutOff++;
                if (!begun)
                    frames.Clear();
                await Task.Delay(50);
            }
        }
    }

    /// <summary>Compares what was sent with the table. Without a revision to begin at any snapshot will do, but it must be one.</summary>
    public void Check(Replay replay)
    {
        Assert.True(begun, $"{path} from {begin}: the beginning was never complete");
        long[] candidates = snapshot is { } known ? [known]
            : [head, .. replay.Revisions.Where(at => at > head && at <= bookmarks[0].Revision)];
        List<Frame>[] expectations = [.. candidates.Select(from =>
            replay.Initial(covers, begun && long.TryParse(begin, out long at) && at > 0 ? 0 : from).Concat(replay.Changes(covers, from))
                .ToList())];
        List<Frame>? match = expectations.FirstOrDefault(expected => expected.SequenceEqual(frames));
        if (match is null)
        {
            List<Frame> nearest =
                expectations.MaxBy(expected => expected.Zip(frames).TakeWhile(pair => pair.First == pair.Second).Count())!;
            int at = nearest.Zip(frames).TakeWhile(pair => pair.First == pair.Second).Count();
            Assert.Fail($"{path} {selector} from {begin}: frame {at} of {frames.Count} (expected {nearest.Count}) is\n"
                + $"{frames.ElementAtOrDefault(at)}\ninstead of\n{nearest.ElementAtOrDefault(at)}");
        }

        foreach ((long revision, int count) in bookmarks)
            Assert.True(count == match.Count || match[count].Revision > revision,
                $"{path} from {begin}: a bookmark named {revision} when only {count} frames had been sent");
    }

    private void Keep(Frame frame)
    {
        Assert.False(frame.Type == "ERROR", $"{frame}");
        if (frame.Type != "BOOKMARK")
        {
            frames.Add(frame);
            if (begun)
                last = frame.Revision;
            return;
        }

        // The first bookmark says that the beginning is complete.
        if (!begun && begin == "initial")
            snapshot = frame.Revision;
        begun = true;
        Assert.True(frame.Revision >= last, $"a bookmark named {frame.Revision} after {last}");
        last = frame.Revision;
        bookmarks.Add((frame.Revision, frames.Count));
    }

    private string Query()
    {
        string from = begun
            ? string.Create(CultureInfo.InvariantCulture, $"resourceVersion={last}")
            : begin switch
            {
                "none" => "",
                "initial" => "sendInitialEvents=true&resourceVersionMatch=NotOlderThan",
                _ => $"resourceVersion={begin}",
            };
        return $"allowWatchBookmarks=true&{selector}&{from}";
    }
}
