using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using EventStore.Domain.Json;
using EventStore.Domain.Manifests;
using EventStore.Server.Kubernetes;
using EventStore.Server.Kubernetes.Requests;
using EventStore.Server.Store.Activities;
using EventStore.Server.Store.Format;
using Status = EventStore.Server.Kubernetes.Status;

namespace EventStore.Server.Activities;

/// <summary>What a list of activity is asked for.</summary>
/// <param name="Query">What is counted, and by what.</param>
/// <param name="OfJobs">Whether lines of jobs are wanted and not counts.</param>
/// <param name="Limit">The most lines of the answer; null where nobody said.</param>
/// <param name="Revision">Wait until events are counted up to this revision; null for no wait.</param>
internal sealed record ActivityQuestion(ActivityQuery Query, bool OfJobs, long? Limit, long? Revision)
{
    private const string Jobs = "job";

    /// <summary>What can be counted by, and the member of the documents each stands for.</summary>
    public static readonly IReadOnlyList<(string Name, string Member)> Dimensions =
    [
        ("namespace", nameof(DailyActivity.Namespace)),
        ("user", nameof(DailyActivity.UserName)),
        ("verb", nameof(DailyActivity.Type)),
        ("field", nameof(DailyActivity.Field)),
    ];

    /// <summary>Reads the parameters: 400 for one that cannot be understood, 405 for a watch.</summary>
    public static bool TryRead(
        IQueryCollection query,
        string? @namespace,
        [NotNullWhen(true)] out ActivityQuestion? question,
        [NotNullWhen(false)] out Status? refusal)
    {
        question = null;
        if (!ListOptions.TryRead(query, [], out ListOptions? options, out refusal)
            || !TryReadBy(Text(query, "by"), @namespace, out List<string> by, out refusal)
            || !TryReadPer(Text(query, "per"), by, out bool perDay, out refusal)
            || !TryReadDay(query, "since", out DateOnly? since, out refusal)
            || !TryReadDay(query, "until", out DateOnly? until, out refusal))
            return false;
        refusal = Refuse(query, options);
        if (since >= until)
            refusal ??= Status.BadRequest($"since must be before until: {Text(query, "since")} is not before {Text(query, "until")}");
        if (refusal is not null)
            return false;
        string[] members = [.. Dimensions.Where(each => by.Contains(each.Name)).Select(each => each.Member)];
        var asked = new ActivityQuery(@namespace, since, until, perDay ? [nameof(DailyActivity.Day), .. members] : members);
        question = new ActivityQuestion(asked, by.Contains(Jobs), options.Limit, options.ResourceVersion);
        return true;
    }

    private static Status? Refuse(IQueryCollection query, ListOptions options)
    {
        if (options.Watch)
            return Status.MethodNotAllowed(ActivityEndpoints.Resource, "watch");
        foreach (string name in (string[])["labelSelector", "fieldSelector", "continue"])
        {
            if (Text(query, name).Length > 0)
                return Status.BadRequest($"{name} is not supported here: narrow activity by a namespace, since and until");
        }

        return options.IsExact && options.Match == RevisionMatch.Exact
            ? Status.BadRequest(
                "resourceVersionMatch Exact is not supported here: activity is counted up to now, and not kept as of earlier revisions")
            : null;
    }

    private static bool TryReadBy(string text, string? @namespace, out List<string> by, [NotNullWhen(false)] out Status? refusal)
    {
        refusal = null;
        if (text.Length == 0)
            text = @namespace is null ? "namespace,user,verb" : "user,verb";
        by = [.. text.Split(',')];
        string[] supported = [.. Dimensions.Select(each => each.Name), Jobs];
        if (by.Find(name => !supported.Contains(name)) is { } unknown)
            refusal = Status.BadRequest(FieldError.NotSupported(FieldPath.Of("by"), unknown, supported).ToString());
        else if (by.Distinct().Count() < by.Count)
            refusal = Invalid("by", text, "must not name anything twice");
        else if (by.Count > 1 && by.Contains(Jobs))
            refusal = Invalid("by", text, "job stands alone: its lines are one for each job");
        return refusal is null;
    }

    private static bool TryReadPer(string text, List<string> by, out bool perDay, [NotNullWhen(false)] out Status? refusal)
    {
        perDay = text == "day";
        refusal = text is not ("" or "day")
            ? Status.BadRequest(FieldError.NotSupported(FieldPath.Of("per"), text, "day").ToString())
            : perDay && by.Contains(Jobs)
                ? Invalid("per", text, "does not go with by=job, whose lines are over the whole life of a job")
                : null;
        return refusal is null;
    }

    private static bool TryReadDay(IQueryCollection query, string name, out DateOnly? day, [NotNullWhen(false)] out Status? refusal)
    {
        (day, refusal) = (null, null);
        string text = Text(query, name);
        if (text.Length == 0)
            return true;
        if (DateOnly.TryParseExact(text, "yyyy-MM-dd", CultureInfo.InvariantCulture, DateTimeStyles.None, out DateOnly given))
            day = given;
        else if (Rfc3339.TryRead(text, out DateTimeOffset time, out _))
            day = DateOnly.FromDateTime(time.UtcDateTime);
        else
            refusal = Invalid(name, text, "must be a day such as 2026-11-23, or a time of RFC 3339, which stands for its day in UTC");
        return refusal is null;
    }

    private static Status Invalid(string name, string text, string detail) =>
        Status.BadRequest(FieldError.Invalid(FieldPath.Of(name), text, detail).ToString());

    private static string Text(IQueryCollection query, string name) => GoParsing.First(query[name]) ?? "";
}
