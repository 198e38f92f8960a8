using EventStore.Domain.Jobs;
using EventStore.Server.Postgres;
using EventStore.Server.Store.Format;
using EventStore.Server.Store.Lane;
using EventStore.Server.Tests.Fixtures;
using Npgsql;

namespace EventStore.Server.Tests.Store;

/// <summary>
/// During an upgrade a server of the release before commits beside one of this release, by functions of its own. Those leave the same, to
/// the byte, and give the same answer; functions of older releases are gone.
/// </summary>
public sealed class The_release_before : IAsyncLifetime
{
    private static readonly string[] Tables =
        ["mt_events", "mt_streams", "mt_doc_current_job", "head", "revision", "revision_path", "job_snapshot"];

    private TestDatabase database = null!;
    private NpgsqlConnection connection = null!;
    private Job[] jobs = [];
    private Fence fence;

    public async Task InitializeAsync()
    {
        database = await TestDatabase.Create();
        connection = await database.Source.OpenConnectionAsync();
        string[] names = ["there", "other", "beaten", "long"];
        jobs = await connection.Commit(InProcess.Decide([], names.Select(name => InProcess.Create(name))));
        Job[] labelled = await connection.Commit(
            InProcess.Decide(
                jobs, Enumerable.Range(2, SnapshotRow.Every - 2).Select(version => InProcess.Label("long", "n", $"{version}"))));
        jobs[^1] = labelled[^1]; // its next event leaves a snapshot
        await connection.Commit(InProcess.Decide(jobs, InProcess.Label("beaten", "by", "somebody-else")));
        // From now on the time of a commit is that of the head.
        await database.Execute("UPDATE eventstore.head SET time = time + interval '1 hour'");
        fence = new Fence(
            await database.Ask<long>("SELECT last_value + is_called::int FROM eventstore.rebuilds"),
            await database.Ask<long>("SELECT max(number) FROM eventstore.epoch"),
            await database.Ask<long>("SELECT revision FROM eventstore.head"));
    }

    public async Task DisposeAsync()
    {
        await connection.DisposeAsync();
        await database.DisposeAsync();
    }

    [Theory]
    [InlineData("held", false, true)]
    [InlineData("held", true, true)]
    [InlineData("one beaten", false, true)]
    [InlineData("one beaten", true, false)]
    [InlineData("all beaten", false, false)]
    [InlineData("all beaten", true, false)]
    [InlineData("no event", false, false)]
    [InlineData("no event", true, false)]
    [InlineData("no fence", false, true)]
    [InlineData("another rebuild", false, false)]
    [InlineData("another rebuild", true, false)]
    [InlineData("another epoch", false, false)]
    [InlineData("another epoch", true, false)]
    [InlineData("ahead of the head", false, false)]
    [InlineData("ahead of the head", true, false)]
    [InlineData("a lease", false, true)]
    [InlineData("a lost lease", false, false)]
    public async Task Appends_as_this_one(string what, bool allOrNone, bool stores)
    {
        (Batch batch, Fence? known) = Case(what);
        string before = await Stored();
        (Committed now, string left) = await Try(() => connection.Execute(batch, known, allOrNone));
        (Committed then, string leftThen) = await Try(() => connection.CommitAsTheReleaseBefore(batch, known, allOrNone));

        Assert.Equal(then.Held, now.Held);
        Assert.Equal(then.Revisions, now.Revisions);
        Assert.Equal((then.Rebuild, then.Lease, then.Epoch), (now.Rebuild, now.Lease, now.Epoch));
        Assert.Equal(leftThen, left);
        Assert.Equal(stores, left != before);
    }

    [Fact]
    public async Task Is_the_only_one_whose_functions_are_kept() =>
        Assert.Equal(
            "commit_jobs_3, commit_jobs_6, commit_jobs_7, commit_jobs_whole_1, commit_jobs_whole_3, wait_for_commits_2",
            await database.Ask<string>("""
                SELECT string_agg(proname, ', ' ORDER BY proname COLLATE "C") FROM pg_proc
                 WHERE pronamespace = 'eventstore'::regnamespace AND (proname LIKE 'commit\_jobs\_%' OR proname LIKE 'wait\_for\_commits\_%')
                """));

