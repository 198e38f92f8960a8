namespace EventStore.Server.Access;

/// <summary>The key of an extra (<c>UserInfo.extra</c>) out of the rest of a header's name.</summary>
internal static class ExtraKey
{
    /// <summary>
    /// Keys are lower case, and percent-encoded where a header's name cannot hold a character. A name that is not encoded so is the
    /// key as it stands, as upstream has it.
    /// </summary>
    public static string Of(string name)
    {
        string key = name.ToLowerInvariant();
        bool isEncoded = true;
        for (int at = key.IndexOf('%', StringComparison.Ordinal); at >= 0 && isEncoded; at = key.IndexOf('%', at + 1))
            isEncoded = at + 2 < key.Length && char.IsAsciiHexDigit(key[at + 1]) && char.IsAsciiHexDigit(key[at + 2]);
        return isEncoded ? Uri.UnescapeDataString(key) : key;
    }
}
