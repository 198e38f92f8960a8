using EventStore.Server.Tests.Fixtures;

namespace EventStore.Server.Tests.Cli;

/// <summary>A limit that is wrong keeps the server from starting, and the sentence says which and what it may be.</summary>
public sealed class Bad_limits : IAsyncLifetime
{
    private readonly string tokens = Path.GetTempFileName();
    private TestDatabase database = null!;

    public async Task InitializeAsync()
    {
        database = await TestDatabase.Create();
        await File.WriteAllTextAsync(tokens, "a-token,admin,1,system:masters\n");
    }

    public async Task DisposeAsync()
    {
        File.Delete(tokens);
        await database.DisposeAsync();
    }

    [Theory]
    [InlineData("Limits:BodyBytes", "many", "Limits:BodyBytes is 'many', which is no whole number\nIt may be from 1024 to 16777216.")]
    [InlineData("Limits:BodyBytes", "5", "Limits:BodyBytes is 5, which is out of range\nIt may be from 1024 to 16777216.")]
    [InlineData("Limits:Nesting", "101", "Limits:Nesting is 101, which is out of range\nIt may be from 20 to 100.")]
    [InlineData("Limits:Masters", "perhaps", "Limits:Masters is 'perhaps', which is neither true nor false\nWrite Limits:Masters=true or Limits:Masters=false.")]
    [InlineData("Feed:Backlog", "0", "Feed:Backlog is 0, which is out of range\nIt may be from 1 to 2147483647.")]
    [InlineData("Feed:SafetyPoll", "soon", "Feed:SafetyPoll is 'soon', which is no time, such as 00:00:30\nIt may be from 00:00:00.0010000 to 24.00:00:00.")]
    [InlineData("Lists:Duration", "-00:00:01", "Lists:Duration is -00:00:01, which is out of range\nIt may be from 00:00:00.0010000 to 24.00:00:00.")]
    [InlineData("Lane:QueueLength", "99999999999", "Lane:QueueLength is '99999999999', which is no whole number\nIt may be from 1 to 2147483647.")]
    [InlineData("Lists:Durration", "00:01:00", "there is no setting Lists:Durration\nThere are: Lists:Page, Lists:Revisions, Lists:Duration.")]
    [InlineData("Lists:Revisions", "0", "Lists:Revisions is 0, which is out of range\nIt may be from 1 to 2147483647.")]
    [InlineData("Stop:Delay", "-00:00:01", "Stop:Delay is -00:00:01, which is out of range\nIt may be from 00:00:00 to 1.00:00:00.")]
    [InlineData("Stop:Time", "shortly", "Stop:Time is 'shortly', which is no time, such as 00:00:30\nIt may be from 00:00:00.0010000 to 24.00:00:00.")]
    [InlineData("Stop:Tme", "00:00:10", "there is no setting Stop:Tme\nThere are: Stop:Delay, Stop:Time.")]
    public async Task Are_named_with_what_they_may_be(string name, string value, string said)
    {
        await using ProgramRun refused = await ProgramRun.Ended(
            new Dictionary<string, string?> { ["ConnectionStrings__Postgres"] = database.Serving }, "serve", "--token-auth-file", tokens,
            $"--{name}={value}");
        Assert.Equal(1, refused.ExitCode);
        Assert.EndsWith($"error: {said}\n", refused.Errors, StringComparison.Ordinal);
        Assert.DoesNotContain("Serving on", refused.Output, StringComparison.Ordinal);
    }
}
