using EventStore.Domain.Jobs;
using EventStore.Domain.Manifests;
using EventStore.Server.Access;
using EventStore.Server.Kubernetes.Requests;
using EventStore.Server.Limits;

namespace EventStore.Server.Jobs;

/// <summary>Under which rules a request is carried out.</summary>
internal static class RequestProfile
{
    /// <summary>The profile.</summary>
    public static Profile Profile(this HttpContext http) => http.RequestServices.GetRequiredService<Profile>();

    /// <summary>The command, to be decided by the request's profile and limits, in the name of its field manager.</summary>
    public static JobCommand Under(this JobCommand command, HttpContext http)
    {
        Profile profile = http.Profile();
        return command with
        {
            Profile = profile,
            Limits = RequestLimits.Of(http).Metadata,
            Manager = profile.CountsOwners ? Manager(http.Request) : JobCommand.UnknownManager,
        };
    }

    /// <summary>The command with what is known of its namespace.</summary>
    public static async ValueTask<JobCommand> InItsNamespace(this JobCommand command, HttpContext http)
    {
        NamespaceState state = await http.NamespaceState(command.Key.Namespace);
        return state == command.Namespace ? command : command with { Namespace = state };
    }

    /// <summary>What is known of a namespace.</summary>
    public static ValueTask<NamespaceState> NamespaceState(this HttpContext http, string name) =>
        http.RequestServices.GetRequiredService<NamespaceLookup>().Find(name, http.RequestAborted);

    // The field manager the client names, or else its program.
    private static string Manager(HttpRequest request)
    {
        string named = request.Query["fieldManager"] is [{ } first, ..] ? first : string.Empty;
        string manager = named.Length > 0 ? named : WriteOptions.Program(request.Headers.UserAgent.ToString());
        return manager.Length > 0 ? manager : JobCommand.UnknownManager;
    }
}
