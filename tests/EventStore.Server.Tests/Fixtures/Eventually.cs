using System.Diagnostics;
using System.Runtime.CompilerServices;

namespace EventStore.Server.Tests.Fixtures;

/// <summary>
/// Waits for a state that another thread, process or database brings about: polls until it is there. What does not come in time fails the
/// test with what was awaited and what was read last.
/// </summary>
internal static class Eventually
{
    /// <summary>The time limit unless a call gives another: for a machine with many times more work than processors.</summary>
    public static readonly TimeSpan Deadline = TimeSpan.FromMinutes(2);

    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(20);

    /// <summary>Waits until a condition holds.</summary>
    /// <param name="condition">The condition.</param>
    /// <param name="awaited">What is awaited, for the message; by default the condition as it is written.</param>
    /// <param name="seen">What a failure shows besides, as a log.</param>
    /// <param name="within">An upper bound: what comes later fails too. By default <see cref="Deadline"/> is waited.</param>
    public static Task Holds(
        Func<bool> condition, [CallerArgumentExpression(nameof(condition))] string awaited = "", Func<string>? seen = null,
        TimeSpan? within = null) =>
        Holds(() => Task.FromResult(condition()), awaited, seen, within);

    /// <inheritdoc cref="Holds(Func{bool},string,Func{string},TimeSpan?)"/>
    public static Task Holds(
        Func<Task<bool>> condition, [CallerArgumentExpression(nameof(condition))] string awaited = "", Func<string>? seen = null,
        TimeSpan? within = null) =>
        Poll(condition, holds => holds, awaited, seen is null ? null : _ => seen(), within);

    /// <summary>Waits until a value that is read again and again is one that fits.</summary>
    /// <param name="read">Reads the value.</param>
    /// <param name="fits">Whether the value is one that is awaited.</param>
    /// <param name="awaited">What is awaited, for the message; by default the condition as it is written.</param>
    /// <param name="seen">What a failure shows instead of the last value.</param>
    /// <param name="within">An upper bound: what comes later fails too. By default <see cref="Deadline"/> is waited.</param>
    /// <returns>The value that fits.</returns>
    public static Task<T> Holds<T>(
        Func<Task<T>> read, Func<T, bool> fits, [CallerArgumentExpression(nameof(fits))] string awaited = "", Func<string>? seen = null,
        TimeSpan? within = null) =>
        Poll(read, fits, awaited, seen is null ? value => $"{value}" : _ => seen(), within);

    /// <summary>Waits until a value that is read again and again is the one that is expected.</summary>
    public static Task Equal<T>(
        T expected, Func<Task<T>> read, [CallerArgumentExpression(nameof(read))] string what = "", TimeSpan? within = null) =>
        Poll(read, value => EqualityComparer<T>.Default.Equals(value, expected), $"{what} is {expected}", value => $"{value}", within);

    private static async Task<T> Poll<T>(Func<Task<T>> read, Func<T, bool> fits, string awaited, Func<T, string>? show, TimeSpan? within)
    {
        TimeSpan limit = within ?? Deadline;
        for (var waited = Stopwatch.StartNew(); ; await Task.Delay(Pause))
        {
            T value = await read();
            if (fits(value) && (within is null || waited.Elapsed <= limit))
                return value;
            if (waited.Elapsed >= limit)
                Assert.Fail($"waited {limit.TotalSeconds} s in vain for: {awaited}{(show is null ? "" : $"\nseen last: {show(value)}")}");
        }
    }
}
