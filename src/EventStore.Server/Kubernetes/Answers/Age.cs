using System.Globalization;

namespace EventStore.Server.Kubernetes.Answers;

/// <summary>How long ago something was, in few characters (apimachinery <c>duration.HumanDuration</c>).</summary>
public static class Age
{
    /// <summary>
    /// The time since then: <c>5s</c>, <c>3m20s</c>, <c>47m</c>, <c>5h12m</c>, <c>3d4h</c>, <c>2y34d</c>; <c>&lt;invalid&gt;</c>
    /// from the future.
    /// </summary>
    public static string Since(DateTimeOffset then, DateTimeOffset now)
    {
        TimeSpan age = now - then;
        long seconds = (long)age.TotalSeconds;
        return seconds switch
        {
            < -1 => "<invalid>",
            < 0 => "0s",
            < 2 * 60 => Text($"{seconds}s"),
            < 10 * 60 => Two(seconds / 60, 'm', seconds % 60, 's'),
            < 3 * 3600 => Text($"{seconds / 60}m"),
            < 8 * 3600 => Two(seconds / 3600, 'h', seconds / 60 % 60, 'm'),
            < 48 * 3600 => Text($"{seconds / 3600}h"),
            < 8 * 86400 => Two(seconds / 86400, 'd', seconds / 3600 % 24, 'h'),
            < 2 * 365 * 86400L => Text($"{seconds / 86400}d"),
            < 8 * 365 * 86400L => Two(seconds / 86400 / 365, 'y', seconds / 86400 % 365, 'd'),
            _ => Text($"{seconds / 86400 / 365}y"),
        };
    }

    private static string Two(long big, char bigUnit, long small, char smallUnit) =>
        small == 0 ? Text($"{big}{bigUnit}") : Text($"{big}{bigUnit}{small}{smallUnit}");

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
