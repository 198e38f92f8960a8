using System.Diagnostics;
using System.Runtime.CompilerServices;
using EventStore.Server.Access;
using EventStore.Server.Access.Credentials;
using EventStore.Server.Access.Files;
using EventStore.Server.Tests.Fixtures;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace EventStore.Server.Tests.Access;

/// <summary>Token and rule files that change under a running server.</summary>
[Trait("Category", "Slow")]
public sealed class Files_that_change : IDisposable
{
    private readonly AccessFolder folder = new();
    private readonly Journal journal = new();

    public void Dispose()
    {
        folder.Dispose();
        journal.Dispose();
    }

    [Fact]
    public async Task Tokens_come_and_go_and_a_broken_file_changes_nothing()
    {
        using Followed<TokenFile> tokens = folder.Tokens("first,alice,1", journal);
        await tokens.StartAsync(CancellationToken.None);
        await File.WriteAllTextAsync(folder.TokenPath, "second,bob,2\n");
        await Until(() => tokens.Current.Find("second") is not null);
        Assert.Null(tokens.Current.Find("first"));
        Assert.Equal(HealthStatus.Healthy, (await Health(tokens)).Status);

        await File.WriteAllTextAsync(folder.TokenPath, "third,carol,3\nsecret-of-dave\n");
        await Until(() => journal.Errors.Count > 0);
        Assert.NotNull(tokens.Current.Find("second"));
        Assert.Null(tokens.Current.Find("third"));
        string line = Assert.Single(journal.Errors);
        Assert.Equal($"authentication-tokens of {folder.TokenPath} not taken, those read before stay in force: tokens.csv: line 2: "
            + "at least 3 columns are needed (token, user name, user uid), found 1", line);
        HealthCheckResult health = await Health(tokens);
        Assert.Equal(
            (HealthStatus.Degraded, "tokens.csv: line 2 is wrong, the log says how; what was read before stays in force"),
            (health.Status, health.Description));

        await File.WriteAllTextAsync(folder.TokenPath, "third,carol,3\n");
        await Until(() => tokens.Current.Find("third") is not null);
        Assert.Equal(HealthStatus.Healthy, (await Health(tokens)).Status);
        await tokens.StopAsync(CancellationToken.None);
    }

    [Fact]
    public async Task A_file_that_is_gone_or_unreadable_changes_nothing_and_is_told_of_once()
    {
        var pauses = new CountedPauses();
        using Followed<TokenFile> tokens = folder.Tokens("first,alice,1", journal, pauses);
        await tokens.StartAsync(CancellationToken.None);
        File.Delete(folder.TokenPath);
        await Until(() => journal.Errors.Count > 0);
        int before = pauses.Count;
        await Until(() => pauses.Count >= before + 3); // two looks at least
        Assert.Contains("tokens.csv: cannot be read: ", Assert.Single(journal.Errors), StringComparison.Ordinal);
        Assert.NotNull(tokens.Current.Find("first"));

        await File.WriteAllTextAsync(folder.TokenPath, "first,alice,1"); // as it was at the beginning
        await Eventually.Equal(HealthStatus.Healthy, async () => (await Health(tokens)).Status);
        await tokens.StopAsync(CancellationToken.None);
    }

    [Fact]
    public async Task Rules_are_taken_away_with_their_file_and_kept_while_one_is_broken()
    {
        await File.WriteAllTextAsync(Path.Combine(folder.RulesPath, "bob.yaml"), Rule("bob"));
        using Followed<RoleBindings> rules = folder.Rules(Rule("alice"), journal);
        await rules.StartAsync(CancellationToken.None);
        File.Delete(Path.Combine(folder.RulesPath, "bob.yaml"));
        await Until(() => !Allows(rules, "bob"));
        Assert.True(Allows(rules, "alice"));

        await File.WriteAllTextAsync(Path.Combine(folder.RulesPath, "carol.yaml"), Rule("carol") + "---\nkind: Rule\napiVersion: v1\n");
        await Until(() => journal.Errors.Count > 0);
        Assert.Contains("carol.yaml: line 14: kind: must be Role", Assert.Single(journal.Errors), StringComparison.Ordinal);
        Assert.True(Allows(rules, "alice"));
        Assert.False(Allows(rules, "carol"));
        Assert.Equal(
            "carol.yaml: line 14 is wrong, the log says how; what was read before stays in force", (await Health(rules)).Description);

        await File.WriteAllTextAsync(Path.Combine(folder.RulesPath, "carol.yaml"), Rule("carol"));
        await Until(() => Allows(rules, "carol"));
        Assert.Equal(HealthStatus.Healthy, (await Health(rules)).Status);
        await rules.StopAsync(CancellationToken.None);
    }