    /// <summary>Whoever asks how a batch is appended reads one file from top to bottom.</summary>
    [Fact]
    public async Task Is_followed_by_a_function_whose_text_stands_in_one_file()
    {
        await using NpgsqlCommand call = CommitCall.Of(connection, new Batch(), wakeOthers: false, null, allOrNone: false);
        string name = System.Text.RegularExpressions.Regex.Match(call.CommandText, @"eventstore\.(\w+)\(").Groups[1].Value;
        string text = await database.Ask<string>($"SELECT prosrc FROM pg_proc WHERE oid = 'eventstore.{name}'::regproc");
        string[] files = [.. Directory.EnumerateFiles(Migrations.DefaultFolder).Where(
            file => File.ReadAllText(file).Contains(text, StringComparison.Ordinal))];
        Assert.EndsWith($"__{name}.sql", Assert.Single(files), StringComparison.Ordinal);
        Assert.Empty(await database.Ask<string[]>($"""
            SELECT coalesce(array_agg(proname::text), '{"{}"}') FROM pg_proc
             WHERE pronamespace = 'eventstore'::regnamespace AND proname LIKE 'commit\_jobs\_%' AND strpos($a${text}$a$, proname || '(') > 0
            """));
    }

    private (Batch Batch, Fence? Fence) Case(string what) => what switch
    {
        "held" => (Held(), fence),
        "no fence" => (Held(), null),
        "one beaten" => (InProcess.Decide(
            jobs, InProcess.Label("beaten", "a", "1"), InProcess.Label("there", "a", "1"), InProcess.Label("beaten", "a", "2")), fence),
        "all beaten" => (InProcess.Decide(jobs, InProcess.Label("beaten", "a", "1"), InProcess.Create("beaten")), fence),
        "no event" =>
            (InProcess.Decide(jobs, InProcess.Patch("beaten", "{}"), InProcess.Patch("there", "{}"), InProcess.Patch("none", "{}")), fence),
        "another rebuild" => (Held(), fence with { Rebuild = fence.Rebuild + 1 }),
        "another epoch" => (Held(), fence with { Epoch = fence.Epoch + 1 }),
        "ahead of the head" => (Held(), fence with { Seen = fence.Seen + 1 }),
        "a lease" => (WithLease(0), fence),
        "a lost lease" => (WithLease(7), fence),
        _ => throw new ArgumentOutOfRangeException(nameof(what), what, null),
    };

    /// <summary>A creation, patches, a snapshot, a name that is used again, a deletion, and a check.</summary>
    private Batch Held() => InProcess.Decide(
        jobs,
        InProcess.Create("new"),
        InProcess.Label("there", "a", "1"),
        InProcess.Label("long", "n", "last"),
        InProcess.Delete("other"),
        InProcess.PatchStatus("there", """{"status":{"conditions":null}}"""),
        InProcess.Create("other"),
        InProcess.Label("long", "n", "behind"),
        InProcess.Label("new", "b", "2"),
        InProcess.Delete("there"),
        InProcess.Patch("none", "{}"));

    private Batch WithLease(long lease) => Batch.Of(
        [new QueuedCommand(InProcess.Delete("there"), dryRun: false, 0) { Lease = lease }],
        key => jobs.FirstOrDefault(job => job.Key == key));

    /// <summary>What a commit answers and leaves, within a transaction that is rolled back.</summary>
    private async Task<(Committed Answer, string Left)> Try(Func<Task<Committed>> commit)
    {
        await using NpgsqlTransaction transaction = await connection.BeginTransactionAsync();
        Committed answer = await commit();
        string left = await Stored();
        await transaction.RollbackAsync();
        await database.Execute($"SELECT setval('eventstore.mt_events_sequence', {fence.Seen})");
        return (answer, left);
    }

    private async Task<string> Stored()
    {
        IEnumerable<string> contents = Tables.Select(
            table => $"(SELECT md5(string_agg(t::text, '|' ORDER BY t::text COLLATE \"C\")) FROM eventstore.{table} t)");
        await using var command = new NpgsqlCommand($"SELECT concat_ws(' ', {string.Join(", ", contents)})", connection);
        return (string)(await command.ExecuteScalarAsync())!;
    }
}
