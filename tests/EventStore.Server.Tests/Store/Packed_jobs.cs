using System.Text;
using EventStore.Domain.Jobs;
using EventStore.Server.Store.Format;
using EventStore.Server.Store.Lane;
using EventStore.Server.Tests.Fixtures;

namespace EventStore.Server.Tests.Store;

/// <summary>Jobs that are wanted less often are kept as differences from one another, and come back as they were.</summary>
public sealed class Packed_jobs
{
    [Fact]
    public void Of_those_used_least_nothing_is_lost()
    {
        Job[] jobs = [.. Enumerable.Range(0, 200).Select(i => Patched(New($"job-{i}"), "n", $"{i}", 100 + i))];
        var cache = new JobCache(10_000, 1 << 20);
        foreach (Job job in jobs)
            cache.Put(job, 1000);

        cache.Pack();

        Assert.Equal(10, jobs.Count(job => cache.Has(job.Key)));
        foreach (Job job in jobs)
        {
            Assert.True(cache.TryGet(job.Key, out Job? again));
            Assert.Equal(job, again);
            Assert.Equal(Encoding.UTF8.GetString(JobText.Of(job).ToUtf8(job.Revision)), Encoding.UTF8.GetString(JobText.Of(again).ToUtf8(job.Revision)));
        }
    }