    [Fact]
    public async Task A_ConfigMap_is_followed_through_its_links()
    {
        string rulesPath = folder.RulesPath;
        Publish("alice", "..2026_01");
        File.CreateSymbolicLink(Path.Combine(rulesPath, "rules.yaml"), Path.Combine("..data", "rules.yaml"));
        using Followed<RoleBindings> rules = folder.Rules(log: journal);
        await rules.StartAsync(CancellationToken.None);
        Assert.True(Allows(rules, "alice"));
        Publish("bob", "..2026_02");
        await Until(() => Allows(rules, "bob"));
        Assert.False(Allows(rules, "alice"));
        Assert.Empty(journal.Errors);
        await rules.StopAsync(CancellationToken.None);

        // As kubelet does: a new folder, and a link to it that takes the place of the old in one step.
        void Publish(string user, string version)
        {
            Directory.CreateDirectory(Path.Combine(rulesPath, version));
            File.WriteAllText(Path.Combine(rulesPath, version, "rules.yaml"), Rule(user));
            File.CreateSymbolicLink(Path.Combine(rulesPath, "..data_tmp"), version);
            Rename(Path.Combine(rulesPath, "..data_tmp"), Path.Combine(rulesPath, "..data"));
        }
    }

    [Fact]
    public async Task A_folder_that_is_a_link_is_followed_where_it_leads()
    {
        foreach (string user in (string[])["alice", "bob"])
        {
            Directory.CreateDirectory(folder.PathOf(user));
            await File.WriteAllTextAsync(Path.Combine(folder.PathOf(user), "rules.yaml"), Rule(user));
        }

        File.CreateSymbolicLink(folder.PathOf("rules"), "alice");
        using Followed<RoleBindings> rules = folder.Rules(log: journal);
        await rules.StartAsync(CancellationToken.None);
        File.CreateSymbolicLink(folder.PathOf("rules.new"), "bob");
        Rename(folder.PathOf("rules.new"), folder.PathOf("rules"));
        await Until(() => Allows(rules, "bob"));
        Assert.False(Allows(rules, "alice"));
        await rules.StopAsync(CancellationToken.None);
    }

    [Fact]
    public async Task What_is_too_large_or_no_text_is_refused()
    {
        using Followed<RoleBindings> rules = folder.Rules(Rule("alice"), journal);
        await rules.StartAsync(CancellationToken.None);
        string extra = Path.Combine(folder.RulesPath, "extra.yaml");
        await File.WriteAllBytesAsync(extra, [0xff, 0xfe]);
        await Until(() => journal.Errors.Count == 1);
        Assert.Contains("extra.yaml: it is no UTF-8", journal.Errors[0], StringComparison.Ordinal);
        await File.WriteAllBytesAsync(extra, new byte[SourceFiles.BytesMax + 1]);
        await Until(() => journal.Errors.Count == 2);
        Assert.Contains("more than 16 MiB are not read", journal.Errors[1], StringComparison.Ordinal);
        Assert.True(Allows(rules, "alice"));
        await rules.StopAsync(CancellationToken.None);
    }

    /// <summary>Counts the pauses between two looks at the files.</summary>
    private sealed class CountedPauses : TimeProvider
    {
        private int count;

        public int Count => Volatile.Read(ref count);

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
        {
            Interlocked.Increment(ref count);
            return base.CreateTimer(callback, state, dueTime, period);
        }
    }

    /// <summary>In one step, and the link itself: .NET's own move looks where it leads.</summary>
    private static void Rename(string from, string to)
    {
        using Process mv = Process.Start("mv", ["-T", from, to]);
        mv.WaitForExit();
        Assert.Equal(0, mv.ExitCode);
    }

    private static string Rule(string user) => $$"""
        apiVersion: rbac.authorization.k8s.io/v1
        kind: ClusterRole
        metadata: {name: {{user}}}
        rules: [{apiGroups: [kubeflow.org], resources: [pytorchjobs], verbs: [get]}]
        ---
        apiVersion: rbac.authorization.k8s.io/v1
        kind: ClusterRoleBinding
        metadata: {name: {{user}}}
        subjects: [{kind: User, name: {{user}}}]
        roleRef:
          kind: ClusterRole
          name: {{user}}

        """;

    private static bool Allows(Followed<RoleBindings> rules, string user) => new Authorization(() => rules.Current).AllowsByRules(
        new Caller(user, "", []), new AccessRequest("get", "kubeflow.org", "pytorchjobs", "", "ns", "x"));

    private static Task<HealthCheckResult> Health<T>(Followed<T> followed)
        where T : class => followed.CheckHealthAsync(new HealthCheckContext());

    private Task Until(Func<bool> condition, [CallerArgumentExpression(nameof(condition))] string awaited = "") =>
        Eventually.Holds(condition, awaited, () => $"errors: {string.Join('\n', journal.Errors)}");
}
