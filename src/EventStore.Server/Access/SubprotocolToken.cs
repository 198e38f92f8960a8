using System.Buffers.Text;
using System.Text;

namespace EventStore.Server.Access;

/// <summary>
/// A bearer token as a subprotocol of a WebSocket: a browser can set no other header there (apiserver
/// <c>authentication/request/websocket/protocol.go</c>). The token is in base64url without padding.
/// </summary>
internal static class SubprotocolToken
{
    private const string Prefix = "base64url.bearer.authorization.k8s.io.";

    /// <summary>Whether a subprotocol is one.</summary>
    public static bool Is(string subprotocol) => subprotocol.StartsWith(Prefix, StringComparison.Ordinal);

    /// <summary>
    /// The token; empty when it is malformed: two of them, bad base64, or no other subprotocol beside it, which the answer must name. Null
    /// when there is none, or the request is no WebSocket.
    /// </summary>
    public static string? Of(HttpRequest request)
    {
        if (request.Headers.SecWebSocketProtocol.Count == 0)
            return null;
        string[] offered = [.. request.Headers.SecWebSocketProtocol.SelectMany(line => (line ?? "").Split(',',
            StringSplitOptions.TrimEntries))];
        if (!request.Headers.Upgrade.Contains("websocket", StringComparer.OrdinalIgnoreCase) || !offered.Any(Is))
            return null;
        return offered.Count(Is) == 1 && offered.Length > 1 ? Decode(offered.First(Is)[Prefix.Length..]) : "";
    }

    private static string Decode(string text) => Base64Url.IsValid(text) ? Encoding.UTF8.GetString(Base64Url.DecodeFromChars(text)) : "";
}
