using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace EventStore.Server.Tests.Fixtures;

/// <summary>
/// Ports of loopback that nobody listens on, for what is told its port before it takes it and for what gives a port back and wants it
/// again.
/// </summary>
/// <remarks>
/// They lie below those the kernel gives to outgoing connections (ip_local_port_range): one of these could take a port between our look at
/// it and its use.
/// </remarks>
internal static class FreePort
{
    private const int Lowest = 10_000;

    private static readonly int LowestOfKernel = File.Exists("/proc/sys/net/ipv4/ip_local_port_range")
        ? int.Parse(File.ReadAllText("/proc/sys/net/ipv4/ip_local_port_range").Split('\t', ' ')[0], CultureInfo.InvariantCulture)
        : 32_768;

    /// <summary>One of them, at random: two who ask at once hardly ever get the same.</summary>
    public static int Find()
    {
        while (true)
        {
            int port = Random.Shared.Next(Lowest, LowestOfKernel);
            using var listener = new TcpListener(IPAddress.Loopback, port);
            try
            {
                listener.Start();
                return port;
            }
            catch (SocketException e) when (e.SocketErrorCode == SocketError.AddressAlreadyInUse)
            {
                // Taken: another one.
            }
        }
    }
}
