using System.Reflection;
using System.Text.Json;
using System.Text.RegularExpressions;
using EventStore.Domain.Jobs;
using EventStore.Server.Cli;
using EventStore.Server.Store.Format;
using EventStore.Server.Store.Reads;
using EventStore.Server.Tests.Fixtures;

namespace EventStore.Server.Tests.Store;

/// <summary>
/// Who names types of events beside their list (EventCodec) names those that there are: a new one is refused, or told wrongly, where it was
/// forgotten.
/// </summary>
public sealed partial class Types_of_events
{
    private static readonly string[] All = [.. EventCodec.Names.Values.Order(StringComparer.Ordinal)];

    [Fact]
    public async Task Are_all_known_to_the_functions_that_append()
    {
        await using TestDatabase database = await TestDatabase.Create();
        string[] checking = await database.Ask<string[]>("""
            SELECT array_agg(prosrc) FROM pg_proc
             WHERE pronamespace = 'eventstore'::regnamespace AND proname LIKE 'commit\_jobs\_%' AND prosrc LIKE '%cannot follow what is there%'
            """);
        Assert.NotEmpty(checking);
        Assert.All(checking, source => Assert.Equal(All, Named(source)));
    }

    [Fact]
    public void Of_which_each_that_begins_a_life_counts_as_one_and_only_those()
    {
        string sql = (string)typeof(JobReads).GetField("LivesSql", BindingFlags.NonPublic | BindingFlags.Static)!.GetRawConstantValue()!;
        IEnumerable<string> births = EventCodec.Names
            .Where(name => name.Key.GetConstructors()[0].GetParameters()[0].Name == "Manifest").Select(name => name.Value);
        Assert.Equal(births.Append("job_deleted").Order(StringComparer.Ordinal), Named(sql));
    }

    [Fact]
    public void Are_told_as_requests_by_what_they_hold()
    {
        MethodInfo request = typeof(AuditLine).GetMethod("Request", BindingFlags.NonPublic | BindingFlags.Static)!;
        foreach ((Type type, string name) in EventCodec.Names)
        {
            var (verb, body, subresource) = ((string, string?, string))request.Invoke(null, [name, JsonDocument.Parse("{}").RootElement])!;
            Assert.True(
                body is null ? verb == "delete"
                    : type.GetProperties().Any(property => JsonNamingPolicy.CamelCase.ConvertName(property.Name) == body),
                $"{name} is told as {verb} with {body}, which it does not hold");
            Assert.Equal(type == typeof(JobStatusUpdated) ? "status" : "", subresource);
        }
    }

    private static string[] Named(string sql) =>
        [.. Quoted().Matches(sql).Select(match => match.Groups[1].Value).Distinct().Order(StringComparer.Ordinal)];

    [GeneratedRegex("'(job_[a-z_]+)'")]
    private static partial Regex Quoted();
}
