using EventStore.Domain.Jobs;
using EventStore.Domain.Json;
using EventStore.Server.Access;

namespace EventStore.Server.Jobs;

/// <summary>What a request says about who sent it, as it is kept with the events it leads to.</summary>
internal static class RequestOrigin
{
    /// <summary>A User-Agent longer than this is cut: it is the client's word, and stored for ever.</summary>
    private const int UserAgentLengthMax = 256;

    /// <summary>Who sends the request, and from where.</summary>
    public static Origin Origin(this HttpContext http)
    {
        Caller caller = RequestInfo.Of(http).User;
        string userAgent = http.Request.Headers.UserAgent.ToString().Replace("\0", string.Empty, StringComparison.Ordinal);
        return new Origin(
            caller.Name,
            caller.Groups,
            userAgent.CutTo(UserAgentLengthMax),
            http.Connection.RemoteIpAddress?.ToString() ?? string.Empty,
            http.TraceIdentifier)
        {
            ImpersonatedBy = caller.ImpersonatedBy is { } by ? new Impersonator(by.Name, by.Groups) : null,
            Reason = AuditReason.Of(http),
        };
    }
}
