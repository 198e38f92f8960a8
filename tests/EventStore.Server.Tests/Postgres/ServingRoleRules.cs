using EventStore.Server.Postgres;
using Npgsql;
using static EventStore.Server.Tests.Postgres.PrivateDatabases;

namespace EventStore.Server.Tests.Postgres;

public sealed class ServingRoleRules(PrivateDatabases databases) : IClassFixture<PrivateDatabases>
{
    private const string Role = "eventstore_server";

    private const string SomeStore =
        """
        CREATE SCHEMA eventstore;
        CREATE TABLE eventstore.events (id int, note text);
        CREATE TABLE eventstore.head (revision bigint);
        CREATE SEQUENCE eventstore.numbers;
        CREATE TABLE eventstore.mt_doc_activity (id int, data text, day text);
        CREATE FUNCTION eventstore.commit_jobs_6(n int) RETURNS int LANGUAGE sql SECURITY DEFINER
            SET search_path = eventstore, pg_temp AS 'INSERT INTO events VALUES (n) RETURNING id';
        CREATE FUNCTION eventstore.commit_jobs_7(n int, m text) RETURNS int LANGUAGE sql SECURITY DEFINER
            SET search_path = eventstore, pg_temp AS 'INSERT INTO events VALUES (n) RETURNING id';
        CREATE FUNCTION eventstore.forget_everything() RETURNS void LANGUAGE sql SECURITY DEFINER
            SET search_path = eventstore, pg_temp AS 'DELETE FROM events';
        CREATE FUNCTION eventstore.commit_jobs_1() RETURNS int LANGUAGE sql AS 'SELECT 1';
        """;

    [Fact]
    public async Task It_can_read_and_commit()
    {
        var (_, serving) = await Granted();
        Assert.Equal(7, await Execute(serving, "SELECT eventstore.commit_jobs_6(7)"));
        Assert.Equal(8, await Execute(serving, "SELECT eventstore.commit_jobs_7(8, '')"));
        Assert.Equal(2L, await Execute(serving, "SELECT count(*) FROM eventstore.events"));
    }

    [Theory]
    [InlineData("INSERT INTO eventstore.events VALUES (1)")]
    [InlineData("UPDATE eventstore.events SET id = 2")]
    [InlineData("UPDATE eventstore.events SET note = ''")]
    [InlineData("DELETE FROM eventstore.head")]
    [InlineData("TRUNCATE eventstore.events")]
    [InlineData("BEGIN; LOCK TABLE eventstore.events IN ACCESS EXCLUSIVE MODE")]
    [InlineData("SELECT nextval('eventstore.numbers')")]
    [InlineData("SELECT setval('eventstore.numbers', 1)")]
    [InlineData("SELECT eventstore.forget_everything()")]
    [InlineData("SELECT eventstore.commit_jobs_1()")]
    [InlineData("UPDATE eventstore.mt_doc_activity SET day = ''")]
    [InlineData("CREATE TABLE eventstore.mine ()")]
    [InlineData("CREATE FUNCTION public.mine() RETURNS int LANGUAGE sql AS 'SELECT 1'")]
    [InlineData("DROP TABLE eventstore.head")]
    public async Task It_can_do_nothing_else_whatever_it_had_before(string sql)
    {
        var (_, serving) = await Granted(
            $"""
            GRANT ALL ON SCHEMA eventstore TO {Role};
            GRANT ALL ON ALL TABLES IN SCHEMA eventstore TO {Role}, PUBLIC;
            GRANT UPDATE (note) ON eventstore.events TO {Role};
            GRANT ALL ON ALL SEQUENCES IN SCHEMA eventstore TO {Role};
            GRANT ALL ON ALL FUNCTIONS IN SCHEMA eventstore TO {Role};
            GRANT CREATE ON SCHEMA public TO PUBLIC;
            """);
        var refused = await Assert.ThrowsAsync<PostgresException>(() => Execute(serving, sql));
        Assert.Equal(PostgresErrorCodes.InsufficientPrivilege, refused.SqlState);
    }

