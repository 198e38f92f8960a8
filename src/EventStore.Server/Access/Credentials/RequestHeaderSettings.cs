namespace EventStore.Server.Access.Credentials;

/// <summary>
/// Where a front proxy names the user: kube-apiserver's <c>--requestheader-*</c> flags, with the defaults an extension API server has
/// (apiserver <c>options/authentication.go</c>).
/// </summary>
internal sealed record RequestHeaderSettings
{
    /// <summary>The settings, by their flags' names.</summary>
    public static readonly IReadOnlyList<string> Names =
    [
        CaFile, "requestheader-allowed-names", "requestheader-username-headers", "requestheader-group-headers", "requestheader-uid-headers",
        "requestheader-extra-headers-prefix",
    ];

    /// <summary>The flag that turns front proxies on.</summary>
    public const string CaFile = "requestheader-client-ca-file";

    /// <summary>The common names a proxy's certificate may have; empty for any.</summary>
    public IReadOnlyList<string> AllowedNames { get; init; } = [];

    /// <summary>The headers that may hold the user's name; the first that is not empty counts.</summary>
    public IReadOnlyList<string> UsernameHeaders { get; init; } = ["X-Remote-User"];

    /// <summary>The headers that hold groups, one a value.</summary>
    public IReadOnlyList<string> GroupHeaders { get; init; } = ["X-Remote-Group"];

    /// <summary>The headers that may hold the user's uid.</summary>
    public IReadOnlyList<string> UidHeaders { get; init; } = ["X-Remote-Uid"];

    /// <summary>The beginnings of headers that hold extras; the rest of the name is the key.</summary>
    public IReadOnlyList<string> ExtraPrefixes { get; init; } = ["X-Remote-Extra-"];

    /// <summary>Reads them.</summary>
    /// <param name="setting">Gives a setting by its flag's name.</param>
    /// <exception cref="OperatorException">One is wrong.</exception>
    public static RequestHeaderSettings Read(Func<string, string?> setting)
    {
        string? stray = Names.FirstOrDefault(name => name != CaFile && !string.IsNullOrEmpty(setting(name)));
        if (stray is not null && string.IsNullOrEmpty(setting(CaFile)))
            throw OperatorException.OfOption($"--{stray} counts for nothing without --{CaFile}");
        var defaults = new RequestHeaderSettings();
        return new RequestHeaderSettings
        {
            AllowedNames = Of(Names[1], defaults.AllowedNames),
            UsernameHeaders = Of(Names[2], defaults.UsernameHeaders),
            GroupHeaders = Of(Names[3], defaults.GroupHeaders),
            UidHeaders = Of(Names[4], defaults.UidHeaders),
            ExtraPrefixes = Of(Names[5], defaults.ExtraPrefixes),
        };

        IReadOnlyList<string> Of(string name, IReadOnlyList<string> otherwise) => setting(name) is { Length: > 0 } list
            ? list.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries)
            : otherwise;
    }
}
