using System.Security.Claims;

namespace EventStore.Server.Access;

/// <summary>Who sends a request, as Kubernetes sees a user: a name, an id that outlives the name, and groups.</summary>
public sealed record Caller(string Name, string Uid, IReadOnlyList<string> Groups)
{
    /// <summary>Members may do everything.</summary>
    public const string Masters = "system:masters";

    /// <summary>Everybody who showed a credential is a member.</summary>
    public const string Authenticated = "system:authenticated";

    /// <summary>Who sends a request without a credential.</summary>
    public static readonly Caller Anonymous = new("system:anonymous", "", [Unauthenticated]);

    private const string Unauthenticated = "system:unauthenticated";
    private const string UidClaim = "uid";
    private const string GroupClaim = "group";

    /// <summary>Whether a credential was shown, and known.</summary>
    public bool IsKnown => !Groups.Contains(Unauthenticated);

    /// <summary>Whether the caller may do everything.</summary>
    public bool IsMaster => Groups.Contains(Masters);

    /// <summary>The caller a principal stands for.</summary>
    public static Caller Of(ClaimsPrincipal principal)
    {
        if (principal.Identity is not ClaimsIdentity { IsAuthenticated: true } identity)
            return Anonymous;
        var groups = new List<string>();
        foreach (Claim claim in identity.FindAll(GroupClaim))
            groups.Add(claim.Value);
        return new Caller(identity.Name ?? "", identity.FindFirst(UidClaim)?.Value ?? "", groups);
    }

    /// <summary>The caller as ASP.NET's principal; groups are its roles.</summary>
    public ClaimsPrincipal ToPrincipal(string scheme)
    {
        var identity = new ClaimsIdentity(scheme, ClaimsIdentity.DefaultNameClaimType, GroupClaim);
        identity.AddClaim(new Claim(ClaimsIdentity.DefaultNameClaimType, Name));
        identity.AddClaim(new Claim(UidClaim, Uid));
        foreach (string group in Groups)
            identity.AddClaim(new Claim(GroupClaim, group));
        return new ClaimsPrincipal(identity);
    }
}
