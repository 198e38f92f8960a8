using EventStore.Server.Tests.Fixtures;
using Npgsql;

namespace EventStore.Server.Tests.Survival;

/// <summary>Somebody holds the migrations' lock and does not let go.</summary>
[Trait("Category", "Slow")]
public sealed class A_stuck_migration
{
    private const long LockKey = 0x6A6F_6273_6D69_6772;

    [Fact]
    public async Task Is_waited_for_named_and_given_up()
    {
        await using TestDatabase database = await TestDatabase.CreateEmpty();
        var settings = new Dictionary<string, string?>
        {
            ["ConnectionStrings__Postgres"] = database.Serving,
            ["ConnectionStrings__PostgresOwner"] = database.Owner,
        };
        await using (var stuck = new NpgsqlConnection(
            new NpgsqlConnectionStringBuilder(database.Owner) { Pooling = false, ApplicationName = "stuck" }.ConnectionString))
        {
            await stuck.OpenAsync();
            await using (var command = new NpgsqlCommand($"SELECT pg_advisory_lock({LockKey})", stuck))
                await command.ExecuteNonQueryAsync();

            await using ProgramRun refused = await ProgramRun.Ended(settings, "migrate", "--Migrations:LockWait=00:00:01.5");
            Assert.Equal((1, string.Empty), (refused.ExitCode, refused.Output));
            Assert.Matches(
                $@"warn: .*Another migration holds the lock; waiting up to 1\.5 s for session pid {stuck.ProcessID} of \w+_owner \(stuck\), connected since ",
                refused.Errors);
            Assert.Matches(
                $@"\nerror: Another migration has held the lock for more than 1\.5 s: session pid {stuck.ProcessID} of \w+_owner \(stuck\), connected since .*\n"
                + @"Wait for it to end, or end that session with pg_terminate_backend\(pid\) and run `migrate` again\.\n\z",
                refused.Errors);
        }

        await using ProgramRun migrated = await ProgramRun.Ended(settings, "migrate");
        Assert.True(migrated.ExitCode == 0, migrated.Everything);
    }
}
