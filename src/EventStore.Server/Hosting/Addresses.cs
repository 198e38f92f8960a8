using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;

namespace EventStore.Server.Hosting;

/// <summary>The addresses the server listens on.</summary>
internal static class Addresses
{
    /// <summary>What to do about an address that cannot be used.</summary>
    public const string Hint = "Choose another address with --urls, for example --urls http://127.0.0.1:8081; or in Kestrel:Endpoints, if "
        + "the address stands there.";

    private const int KeepAliveIdleSeconds = 60;
    private const int KeepAliveIntervalSeconds = 15;
    private const int KeepAliveProbes = 4;

    /// <summary>
    /// Binds each address briefly, so that an address in use is reported before a database is started. If another process takes it
    /// in between, the server fails with the same message.
    /// </summary>
    /// <exception cref="OperatorException">One cannot be bound.</exception>
    public static void Probe(IEnumerable<string> urls)
    {
        foreach (string url in urls)
        {
            if (EndPointOf(url) is not { } endPoint)
                continue;
            try
            {
                using var socket = new Socket(endPoint.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
                if (endPoint.Address.Equals(IPAddress.IPv6Any))
                    socket.DualMode = true;
                socket.Bind(endPoint);
                socket.Listen();
            }
            catch (SocketException e)
            {
                throw Refusal(url, e);
            }
        }
    }

    /// <summary>The error for an address that cannot be listened on.</summary>
    public static OperatorException Refusal(string url, SocketException e) => e.SocketErrorCode == SocketError.AddressAlreadyInUse
        ? new OperatorException($"cannot listen: {url} is already in use", Hint)
        : new OperatorException($"cannot listen: {url}: {e.Message}", "Choose an address of this machine with --urls.");

    /// <summary>
    /// Listens with TCP keepalive, which accepted connections inherit: a vanished client is noticed after two minutes, even by a
    /// watch on which nothing is sent.
    /// </summary>
    public static Socket Listen(EndPoint endPoint)
    {
        Socket socket = SocketTransportOptions.CreateDefaultBoundListenSocket(endPoint);
        if (endPoint is IPEndPoint)
        {
            socket.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.KeepAlive, true);
            socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveTime, KeepAliveIdleSeconds);
            socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveInterval, KeepAliveIntervalSeconds);
            socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveRetryCount, KeepAliveProbes);
        }

        return socket;
    }

    /// <summary>The host of an address, for a certificate; null when it means every address of the machine.</summary>
    public static string? Host(string url) =>
        Uri.TryCreate(url, UriKind.Absolute, out Uri? uri) && uri.Host is not ("0.0.0.0" or "[::]") ? uri.Host.Trim('[', ']') : null;

    /// <summary>The address in a form that a client on this machine can call.</summary>
    public static string Local(string url) => ((string[])["//[::]", "//0.0.0.0", "//*", "//+"]).Aggregate(
        url, (said, any) => said.Replace(any, "//127.0.0.1", StringComparison.Ordinal));

    private static IPEndPoint? EndPointOf(string url)
    {
        BindingAddress address = BindingAddress.Parse(url);
        if (address.IsUnixPipe || address.Port == 0)
            return null;
        IPAddress bound = address.Host == "localhost" ? IPAddress.Loopback
            : IPAddress.TryParse(address.Host.Trim('[', ']'), out IPAddress? named) ? named
            : Socket.OSSupportsIPv6 ? IPAddress.IPv6Any : IPAddress.Any; // Kestrel takes a name to mean every address
        return new IPEndPoint(bound, address.Port);
    }
}
