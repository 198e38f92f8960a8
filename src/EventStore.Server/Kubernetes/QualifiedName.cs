using System.Buffers;

namespace EventStore.Server.Kubernetes;

/// <summary>What label keys and values are made of, and upstream's words for what is not (apimachinery <c>validate/content/kube.go</c>).</summary>
internal static class QualifiedName
{
    private const int LengthMax = 63;
    private const int PrefixLengthMax = 253;
    private const string NameShape = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]";
    private const string Outside = "alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character";

    // The two spaces are upstream's.
    private const string NameText = $"must consist of {Outside} (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '{NameShape}')";

    private const string ValueText = $"a valid label must be an empty string or consist of {Outside} "
        + $"(e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '({NameShape})?')";

    private const string SubdomainText = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start "
        + "and end with an alphanumeric character (e.g. 'example.com', regex used for validation is "
        + "'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";

    private static readonly SearchValues<char> DomainCharacters = SearchValues.Create("abcdefghijklmnopqrstuvwxyz0123456789-");

    /// <summary>What is wrong with a label's key; nothing when it is well-formed.</summary>
    public static IReadOnlyList<string> Check(string key)
    {
        int slash = key.IndexOf('/', StringComparison.Ordinal);
        if (slash >= 0 && key.IndexOf('/', slash + 1) >= 0)
            return [$"a qualified name {NameText} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')"];
        var faults = new List<string>();
        if (slash == 0)
            faults.Add("prefix part must be non-empty");
        else if (slash > 0)
            CheckPrefix(key.AsSpan(0, slash), faults);
        ReadOnlySpan<char> name = key.AsSpan(slash + 1);
        if (name.IsEmpty)
            faults.Add("name part must be non-empty");
        else if (name.Length > LengthMax)
            faults.Add("name part must be no more than 63 characters");
        if (!IsName(name))
            faults.Add("name part " + NameText);
        return faults;
    }

    /// <summary>What is wrong with a label's value; nothing when it is well-formed, as the empty one is.</summary>
    public static IReadOnlyList<string> CheckLabelValue(string value)
    {
        var faults = new List<string>();
        if (value.Length > LengthMax)
            faults.Add("must be no more than 63 characters");
        if (value.Length > 0 && !IsName(value))
            faults.Add(ValueText);
        return faults;
    }

    private static void CheckPrefix(ReadOnlySpan<char> prefix, List<string> faults)
    {
        if (prefix.Length > PrefixLengthMax)
            faults.Add("prefix part must be no more than 253 characters");
        foreach (Range part in prefix.Split('.'))
        {
            ReadOnlySpan<char> label = prefix[part];
            if (label.IsEmpty || label[0] == '-' || label[^1] == '-' || label.IndexOfAnyExcept(DomainCharacters) >= 0)
            {
                faults.Add("prefix part " + SubdomainText);
                return;
            }
        }
    }

    private static bool IsName(ReadOnlySpan<char> name)
    {
        if (name.IsEmpty || !char.IsAsciiLetterOrDigit(name[0]) || !char.IsAsciiLetterOrDigit(name[^1]))
            return false;
        foreach (char c in name)
        {
            if (!char.IsAsciiLetterOrDigit(c) && c is not ('-' or '_' or '.'))
                return false;
        }

        return true;
    }
}
