using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using EventStore.Domain.Manifests;
using EventStore.Server.Kubernetes;

namespace EventStore.Server.Page;

/// <summary>What every page reads from its address in the same way.</summary>
internal static class PageQuery
{
    /// <summary>
    /// A field of a form; empty when it is not there. U+0000 is taken out: the database cannot be asked for it, and has it nowhere.
    /// </summary>
    public static string Text(IQueryCollection query, string name) =>
        query[name].ToString().Trim().Replace("\0", "", StringComparison.Ordinal);

    /// <summary>The namespace of the query; null for all. The right to the page is asked with it.</summary>
    public static string? NamespaceOf(HttpRequest request) =>
        Text(request.Query, "namespace") is { Length: > 0 } named ? named : null;

    /// <summary>Why a namespace cannot be called so; null when it can.</summary>
    public static Status? RefuseNamespace(string? @namespace) => @namespace is not null && NameRules.OfLabel(@namespace).Count > 0
        ? Status.BadRequest($"'{@namespace}' is no name of a namespace")
        : null;
}

/// <summary>A stretch of time up to now, as a form offers it.</summary>
/// <param name="Value">How the address has it.</param>
/// <param name="Text">How a person reads it.</param>
/// <param name="Length">How long it is.</param>
public sealed record TimeWindow(string Value, string Text, TimeSpan Length)
{
    /// <summary>The choices.</summary>
    public static readonly IReadOnlyList<TimeWindow> All =
    [
        new("10m", "in the last 10 minutes", TimeSpan.FromMinutes(10)), new("1h", "in the last hour", TimeSpan.FromHours(1)),
        new("24h", "in the last 24 hours", TimeSpan.FromHours(24)), new("7d", "in the last 7 days", TimeSpan.FromDays(7)),
        new("30d", "in the last 30 days", TimeSpan.FromDays(30)),
    ];

    /// <summary>Reads the beginning of a window, or a time in its place; null for no limit.</summary>
    internal static bool TryRead(
        string name, string text, DateTimeOffset now, out DateTimeOffset? time, [NotNullWhen(false)] out Status? refusal)
    {
        (time, refusal) = (null, null);
        if (text.Length == 0)
            return true;
        if (All.FirstOrDefault(window => window.Value == text) is { } window)
            time = now - window.Length;
        else if (DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out DateTimeOffset read))
            time = read;
        else
        {
            string windows = string.Join(", ", All.Select(each => each.Value));
            refusal = Status.BadRequest($"{name} is {windows} or a time such as 2026-11-23T07:58:24Z");
        }

        return refusal is null;
    }
}
