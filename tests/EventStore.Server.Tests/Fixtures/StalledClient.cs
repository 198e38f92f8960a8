using System.Net.Sockets;
using System.Text;

namespace EventStore.Server.Tests.Fixtures;

/// <summary>A client that asks and then hardly reads, or not at all: with a small window, so that the server soon feels it.</summary>
internal sealed class StalledClient : IDisposable
{
    private readonly Socket socket = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { ReceiveBufferSize = 4096 };

    /// <summary>Asks for a path as the admin.</summary>
    /// <param name="url">The server.</param>
    /// <param name="path">The path.</param>
    /// <param name="headers">Further headers, each with its line's end.</param>
    public static async Task<StalledClient> Get(Uri url, string path, string headers = "")
    {
        var client = new StalledClient();
        await client.socket.ConnectAsync(url.Host, url.Port);
        await client.socket.SendAsync(Encoding.ASCII.GetBytes(
            $"GET {path} HTTP/1.1\r\nHost: {url.Authority}\r\nAuthorization: Bearer {ServerProcess.AdminToken}\r\n{headers}\r\n"));
        return client;
    }

    /// <summary>Reads a byte a second until stopped.</summary>
    public async Task Trickle(CancellationToken stop)
    {
        byte[] one = new byte[1];
        try
        {
            while (!stop.IsCancellationRequested && await socket.ReceiveAsync(one, stop) > 0)
                await Task.Delay(TimeSpan.FromSeconds(1), stop);
        }
        catch (Exception e) when (e is SocketException or OperationCanceledException)
        {
            // Cut off, or told to end.
        }
    }

    /// <summary>Reads what is still on its way, and answers how it ends.</summary>
    public async Task<(string Text, bool Broken)> ReadToEnd()
    {
        using var stop = new CancellationTokenSource(Eventually.Deadline);
        var text = new StringBuilder();
        byte[] some = new byte[64 * 1024];
        try
        {
            while (await socket.ReceiveAsync(some, stop.Token) is > 0 and var length)
                text.Append(Encoding.UTF8.GetString(some, 0, length));
            return (text.ToString(), !text.ToString().EndsWith("\r\n0\r\n\r\n", StringComparison.Ordinal));
        }
        catch (SocketException)
        {
            return (text.ToString(), true);
        }
    }

    public void Dispose() => socket.Dispose();
}
