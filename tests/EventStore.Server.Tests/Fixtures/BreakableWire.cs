using System.Net;
using System.Net.Sockets;
using System.Text;
using Npgsql;

namespace EventStore.Server.Tests.Fixtures;

/// <summary>
/// A wire between a server and its database that breaks where a test wants it to: just before a batch reaches PostgreSQL, or
/// after PostgreSQL has committed it and before the reply is back. A batch is known by a word in it.
/// </summary>
public sealed class BreakableWire : IAsyncDisposable
{
    // Whenever PostgreSQL is ready for the next statement it says so in these bytes ("idle" at the end), after the commit.
    private static readonly byte[] ReadyForQuery = [(byte)'Z', 0, 0, 0, 5, (byte)'I'];

    private readonly string target;
    private readonly int targetPort;
    private readonly List<Socket> open = [];
    private readonly List<Task> pumps = [];
    private readonly List<(Socket Database, byte[] Kept, Task Answered)> heldBack = [];
    private TcpListener listener;
    private volatile Cut? cut;
    private bool turnsAway;
    private int turnedAway;

    private BreakableWire(string connectionString)
    {
        var builder = new NpgsqlConnectionStringBuilder(connectionString);
        (target, targetPort) = (builder.Host!, builder.Port);
        listener = Listen(FreePort.Find()); // one that is still free when the wire comes back
        builder.Host = "127.0.0.1";
        builder.Port = ((IPEndPoint)listener.LocalEndpoint).Port;
        builder.SslMode = SslMode.Disable; // the wire has to read along
        ConnectionString = builder.ConnectionString;
    }

    private enum Where
    {
        BeforeTheDatabase,
        BeforeTheReply,
        OnItsWay,
    }

    /// <summary>The way through the wire.</summary>
    public string ConnectionString { get; }

    /// <summary>How often the wire was cut.</summary>
    public int Cuts { get; private set; }

    /// <summary>How many came while all were turned away.</summary>
    public int TurnedAway => Volatile.Read(ref turnedAway);

    /// <summary>A wire to that database.</summary>
    public static BreakableWire To(string connectionString) => new(connectionString);

    /// <summary>Cuts the connection that carries this word, before the database sees it.</summary>
    /// <param name="word">The word.</param>
    /// <param name="always">Whether again and again; else once.</param>
    public void CutBefore(string word, bool always = false) =>
        cut = new Cut(Encoding.UTF8.GetBytes(word), Where.BeforeTheDatabase, AndStayAway: false, always);

    /// <summary>Cuts the connection that carries this word, after the database has answered and before the answer is back. Once.</summary>
    /// <param name="word">The word.</param>
    /// <param name="andStayAway">Whether the database cannot be reached afterwards.</param>
    public void CutReplyTo(string word, bool andStayAway = false) =>
        cut = new Cut(Encoding.UTF8.GetBytes(word), Where.BeforeTheReply, andStayAway, Always: false);

    /// <summary>
    /// Cuts the connection that carries this word for the server alone: the database goes on waiting for what the network still holds,
    /// which <see cref="Deliver"/> brings it. Again and again.
    /// </summary>
    public void HoldBack(string word) => cut = new Cut(Encoding.UTF8.GetBytes(word), Where.OnItsWay, AndStayAway: false, Always: true);

    /// <summary>Brings the database everything that was held back, and waits until it has answered or hung up.</summary>
    public async Task Deliver()
    {
        cut = null;
        foreach ((Socket database, byte[] kept, Task answered) in heldBack)
        {
            await Send(database, kept);
            await answered;
            database.Dispose();
        }
    }

    /// <summary>From now on nobody gets through, and whoever is connected is cut off.</summary>
    public void StayAway()
    {
        listener.Stop();
        lock (open)
        {
            foreach (Socket socket in open)
                socket.Dispose();
            open.Clear();
        }
    }

    /// <summary>From now on whoever comes is counted and cut off, and whoever is connected is cut off.</summary>
    public void TurnAway()
    {
        lock (open)
        {
            turnsAway = true;
            foreach (Socket socket in open)
                socket.Dispose();
            open.Clear();
        }
    }

    /// <summary>From now on whoever comes gets through again.</summary>
    public void LetThrough()
    {
        lock (open)
            turnsAway = false;
    }

