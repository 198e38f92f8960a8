using System.Security.Claims;
using System.Text;

namespace EventStore.Server.Access;

/// <summary>Who sends a request, as Kubernetes describes a user: a name, an id that outlives the name, and groups.</summary>
public sealed record Caller(string Name, string Uid, IReadOnlyList<string> Groups)
{
    /// <summary>The group whose members may do everything.</summary>
    public const string Masters = "system:masters";

    /// <summary>The group of everybody who showed a valid credential.</summary>
    public const string Authenticated = "system:authenticated";

    /// <summary>The group of everybody who showed no credential.</summary>
    public const string Unauthenticated = "system:unauthenticated";

    /// <summary>The name of whoever shows no credential.</summary>
    public const string AnonymousName = "system:anonymous";

    /// <summary>
    /// The longest name, uid, group, extra key or extra value, in bytes of UTF-8. Names are stored in indexes, whose rows PostgreSQL limits
    /// to about 2,700 bytes.
    /// </summary>
    public const int TextBytesMax = 1024;

    /// <summary>How many bytes all of a caller's texts may have together: they are stored with each event the caller causes.</summary>
    public const int BytesMax = 64 * 1024;

    // Before Anonymous, whose initializer needs it.
    private static readonly IReadOnlyDictionary<string, IReadOnlyList<string>> NoExtra = new Dictionary<string, IReadOnlyList<string>>();

    /// <summary>Who sends a request without a credential.</summary>
    public static readonly Caller Anonymous = new(AnonymousName, "", [Unauthenticated]);

    private static readonly UTF8Encoding Utf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <summary>What else the authenticator knows of the user (<c>UserInfo.extra</c>): values by key.</summary>
    public IReadOnlyDictionary<string, IReadOnlyList<string>> Extra { get; init; } = NoExtra;

    /// <summary>The authenticated user who acts as this one (impersonation); null for a user who acts as itself.</summary>
    public Caller? ImpersonatedBy { get; init; }

    /// <summary>The caller a principal stands for.</summary>
    public static Caller Of(ClaimsPrincipal principal) => principal.Identity is CallerIdentity identity ? identity.Caller : Anonymous;

    /// <summary>The caller as ASP.NET's principal.</summary>
    public ClaimsPrincipal ToPrincipal(string scheme) => new(new CallerIdentity(this, scheme));

    /// <summary>Whether a valid credential was shown, if only by the one who impersonates this user.</summary>
    public bool IsKnown => !ReferenceEquals(this, Anonymous);

    /// <summary>Whether the caller may do everything.</summary>
    public bool IsMaster => Groups.Contains(Masters);

    /// <summary>
    /// The groups of a user with a valid credential: <c>system:authenticated</c> is added unless the source said itself which of the two
    /// the user is in (upstream's <c>AuthenticatedGroupAdder</c>).
    /// </summary>
    public static IReadOnlyList<string> WithAuthenticated(IEnumerable<string> groups)
    {
        string[] given = [.. groups.Distinct()];
        return given.Contains(Authenticated) || given.Contains(Unauthenticated) ? given : [.. given, Authenticated];
    }

    /// <summary>
    /// Why these texts cannot describe a caller (U+0000, which PostgreSQL cannot store; half a surrogate pair; too long), or null
    /// if they can.
    /// </summary>
    public string? Fault()
    {
        if (Name.Length == 0)
            return "the user name is empty";
        int bytes = 0;
        string? fault = FaultOf("user name", Name, ref bytes) ?? FaultOf("uid", Uid, ref bytes);
        foreach (string group in Groups)
            fault ??= FaultOf("group", group, ref bytes);
        foreach ((string key, IReadOnlyList<string> values) in Extra)
        {
            fault ??= FaultOf("extra key", key, ref bytes);
            foreach (string value in values)
                fault ??= FaultOf("extra value", value, ref bytes);
        }

        return fault ?? (bytes > BytesMax ? $"name, uid, groups and extra have more than {BytesMax} bytes together" : null);
    }

    private static string? FaultOf(string what, string text, ref int bytes)
    {
        if (text.Contains('\0', StringComparison.Ordinal))
            return $"the {what} contains U+0000";
        try
        {
            int length = Utf8.GetByteCount(text);
            bytes += length;
            return length > TextBytesMax ? $"the {what} has more than {TextBytesMax} bytes" : null;
        }
        catch (EncoderFallbackException)
        {
            return $"the {what} contains half a surrogate pair";
        }
    }

    /// <summary>A caller as ASP.NET's identity. It has no claims: whoever needs more than the name asks for the caller.</summary>
    private sealed class CallerIdentity(Caller caller, string scheme) : ClaimsIdentity(scheme)
    {
        public Caller Caller => caller;

        public override string Name => caller.Name;
    }
}
