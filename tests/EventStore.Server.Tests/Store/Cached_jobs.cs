using EventStore.Domain.Jobs;
using EventStore.Server.Store.Lane;
using EventStore.Server.Tests.Fixtures;

namespace EventStore.Server.Tests.Store;

/// <summary>The lane's cache keeps the jobs used last, as many as fit into the memory it may take.</summary>
public sealed class Cached_jobs
{
    private static readonly long JobBytes = JobMemory.Of(Job("job-00"));

    [Fact]
    public void The_least_recently_used_go_first()
    {
        var cache = new JobCache(20 * JobBytes);
        for (int i = 0; i < 20; i++)
            cache.Put(Job($"job-{i:00}"), 1000);
        Assert.True(cache.TryGet(Key("job-00"), out _));
        cache.Put(Job("job-20"), 1000);

        Assert.True(cache.TryGet(Key("job-00"), out _));
        Assert.False(cache.TryGet(Key("job-01"), out _));
        Assert.True(cache.TryGet(Key("job-20"), out _));
    }

    [Fact]
    public void A_job_put_again_takes_its_room_once()
    {
        var cache = new JobCache(20 * JobBytes);
        for (int i = 0; i < 20; i++)
            cache.Put(Job($"job-{i:00}"), 1000);
        for (int i = 0; i < 100; i++)
            cache.Put(Job("job-19"), 1000);

        Assert.True(cache.TryGet(Key("job-00"), out _));
        cache.Forget(Key("job-00"));
        Assert.False(cache.TryGet(Key("job-00"), out _));
        cache.Put(Job("job-20"), 1000);
        Assert.True(cache.TryGet(Key("job-01"), out _));
    }

    [Fact]
    public void Of_a_job_that_would_evict_many_others_only_the_size_is_kept()
    {
        var cache = new JobCache(20 * JobBytes);
        cache.Put(Job("small"), 1000);
        cache.Put(Job("large", """,{"name":"large","image":"i","env":["""
            + string.Join(",", Enumerable.Repeat("""{"name":"n","value":"v"}""", 1000)) + "]}"), 40_000);
        cache.AddSize(Key("unread"), 50_000);

        Assert.False(cache.TryGet(Key("large"), out _));
        Assert.False(cache.TryGetFirst(Key("large"), out _));
        Assert.Equal(((int?)40_000, (int?)50_000, (int?)1000, (int?)null), (
            cache.TextBytes(Key("large")), cache.TextBytes(Key("unread")), cache.TextBytes(Key("small")), cache.TextBytes(Key("none"))));
        Assert.True(cache.TryGet(Key("small"), out _));
    }

    [Fact]
    public void A_job_read_before_all_were_forgotten_or_behind_a_newer_one_is_not_kept()
    {
        var cache = new JobCache(20 * JobBytes);
        int before = cache.Clears;
        cache.Clear();
        cache.Add(Job("read"), 1000, before);
        Assert.False(cache.TryGet(Key("read"), out _));

        Job newer = Job("read");
        cache.Put(newer, 1000);
        cache.Add(Job("read"), 1000, cache.Clears);
        Assert.True(cache.TryGet(Key("read"), out Job? kept));
        Assert.Same(newer, kept);
    }

    [Fact]
    public void Memory_counts_the_objects_and_not_the_text()
    {
        // Two bytes of text each, and 24 to 80 of memory.
        long objects = JobMemory.Of(
            Job("objects", """,{"name":"o","image":"i","env":[""" + string.Join(",", Enumerable.Repeat("{}", 1000)) + "]}"));
        long texts = JobMemory.Of(
            Job("objects", """,{"name":"o","image":"i","args":[""" + string.Join(",", Enumerable.Repeat("\"\"", 1000)) + "]}"));

        Assert.InRange(objects - JobBytes, 8_000, 9_000); // the empty object is one and the same: a reference each
        Assert.InRange(texts - JobBytes, 56_000, 57_000); // 8 of a reference, 24 of a JsonText, 24 of an empty text
        Assert.InRange(JobMemory.Of(Job("objects"), most: 100), 100, JobBytes);
    }

    private static JobKey Key(string name) => new(InProcess.Namespace, name);

    private static Job Job(string name, string container = "")
    {
        var created = (Decision.Accepted)JobDecider.Decide(null, InProcess.Create(name));
        Job job = Domain.Jobs.Job.Evolve(null, created.Event, 7);
        if (container.Length == 0)
            return job;
        Domain.Json.JsonValue more = Domain.Json.JsonReading.Parse(System.Text.Encoding.UTF8.GetBytes($"[{container[1..]}]"));
        return job with { Manifest = job.Manifest.With("more", more) };
    }
}