    /// <summary>The database can be reached again, at the same address.</summary>
    public void ComeBack() => listener = Listen(new NpgsqlConnectionStringBuilder(ConnectionString).Port);

    public async ValueTask DisposeAsync()
    {
        StayAway();
        Task[] all;
        lock (open)
            all = [.. pumps];
        await Task.WhenAll(all);
    }

    private TcpListener Listen(int port)
    {
        for (int tries = 1; ; tries++)
        {
            var listening = new TcpListener(IPAddress.Loopback, port);
            try
            {
                listening.Start();
                Keep(Accept(listening));
                return listening;
            }
            catch (SocketException e) when (e.SocketErrorCode == SocketError.AddressAlreadyInUse && tries < 1000)
            {
                Thread.Sleep(10); // the listener before this one is closed once its last accept has ended, on another thread
            }
        }
    }

    private async Task Accept(TcpListener listening)
    {
        try
        {
            while (true)
                Keep(Carry(await listening.AcceptSocketAsync()));
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // The listener was stopped.
        }
    }

    private async Task Carry(Socket server)
    {
        var database = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        server.NoDelay = true;
        lock (open)
        {
            if (turnsAway)
            {
                turnedAway++;
                server.Dispose();
                database.Dispose();
                return;
            }

            open.AddRange([server, database]);
        }

        var swallow = new Swallow();
        try
        {
            await database.ConnectAsync(target, targetPort);
            Task back = Back(database, server, swallow);
            await Task.WhenAny(Forth(server, database, swallow), back);
            if (swallow.HeldBack is { } rest)
                heldBack.Add((database, rest, back));
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // The database itself is away, or the wire was cut just then.
        }
        finally
        {
            server.Dispose();
            if (swallow.HeldBack is null)
                database.Dispose();
            lock (open)
            {
                open.Remove(server);
                open.Remove(database);
            }
        }
    }

    private async Task Forth(Socket server, Socket database, Swallow swallow)
    {
        var buffer = new byte[64 * 1024];
        byte[] tail = []; // the end of what went before: the word may come in two pieces
        for (int read; (read = await Receive(server, buffer)) > 0;)
        {
            byte[] seen = [.. tail, .. buffer.AsSpan(0, read)];
            if (cut is { } here && seen.AsSpan().IndexOf(here.Word) >= 0
                && Interlocked.CompareExchange(ref cut, here.Always ? here : null, here) == here)
            {
                Cuts++;
                if (here.Where == Where.OnItsWay)
                    swallow.HeldBack = buffer.AsSpan(0, read).ToArray();
                if (here.Where is Where.BeforeTheDatabase or Where.OnItsWay)
                    return;
                swallow.AndStayAway = here.AndStayAway;
                swallow.On = true;
            }

            tail = seen[^Math.Min(seen.Length, 64)..];
            if (!await Send(database, buffer.AsMemory(0, read)))
                return;
        }
    }

    private async Task Back(Socket database, Socket server, Swallow swallow)
    {
        var buffer = new byte[64 * 1024];
        byte[] tail = [];
        for (int read; (read = await Receive(database, buffer)) > 0;)
        {
            byte[] seen = [.. tail, .. buffer.AsSpan(0, read)];
            tail = seen[^Math.Min(seen.Length, ReadyForQuery.Length)..];
            if (!swallow.On)
            {
                if (!await Send(server, buffer.AsMemory(0, read)))
                    return;
            }
            else if (tail.AsSpan().SequenceEqual(ReadyForQuery))
            {
                if (swallow.AndStayAway)
                    StayAway();
                return;
            }
        }
    }

    // A socket that was cut is an end like any other.
    private static async Task<int> Receive(Socket socket, byte[] buffer)
    {
        try
        {
            return await socket.ReceiveAsync(buffer);
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            return 0;
        }
    }

    private static async Task<bool> Send(Socket socket, ReadOnlyMemory<byte> bytes)
    {
        try
        {
            await socket.SendAsync(bytes);
            return true;
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            return false;
        }
    }

    private void Keep(Task pump)
    {
        lock (open)
            pumps.Add(pump);
    }

    private sealed record Cut(byte[] Word, Where Where, bool AndStayAway, bool Always);

    private sealed class Swallow
    {
        private volatile bool on;

        public bool On
        {
            get => on;
            set => on = value;
        }

        public bool AndStayAway { get; set; }

        public byte[]? HeldBack { get; set; }
    }
}
