using System.Globalization;
using EventStore.Domain.Jobs;

namespace EventStore.Server.Page;

/// <summary>Where the pages are, said once. Every address can be kept and sent to others.</summary>
internal static class PageLinks
{
    /// <summary>The stream that tells of changes.</summary>
    public const string LiveChanges = PageSetup.Root + "/activity/live";

    /// <summary>The stream that tells of changes of one job behind a revision.</summary>
    public static string LiveOf(JobKey key, long revision) =>
        With(LiveChanges, ("namespace", key.Namespace), ("job", key.Name), ("from", Number(revision)));

    /// <summary>One job: what happened to it.</summary>
    public static string Job(JobKey key) => $"{PageSetup.Root}/namespaces/{Escaped(key.Namespace)}/jobs/{Escaped(key.Name)}";

    /// <summary>The job as it stood at a revision.</summary>
    public static string At(JobKey key, long revision) => string.Create(CultureInfo.InvariantCulture, $"{Job(key)}/revisions/{revision}");

    /// <summary>An address with a query of what is not empty.</summary>
    public static string With(string path, params (string Name, string? Value)[] query)
    {
        string[] given = [.. query.Where(each => !string.IsNullOrEmpty(each.Value)).Select(each => $"{each.Name}={Escaped(each.Value!)}")];
        return given.Length == 0 ? path : $"{path}?{string.Join('&', given)}";
    }

    /// <summary>An address with one more field in its query.</summary>
    public static string Also(string address, string name, string value) =>
        $"{address}{(address.Contains('?', StringComparison.Ordinal) ? '&' : '?')}{name}={Escaped(value)}";

    /// <summary>A number as a part of an address.</summary>
    public static string Number(long number) => number.ToString(CultureInfo.InvariantCulture);

    /// <summary>A text as a part of an address.</summary>
    public static string Escaped(string text) => Uri.EscapeDataString(text);
}
