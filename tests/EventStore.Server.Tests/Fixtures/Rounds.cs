using System.Globalization;

namespace EventStore.Server.Tests.Fixtures;

/// <summary>
/// How long the tests go on that show more the longer they go on: a few rounds whenever the tests run, and as many as somebody asks for in
/// the environment (src/docs/incidents.md says which and how many).
/// </summary>
internal static class Rounds
{
    /// <summary>The number asked for, or the one for every day.</summary>
    public static int Of(string variable, int everyDay) =>
        int.TryParse(Environment.GetEnvironmentVariable(variable), CultureInfo.InvariantCulture, out int asked) ? asked : everyDay;
}
