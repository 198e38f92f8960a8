using System.Buffers;
using EventStore.Server.Kubernetes.Answers;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace EventStore.Server.Tests.Kubernetes;

/// <summary>A body in pooled memory comes out as it was written, and all of its memory goes back when the response has ended.</summary>
public sealed class Pooled_texts
{
    private const int LargeObjectBytes = 85_000;

    [Theory]
    [InlineData(0)]
    [InlineData(1000)]
    [InlineData(1 << 20)]
    public async Task Come_out_as_written_and_give_everything_back(int length)
    {
        byte[] written = [.. Enumerable.Range(0, length).Select(at => (byte)(at % 251))];
        var pool = new CountingPool();
        var response = new Ending();
        PooledText text = PooledText.For(new DefaultHttpContext(response.Features).Response, pool);
        for (int at = 0; at < length; at += 1000)
            text.Write(written.AsSpan(at, Math.Min(1000, length - at)));

        Assert.Equal(length, text.Length);
        Assert.Equal(written, text.End().ToArray());
        Assert.Equal(length, pool.LentBytes, tolerance: CountingPool.PieceBytes);

        await response.End();
        Assert.Equal(0, pool.LentBytes);
        Assert.InRange(pool.LargestBytes, 0, LargeObjectBytes);
    }

    [Fact]
    public async Task Given_up_halfway_give_everything_back()
    {
        var pool = new CountingPool();
        var response = new Ending();
        PooledText.For(new DefaultHttpContext(response.Features).Response, pool).Write(new byte[200_000]);
        Assert.NotEqual(0, pool.LentBytes);

        await response.End();
        Assert.Equal(0, pool.LentBytes);
    }

    /// <summary>A response that ends when it is told to.</summary>
    private sealed class Ending : HttpResponseFeature
    {
        private readonly Stack<(Func<object, Task> Callback, object State)> callbacks = new();

        public FeatureCollection Features
        {
            get
            {
                var features = new FeatureCollection();
                features.Set<IHttpRequestFeature>(new HttpRequestFeature());
                features.Set<IHttpResponseFeature>(this);
                return features;
            }
        }

        public override void OnCompleted(Func<object, Task> callback, object state) => callbacks.Push((callback, state));

        public async Task End()
        {
            while (callbacks.TryPop(out (Func<object, Task> Callback, object State) next))
                await next.Callback(next.State);
        }
    }

    private sealed class CountingPool : MemoryPool<byte>
    {
        public const int PieceBytes = 64 << 10;

        public long LentBytes { get; private set; }

        public int LargestBytes { get; private set; }

        public override int MaxBufferSize => int.MaxValue;

        public override IMemoryOwner<byte> Rent(int minBufferSize = -1)
        {
            var piece = new Piece(this, new byte[Math.Max(minBufferSize, 1)]);
            LentBytes += piece.Memory.Length;
            LargestBytes = Math.Max(LargestBytes, piece.Memory.Length);
            return piece;
        }

        protected override void Dispose(bool disposing)
        {
        }

        private sealed class Piece(CountingPool pool, byte[] bytes) : IMemoryOwner<byte>
        {
            public Memory<byte> Memory { get; } = bytes;

            public void Dispose() => pool.LentBytes -= Memory.Length;
        }
    }
}
