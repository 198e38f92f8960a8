using System.Buffers;
using System.IO.Compression;
using EventStore.Server.Kubernetes.Answers;
using Microsoft.AspNetCore.Http;

namespace EventStore.Server.Tests.Kubernetes;

public sealed class Streamed_replies
{
    /// <summary>However few the items are that a long answer is made of.</summary>
    [Theory]
    [InlineData(false, 100)]
    [InlineData(false, 100_000)]
    [InlineData(false, 60_000, 60_000)]
    [InlineData(false, 70_000, 60_000)]
    [InlineData(true, 140_000)]
    [InlineData(true, 1_000_000)]
    [InlineData(true, 70_000, 63_000)]
    [InlineData(true, 100_000, 40_000)]
    [InlineData(true, 1_000_000, 10)]
    [InlineData(true, 30_000, 30_000, 30_000, 30_000, 30_000)]
    public async Task Are_compressed_if_they_are_long(bool compressed, params int[] items)
    {
        foreach (bool takesGzip in (bool[])[true, false])
        {
            var sent = new MemoryStream();
            var http = new DefaultHttpContext { Response = { Body = sent } };
            http.Request.Headers.AcceptEncoding = takesGzip ? "gzip" : "";
            var reply = new StreamedReply(http);
            foreach (int length in items)
            {
                reply.Text.Write(Enumerable.Repeat((byte)'x', length).ToArray());
                await reply.SendIfMuch();
            }

            await reply.End();

            Assert.Equal(compressed && takesGzip ? "gzip" : "", http.Response.Headers.ContentEncoding.ToString());
            using Stream plain = compressed && takesGzip ? new GZipStream(new MemoryStream(sent.ToArray()), CompressionMode.Decompress)
                : new MemoryStream(sent.ToArray());
            Assert.Equal(items.Sum(), (await new StreamReader(plain).ReadToEndAsync()).Length);
            Assert.Equal(items.Sum(), reply.Written);
        }
    }
}
