using System.Security.Cryptography.X509Certificates;
using Microsoft.Extensions.Primitives;

namespace EventStore.Server.Access.Credentials;

/// <summary>
/// A proxy that authenticates users itself and names them in headers, as kube-apiserver does when it forwards requests to an aggregated
/// API (upstream <c>headerrequest</c>). It is believed only on a connection whose client certificate one of its authorities signed, and
/// whose common name is allowed; on every other connection the headers mean nothing.
/// </summary>
/// <param name="Authorities">The authorities that sign proxies' certificates.</param>
/// <param name="Settings">The allowed names, and the headers.</param>
internal sealed record FrontProxy(ClientAuthorities Authorities, RequestHeaderSettings Settings)
{
    /// <summary>Removes the proxy's headers from the request, trusted or not, so that nothing later acts on them or logs them.</summary>
    /// <returns>The user they name; null when the connection is no proxy's or they name nobody.</returns>
    public Caller? Take(IHeaderDictionary headers, X509Certificate2? certificate, DateTimeOffset now) =>
        Take([this], headers, certificate, now);

    /// <summary>The same for several proxies, each with headers of its own; the first that is believed decides.</summary>
    public static Caller? Take(
        IEnumerable<FrontProxy> proxies, IHeaderDictionary headers, X509Certificate2? certificate, DateTimeOffset now)
    {
        Caller? user = null;
        foreach (FrontProxy proxy in proxies)
            user ??= proxy.Believed(headers, certificate, now);
        foreach (string name in headers.Keys.Where(header => proxies.Any(proxy => proxy.IsOurs(header))).ToArray())
            headers.Remove(name);
        return user;
    }

    private Caller? Believed(IHeaderDictionary headers, X509Certificate2? certificate, DateTimeOffset now)
    {
        bool isBelieved = Authorities.Find(certificate, now) is { } proxy
            && (Settings.AllowedNames.Count == 0 || Settings.AllowedNames.Contains(proxy.Name));
        return isBelieved ? Read(headers) : null;
    }

    private Caller? Read(IHeaderDictionary headers)
    {
        if (First(headers, Settings.UsernameHeaders) is not { } name)
            return null;
        var extra = new Dictionary<string, IReadOnlyList<string>>();
        foreach ((string header, StringValues values) in headers)
        {
            if (Settings.ExtraPrefixes.FirstOrDefault(prefix => header.StartsWith(prefix,
                StringComparison.OrdinalIgnoreCase)) is not { } prefix)
                continue;
            string key = ExtraKey.Of(header[prefix.Length..]);
            extra[key] = [.. extra.GetValueOrDefault(key) ?? [], .. values.OfType<string>()];
        }

        IEnumerable<string> groups = Settings.GroupHeaders
            .SelectMany(header => headers[header].OfType<string>())
            .Where(group => group.Length > 0);
        return new Caller(
            name,
            First(headers, Settings.UidHeaders) ?? "",
            name == Caller.AnonymousName ? [.. groups] : Caller.WithAuthenticated(groups))
        { Extra = extra };
    }

    private bool IsOurs(string header) =>
        Settings.UsernameHeaders.Concat(Settings.GroupHeaders).Concat(Settings.UidHeaders).Contains(
            header, StringComparer.OrdinalIgnoreCase)
        || Settings.ExtraPrefixes.Any(prefix => header.StartsWith(prefix, StringComparison.OrdinalIgnoreCase));

    private static string? First(IHeaderDictionary headers, IReadOnlyList<string> names) =>
        names.Select(name => headers[name] is [{ Length: > 0 } first, ..] ? first : null).FirstOrDefault(value => value is not null);
}
