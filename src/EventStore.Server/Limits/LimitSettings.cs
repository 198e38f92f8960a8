using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using System.Globalization;
using System.Reflection;

namespace EventStore.Server.Limits;

/// <summary>
/// Reads a section of limits, such as <c>Feed</c>, and validates it before the server starts: an unknown name or a value out of
/// range is an error, not silently the default. Numbers are at least 1 and times above zero unless the property says otherwise.
/// </summary>
internal static class LimitSettings
{
    private static readonly TimeSpan ShortestTime = TimeSpan.FromMilliseconds(1);
    private static readonly TimeSpan LongestTime = TimeSpan.FromDays(24); // what a timer of .NET can wait

    /// <summary>The section's values, defaults where none are given.</summary>
    /// <param name="configuration">All settings.</param>
    /// <param name="section">The section's name.</param>
    /// <exception cref="OperatorException">A name is unknown, or a value cannot be parsed or is out of range.</exception>
    public static T Read<T>(IConfiguration configuration, string section)
        where T : class, new()
    {
        PropertyInfo[] known = [.. typeof(T).GetProperties().Where(property => property.SetMethod is { IsPublic: true })];
        foreach (IConfigurationSection given in configuration.GetSection(section).GetChildren())
        {
            PropertyInfo property = known.FirstOrDefault(one => one.Name.Equals(given.Key, StringComparison.OrdinalIgnoreCase))
                ?? throw new OperatorException($"there is no setting {section}:{given.Key}",
                    $"There are: {string.Join(", ", known.Select(one => $"{section}:{one.Name}"))}.");
            Check(property, given.Value ?? string.Empty, $"{section}:{property.Name}");
        }

        return configuration.GetSection(section).Get<T>() ?? new T();
    }

    private static void Check(PropertyInfo property, string text, string name)
    {
        if (property.PropertyType == typeof(bool))
        {
            if (!bool.TryParse(text, out _))
                throw new OperatorException($"{name} is '{text}', which is neither true nor false", $"Write {name}=true or {name}=false.");
            return;
        }

        (IComparable least, IComparable most) = Bounds(property);
        if (Parse(property.PropertyType, text) is not { } value)
            throw new OperatorException(
                $"{name} is '{text}', which is no {Kind(property.PropertyType)}", $"It may be {Between(least, most)}.");
        if (value.CompareTo(least) < 0 || value.CompareTo(most) > 0)
            throw new OperatorException($"{name} is {text}, which is out of range", $"It may be {Between(least, most)}.");
    }

    private static IComparable? Parse(Type type, string text)
    {
        try
        {
            return (IComparable?)TypeDescriptor.GetConverter(type).ConvertFromInvariantString(text);
        }
        catch (Exception e) when (e is FormatException or ArgumentException or OverflowException)
        {
            return null;
        }
    }

    private static (IComparable Least, IComparable Most) Bounds(PropertyInfo property) => property switch
    {
        _ when property.GetCustomAttribute<RangeAttribute>() is { } range =>
            (Bound(property, range.Minimum), Bound(property, range.Maximum)),
        { PropertyType: var type } when type == typeof(TimeSpan) => (ShortestTime, LongestTime),
        { PropertyType: var type } when type == typeof(long) => (1L, long.MaxValue),
        _ => (1, int.MaxValue),
    };

    /// <summary>An attribute can say a time only as a text.</summary>
    private static IComparable Bound(PropertyInfo property, object bound) =>
        bound is string text ? Parse(property.PropertyType, text)! : (IComparable)bound;

    private static string Kind(Type type) => type == typeof(TimeSpan) ? "time, such as 00:00:30" : "whole number";

    private static string Between(IComparable least, IComparable most) =>
        string.Create(CultureInfo.InvariantCulture, $"from {least} to {most}");
}
