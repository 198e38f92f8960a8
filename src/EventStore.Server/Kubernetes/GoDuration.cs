using System.Globalization;
using EventStore.Domain.Manifests;

namespace EventStore.Server.Kubernetes;

/// <summary>Durations as Go's <c>time.ParseDuration</c> reads them: <c>1h10m</c>, <c>1.5s</c>, <c>300ms</c>.</summary>
internal static class GoDuration
{
    private static readonly (string Unit, double Seconds)[] Units =
        [("ns", 1e-9), ("us", 1e-6), ("\u00b5s", 1e-6), ("\u03bcs", 1e-6), ("ms", 1e-3), ("s", 1), ("m", 60), ("h", 3600)];

    /// <summary>Null when the text is a duration; else what Go says is wrong with it.</summary>
    public static string? Parse(string text, out TimeSpan duration)
    {
        duration = TimeSpan.Zero;
        ReadOnlySpan<char> rest = text.AsSpan(text.StartsWith('-') || text.StartsWith('+') ? 1 : 0);
        if (rest is "0")
            return null;
        double seconds = 0;
        do
        {
            int digits = LengthOf(rest, char.IsAsciiDigit, '.');
            int unit = LengthOf(rest[digits..], c => c != '.' && !char.IsAsciiDigit(c), '\0');
            if (!double.TryParse(rest[..digits], NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out double number))
                return $"time: invalid duration {FieldError.Quote(text)}";
            if (unit == 0)
                return $"time: missing unit in duration {FieldError.Quote(text)}";
            string name = rest.Slice(digits, unit).ToString();
            if (Units.FirstOrDefault(each => each.Unit == name) is not { Seconds: > 0 } known)
                return $"time: unknown unit {FieldError.Quote(name)} in duration {FieldError.Quote(text)}";
            seconds += number * known.Seconds;
            rest = rest[(digits + unit)..];
        }
        while (!rest.IsEmpty);

        if (seconds > long.MaxValue / 1e9)
            return $"time: invalid duration {FieldError.Quote(text)}";
        duration = TimeSpan.FromSeconds(text.StartsWith('-') ? -seconds : seconds);
        return null;
    }

    private static int LengthOf(ReadOnlySpan<char> text, Func<char, bool> isOne, char also)
    {
        int length = 0;
        while (length < text.Length && (isOne(text[length]) || text[length] == also))
            length++;
        return length;
    }
}
