using EventStore.Domain.Jobs;
using EventStore.Domain.Manifests;
using EventStore.Server.Limits;

namespace EventStore.Server.Jobs;

/// <summary>Under which rules a request is carried out.</summary>
internal static class RequestProfile
{
    /// <summary>The profile.</summary>
    public static Profile Profile(this HttpContext http) => http.RequestServices.GetRequiredService<Profile>();

    /// <summary>The command, to be decided by the request's profile and limits.</summary>
    public static JobCommand Under(this JobCommand command, HttpContext http) =>
        command with { Profile = http.Profile(), Limits = RequestLimits.Of(http).Metadata };
}