    [Fact]
    public void Who_unpacks_one_leaves_it_at_hand_for_its_turn()
    {
        var cache = new JobCache(0, 1 << 20);
        cache.Put(New("turn"), 1000);
        cache.Pack();
        Assert.False(cache.Has(New("turn").Key));

        Assert.True(cache.TryGetFirst(New("turn").Key, out Job? early));
        Assert.False(cache.TryGetFirst(New("turn").Key, out _));
        Assert.True(cache.TryGet(New("turn").Key, out Job? late));
        Assert.Same(early, late);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void What_is_forgotten_is_not_found_packed_either(bool all)
    {
        var cache = new JobCache(0, 1 << 20);
        Job job = New("forgotten");
        cache.Put(job, 1000);
        cache.Pack();
        if (all)
            cache.Clear();
        else
            cache.Forget(job.Key);

        Assert.False(cache.TryGet(job.Key, out _));
    }

    [Fact]
    public void A_newer_state_takes_the_place_of_the_older_one()
    {
        var cache = new JobCache(0, 1 << 20);
        Job job = New("newer");
        cache.Put(job, 1000);
        cache.Pack();
        Job newer = Patched(job, "n", "2", 9);
        cache.Put(newer, 1000);
        cache.Pack();

        Assert.True(cache.TryGet(job.Key, out Job? known));
        Assert.Equal(newer, known);
    }

    [Fact]
    public void What_was_read_counts_only_if_nothing_newer_is_known_and_nothing_was_forgotten_since()
    {
        var cache = new JobCache(10_000, 1 << 20);
        Job read = New("read"), newer = Patched(read, "n", "1", 8);
        cache.Put(newer, 1000);
        cache.Add(read, 1000, cache.Clears);
        Assert.True(cache.TryGet(read.Key, out Job? known));
        Assert.Same(newer, known);

        int clears = cache.Clears;
        cache.Clear();
        cache.Add(read, 1000, clears);
        Assert.False(cache.TryGet(read.Key, out _));
        cache.Add(read, 1000, cache.Clears);
        Assert.True(cache.TryGet(read.Key, out _));
    }

    [Fact]
    public void Like_jobs_take_a_tenth_of_their_text_and_keep_within_the_limit()
    {
        const int limit = 20_000;
        var packed = new PackedJobs(limit);
        Job[] jobs = [.. Enumerable.Range(0, 1000).Select(i => New($"job-{i}"))];
        foreach (Job job in jobs)
            packed.Put(job, PackedJobs.TextOf(job));

        int kept = jobs.Count(job => packed.Find(job.Key) is not null);
        Assert.InRange(kept, limit / 120, limit / 70); // about 76 bytes each, where their texts have
        Assert.InRange(PackedJobs.TextOf(jobs[0]).Length, 700, 1200);
    }

    [Fact]
    public void Without_room_none_are_kept()
    {
        var packed = new PackedJobs(0);
        packed.Put(New("none"), PackedJobs.TextOf(New("none")));
        Assert.Null(packed.Find(New("none").Key));
    }

    [Fact]
    public void One_of_another_name_is_not_taken_for_the_job()
    {
        var packed = new PackedJobs(1 << 20);
        packed.Put(New("mine"), PackedJobs.TextOf(New("mine")));
        Assert.Null(packed.Find(New("mine").Key)!.Value.Unpack(New("other").Key));
        Assert.NotNull(packed.Find(New("mine").Key)!.Value.Unpack(New("mine").Key));
    }

    /// <summary>The first of a namespace may be unlike all the others; once that shows, another takes its place.</summary>
    [Fact]
    public void A_base_none_are_like_gives_way()
    {
        var packed = new PackedJobs(1 << 20);
        Job odd = Patched(New("odd"), "odd", "one", 1), likeIt = Patched(New("like-it"), "odd", "two", 1);
        byte[] oddText = Noise(1);
        packed.Put(odd, oddText);
        packed.Put(likeIt, oddText);
        Assert.NotNull(packed.Find(likeIt.Key));

        Job[] others = [.. Enumerable.Range(0, 1100).Select(i => New($"job-{i}"))];
        foreach (Job job in others)
            packed.Put(job, PackedJobs.TextOf(job));

        Assert.Null(packed.Find(odd.Key)); // with its base it went
        Assert.Equal(1100 - 1024, others.Count(job => packed.Find(job.Key) is not null));
        Assert.All(others.Where(job => packed.Find(job.Key) is not null), job => Assert.Equal(job, packed.Find(job.Key)!.Value.Unpack(job.Key)!.Value.Job));
    }

    [Fact]
    public void What_is_very_long_or_unlike_is_not_kept()
    {
        var packed = new PackedJobs(1 << 20);
        Job first = New("first"), unlike = New("unlike"), @long = New("long");
        packed.Put(first, PackedJobs.TextOf(first));
        packed.Put(unlike, Noise(2));
        packed.Put(@long, [.. Enumerable.Repeat(PackedJobs.TextOf(first), 100).SelectMany(text => text)]); // of which little would be left

        Assert.Null(packed.Find(unlike.Key));
        Assert.Null(packed.Find(@long.Key));
        Assert.NotNull(packed.Find(first.Key));
    }

    [Fact]
    public void A_difference_gives_the_text_again()
    {
        var random = new Random(20260102);
        for (int round = 0; round < 20_000; round++)
        {
            byte[] one = Text(random, random.Next(200)), other = random.Next(4) == 0 ? Text(random, random.Next(200)) : Changed(random, one);
            var @base = new DeltaBase(one);
            var room = new byte[1000];
            int length = @base.Encode(other, room);

            Assert.InRange(length, 1, other.Length + 20 + (other.Length / 2));
            Assert.Equal(other, @base.Decode(room.AsSpan(0, length)));
            int less = random.Next(length);
            Assert.Equal(0, @base.Encode(other, room.AsSpan(0, less)));
        }
    }

    [Fact]
    public void A_base_may_be_as_long_as_its_places_can_be_numbered()
    {
        var text = new byte[DeltaBase.LengthBytesMax];
        new Random(1).NextBytes(text);
        var @base = new DeltaBase(text);
        var room = new byte[100];
        byte[] end = [.. "an end: "u8, .. text.AsSpan(text.Length - 400)];

        int length = @base.Encode(end, room);
        Assert.InRange(length, 1, 60);
        Assert.Equal(end, @base.Decode(room.AsSpan(0, length)));
        Assert.Equal(text, @base.Decode(room.AsSpan(0, @base.Encode(text, room))));
    }

    private static Job New(string name)
    {
        Job job = Job.Evolve(null, Happens(null, InProcess.Create(name)), 7);
        return job with { Uid = IdOf(name), Manifest = job.Manifest.With("metadata", job.Metadata.With("uid", IdOf(name).ToString())) };
    }

    private static Job Patched(Job job, string label, string value, long revision) =>
        Job.Evolve(job, Happens(job, InProcess.Label(job.Key.Name, label, value)), revision);

    private static JobEvent Happens(Job? job, JobCommand command) => ((Decision.Accepted)JobDecider.Decide(job, command)).Event;

    private static Guid IdOf(string name) => new(System.Security.Cryptography.SHA256.HashData(Encoding.UTF8.GetBytes(name)).AsSpan(0, 16));

    private static byte[] Noise(int seed)
    {
        var noise = new byte[800];
        new Random(seed).NextBytes(noise);
        return noise;
    }

    // Of few letters, so that what is equal is found in many places.
    private static byte[] Text(Random random, int length) => [.. Enumerable.Range(0, length).Select(_ => (byte)('a' + random.Next(3)))];

    private static byte[] Changed(Random random, byte[] text)
    {
        List<byte> changed = [.. text];
        for (int i = random.Next(4); i >= 0; i--)
        {
            int at = random.Next(changed.Count + 1), length = random.Next(20);
            if (random.Next(2) == 0)
                changed.InsertRange(at, Text(random, length));
            else
                changed.RemoveRange(at, Math.Min(length, changed.Count - at));
        }

        return [.. changed];
    }
}
