using System.Security.Cryptography;
using EventStore.Server.Postgres;
using EventStore.Server.Tests.Fixtures;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;
using static EventStore.Server.Tests.Postgres.PrivateDatabases;

namespace EventStore.Server.Tests.Postgres;

public sealed class MigrationsRules(PrivateDatabases databases) : IClassFixture<PrivateDatabases>, IDisposable
{
    private const string Applied =
        "SELECT string_agg(name, ' ' ORDER BY id) FROM eventstore.changelog WHERE type = 0 AND success";

    private readonly string _folder = Directory.CreateTempSubdirectory("es-migrations-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    /// <summary>
    /// A database compares what it was migrated by with what a server brings, comments and all, and refuses what was edited.
    /// </summary>
    [Fact]
    public void Files_that_were_delivered_are_never_edited()
    {
        string[] delivered = System.IO.File.ReadAllLines(Repository.PathOf("tests/EventStore.Server.Tests/Golden/migrations.sha256"));
        Assert.NotEmpty(delivered);
        Assert.All(delivered, line => Assert.Equal(line, $"{Sum(line[66..])}  {line[66..]}"));

        static string Sum(string name) =>
            Convert.ToHexStringLower(SHA256.HashData(System.IO.File.ReadAllBytes(Repository.PathOf($"migrations/{name}"))));
    }

    [Fact]
    public async Task Files_are_applied_in_order_and_once()
    {
        var owner = await databases.Cleared();
        File("V0010__third.sql", "INSERT INTO steps VALUES (3)");
        File("V0002__second.sql", "INSERT INTO eventstore.steps VALUES (2)");
        File("V0001__first.sql", "CREATE TABLE steps (n int)");
        var log = new LogLines();
        await Apply(owner, log);
        await Apply(owner, log);
        Assert.Equal("V0001__first.sql V0002__second.sql V0010__third.sql", await Execute(owner, Applied));
        Assert.Equal("2 3", await Execute(owner, "SELECT string_agg(n::text, ' ' ORDER BY n) FROM eventstore.steps"));
        Assert.Contains("3 applied (V0001__first.sql, V0002__second.sql, V0010__third.sql)", log.ToString(), StringComparison.Ordinal);
        Assert.Contains("the database is up to date", log.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_new_file_is_applied_after_the_old_ones()
    {
        var owner = await databases.Cleared();
        File("V0001__first.sql", "CREATE TABLE first ()");
        await Apply(owner);
        File("V0002__second.sql", "CREATE TABLE second ()");
        await Apply(owner);
        Assert.Equal("V0001__first.sql V0002__second.sql", await Execute(owner, Applied));
    }

    [Fact]
    public async Task No_files_are_no_error()
    {
        var owner = await databases.Cleared();
        await Apply(owner);
        Assert.Empty(await Migrations.Pending(owner, _folder));
    }

    [Fact]
    public async Task An_edited_file_is_refused_by_name_before_anything_is_done()
    {
        var owner = await databases.Cleared();
        File("V0001__first.sql", "CREATE TABLE first ()");
        await Apply(owner);
        File("V0001__first.sql", "CREATE TABLE first (edited int)");
        File("V0002__second.sql", "CREATE TABLE second ()");
        var refused = await Assert.ThrowsAsync<MigrationException>(() => Apply(owner));
        Assert.Contains("was edited", refused.Message, StringComparison.Ordinal);
        Assert.Contains("V0001__first.sql", refused.Message, StringComparison.Ordinal);
        Assert.Equal("V0001__first.sql", await Execute(owner, Applied));
    }

    [Fact]
    public async Task A_failing_file_is_undone_whole_and_may_be_corrected()
    {
        var owner = await databases.Cleared();
        File("V0001__first.sql", "CREATE TABLE first ();");
        File("V0002__second.sql", "CREATE TABLE half (); SELECT nonsense;");
        var failed = await Assert.ThrowsAsync<MigrationException>(() => Apply(owner));
        Assert.Contains("V0002__second.sql", failed.Message, StringComparison.Ordinal);
        Assert.Contains("column \"nonsense\" does not exist", failed.Message, StringComparison.Ordinal);
        Assert.Equal(["V0002__second.sql"], await Migrations.Pending(owner, _folder));

        File("V0002__second.sql", "CREATE TABLE half ();");
        await Apply(owner);
        Assert.Empty(await Migrations.Pending(owner, _folder));
    }

    [Fact]
    public async Task A_file_with_a_lower_number_than_the_last_one_is_refused_and_not_passed_over()
    {
        var owner = await databases.Cleared();
        File("V0002__second.sql", "CREATE TABLE second ()");
        await Apply(owner);
        File("V0001__late.sql", "CREATE TABLE late ()");
        var refused = await Assert.ThrowsAsync<MigrationException>(() => Apply(owner));
        Assert.Contains("a higher number is applied already: V0001__late.sql", refused.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("V0001_one_underscore.sql")]
    [InlineData("V1__short.sql")]
    [InlineData("0001__no_letter.sql")]
    public async Task A_misnamed_file_is_refused_and_not_left_out(string name)
    {
        File(name, "SELECT 1");
        var refused = await Assert.ThrowsAsync<MigrationException>(() => Apply("Host=/nowhere"));
        Assert.Contains(name, refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Two_at_once_are_one_after_the_other()
    {
        var owner = await databases.Cleared();
        File("V0001__slow.sql", "CREATE TABLE slow (); SELECT pg_sleep(0.5)");
        File("V0002__next.sql", "CREATE TABLE next ()");
        await Task.WhenAll(Apply(owner), Apply(owner), Apply(owner));
        Assert.Equal("V0001__slow.sql V0002__next.sql", await Execute(owner, Applied));
    }

    [Fact]
    public async Task A_migration_that_does_not_end_is_named_by_its_session()
    {
        var owner = await databases.Cleared();
        await using var held = new NpgsqlConnection(owner);
        await held.OpenAsync();
        await using (var hold = new NpgsqlCommand("SELECT pg_advisory_lock(4711)", held))
            await hold.ExecuteNonQueryAsync();
        File("V0001__slow.sql", "SELECT pg_advisory_xact_lock(4711)");
        var slow = Apply(owner);
        await Eventually.Holds(
            () => Execute(owner, "SELECT count(*)::text FROM pg_locks WHERE locktype = 'advisory' AND objid = 4711 AND NOT granted"),
            waiting => waiting is not "0" || slow.IsCompleted);
        var refused = await Assert.ThrowsAsync<MigrationException>(
            () => Migrations.Apply(owner, NullLogger.Instance, _folder, TimeSpan.FromMilliseconds(200)));
        Assert.Matches(@"session pid \d+ of eventstore_owner", refused.Message);
        await held.CloseAsync();
        await slow;
    }

    [Fact]
    public async Task Dollar_braces_and_function_bodies_reach_the_database_as_written()
    {
        var owner = await databases.Cleared();
        File(
            "V0001__text.sql",
            """
            CREATE FUNCTION text_as_written() RETURNS text LANGUAGE plpgsql AS $body$
            BEGIN
                -- it's a comment; with an apostrophe
                RETURN '${schema} :name @p {evolve:schema}';
            END $body$;
            """);
        await Apply(owner);
        Assert.Equal("${schema} :name @p {evolve:schema}", await Execute(owner, "SELECT eventstore.text_as_written()"));
    }

    [Fact]
    public async Task The_serving_role_can_see_what_is_pending()
    {
        var owner = await databases.Cleared();
        var serving = As(owner, "eventstore_server");
        File("V0001__first.sql", "CREATE TABLE first ()");
        Assert.Equal(["V0001__first.sql"], await Migrations.Pending(serving, _folder));

        await Apply(owner);
        var blind = await Assert.ThrowsAsync<MigrationException>(() => Migrations.Pending(serving, _folder));
        Assert.Contains("Run `migrate`", blind.Message, StringComparison.Ordinal);

        await ServingRole.Grant(owner, "eventstore_server");
        Assert.Empty(await Migrations.Pending(serving, _folder));
        File("V0002__second.sql", "CREATE TABLE second ()");
        Assert.Equal(["V0002__second.sql"], await Migrations.Pending(serving, _folder));
    }

    [Fact]
    public async Task Nothing_of_a_migration_stays_in_a_pooled_connection()
    {
        var owner = new NpgsqlConnectionStringBuilder(await databases.Cleared()) { Pooling = true }.ConnectionString;
        File("V0001__first.sql", "CREATE TABLE first ()");
        await Apply(owner);
        Assert.Equal("\"$user\", public", await Execute(owner, "SHOW search_path"));
        Assert.Equal(0L, await Execute(owner, "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"));
    }

    private Task Apply(string owner, LogLines? log = null) =>
        Migrations.Apply(owner, log ?? new LogLines(), _folder, Eventually.Deadline);

    private void File(string name, string sql) => System.IO.File.WriteAllText(Path.Combine(_folder, name), sql);
}
