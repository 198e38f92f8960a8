using System.Reflection;
using Microsoft.Extensions.Logging;

namespace EventStore.Server.Tests.Telemetry;

/// <summary>
/// The number in a line of the log names its event, also for machines: without one of its own it would be a hash of a method's name.
/// </summary>
public sealed class Log_events
{
    [Fact]
    public void Each_have_a_small_number_of_their_own()
    {
        (string Method, int Number)[] events =
        [
            .. from type in typeof(Program).Assembly.GetTypes()
               from method in type.GetMethods(
                   BindingFlags.Static | BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.DeclaredOnly)
               let attribute = method.GetCustomAttribute<LoggerMessageAttribute>()
               where attribute is not null
               select ($"{type.Name}.{method.Name}", attribute.EventId),
        ];
        Assert.True(events.Length > 30, $"only {events.Length} were found");
        Assert.All(events, one => Assert.True(one.Number is > 0 and < 1000, $"{one.Method} has no number of its own"));
        Assert.Equal([], events.GroupBy(one => one.Number).Where(same => same.Count() > 1).Select(same => string.Join(
            ", ", same.Select(one => one.Method))));
    }
}
