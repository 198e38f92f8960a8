using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;

namespace EventStore.Server.Tests.Fixtures;

/// <summary>
/// A proxy before several servers, as simple as one can be: each connection goes to the next server that takes one. A server that dies
/// takes its connections along, and the next ones go to the others.
/// </summary>
internal sealed class TcpProxy : IAsyncDisposable
{
    private readonly TcpListener listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource stop = new();
    private readonly Task accepting;
    private volatile Uri[] servers;
    private int turn;

    public TcpProxy(params Uri[] servers)
    {
        this.servers = servers;
        listener.Start();
        accepting = Accept();
    }

    /// <summary>Where it listens.</summary>
    public Uri Url => new($"http://127.0.0.1:{((IPEndPoint)listener.LocalEndpoint).Port}");

    /// <summary>From now on new connections go to these.</summary>
    public void SendTo(params Uri[] now) => servers = now;

    /// <summary>A client that goes through it as the admin.</summary>
    public HttpClient Client()
    {
        var client = new HttpClient(new SocketsHttpHandler { MaxConnectionsPerServer = 256 })
        {
            BaseAddress = Url,
            Timeout = TimeSpan.FromSeconds(60),
        };
        client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", ServerProcess.AdminToken);
        return client;
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await stop.CancelAsync();
        listener.Stop();
        await accepting;
        stop.Dispose();
    }

    private async Task Accept()
    {
        try
        {
            while (true)
                _ = Carry(await listener.AcceptTcpClientAsync(stop.Token));
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException)
        {
            // The test is over.
        }
    }

    private async Task Carry(TcpClient client)
    {
        using (client)
        {
            Uri[] now = servers;
            int first = Interlocked.Increment(ref turn) & int.MaxValue;
            for (int i = 0; i < now.Length; i++)
            {
                using var server = new TcpClient();
                if (!await Reaches(server, now[(first + i) % now.Length]))
                    continue;
                client.NoDelay = server.NoDelay = true;
                await Task.WhenAny(Copy(client, server), Copy(server, client));
                return;
            }
        }
    }

    private static async Task<bool> Reaches(TcpClient server, Uri url)
    {
        try
        {
            await server.ConnectAsync(url.Host, url.Port);
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    private async Task Copy(TcpClient from, TcpClient to)
    {
        try
        {
            await from.GetStream().CopyToAsync(to.GetStream(), stop.Token);
        }
        catch (Exception e) when (e is IOException or OperationCanceledException or ObjectDisposedException)
        {
            // One of the two has gone.
        }
    }
}