    [Fact]
    public async Task Everybody_else_can_do_nothing()
    {
        var (owner, _) = await Granted();
        Assert.Equal(0L, await Execute(
            owner,
            """
            SELECT count(*) FROM pg_proc p, aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) acl
            WHERE p.pronamespace = 'eventstore'::regnamespace AND acl.grantee = 0
            """));
    }

    [Fact]
    public async Task Granting_again_and_by_two_at_once_changes_nothing()
    {
        var (owner, serving) = await Granted();
        await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => ServingRole.Grant(owner, Role)));
        Assert.Equal(1, await Execute(serving, "SELECT eventstore.commit_jobs_6(1)"));
    }

    [Fact]
    public async Task A_role_that_does_not_exist_is_refused()
    {
        var owner = await databases.Cleared();
        await Execute(owner, SomeStore);
        var refused = await Assert.ThrowsAsync<PostgresException>(() => ServingRole.Grant(owner, "no\"body"));
        Assert.Equal(PostgresErrorCodes.UndefinedObject, refused.SqlState);
    }

    [Fact]
    public async Task The_granted_role_has_no_owners_rights_and_the_owner_and_the_superuser_have()
    {
        var (owner, serving) = await Granted();
        Assert.False(await ServingRole.HasOwnersRights(serving));
        Assert.True(await ServingRole.HasOwnersRights(owner));
        Assert.True(await ServingRole.HasOwnersRights(As(owner, "postgres")));
    }

    [Theory]
    [InlineData("GRANT INSERT ON eventstore.events TO eventstore_server")]
    [InlineData("GRANT UPDATE (note) ON eventstore.events TO eventstore_server")]
    [InlineData("GRANT UPDATE (day) ON eventstore.mt_doc_activity TO eventstore_server")]
    [InlineData("GRANT DELETE ON eventstore.head TO PUBLIC")]
    [InlineData("GRANT TRUNCATE ON eventstore.head TO eventstore_server")]
    [InlineData("GRANT USAGE ON eventstore.numbers TO eventstore_server")]
    [InlineData("GRANT CREATE ON SCHEMA eventstore TO eventstore_server")]
    public async Task One_right_to_write_is_found(string grant)
    {
        var (owner, serving) = await Granted();
        await Execute(owner, grant);
        Assert.True(await ServingRole.HasOwnersRights(serving));
    }

    [Fact]
    public async Task Before_the_first_migration_only_the_superuser_counts()
    {
        var owner = await databases.Cleared();
        Assert.False(await ServingRole.HasOwnersRights(As(owner, Role)));
        Assert.True(await ServingRole.HasOwnersRights(As(owner, "postgres")));
    }

    [Fact]
    public async Task The_private_database_has_no_unsafe_settings_and_one_without_fsync_has()
    {
        var owner = await databases.Cleared();
        var superuser = As(owner, "postgres");
        Assert.Empty(await ServingRole.UnsafeSettings(As(owner, Role)));

        // The command line of the private database outranks the file, so a view of our own stands in for the real one.
        var shadowed = new NpgsqlConnectionStringBuilder(superuser) { SearchPath = "shadow, pg_catalog" }.ConnectionString;
        await Execute(
            superuser,
            """
            CREATE SCHEMA shadow;
            CREATE VIEW shadow.pg_settings AS
            SELECT name, CASE WHEN name IN ('fsync', 'full_page_writes') THEN 'off' ELSE setting END AS setting FROM pg_catalog.pg_settings
            """);
        var sentences = await ServingRole.UnsafeSettings(shadowed);
        Assert.Equal(2, sentences.Count);
        Assert.Contains("fsync is off", sentences[0], StringComparison.Ordinal);
        Assert.Contains("full_page_writes is off", sentences[1], StringComparison.Ordinal);
    }

    private async Task<(string Owner, string Serving)> Granted(string before = "")
    {
        var owner = await databases.Cleared();
        await Execute(owner, SomeStore + before);
        await ServingRole.Grant(owner, Role);
        return (owner, As(owner, Role));
    }
}
