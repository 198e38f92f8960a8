using Npgsql;

namespace EventStore.Server.Tests.Fixtures;

/// <summary>The tests' own ground: a fixture that quietly gave another server than it says would make every other test worthless.</summary>
[Trait("Category", "Slow")]
public sealed class PostgresServerTests
{
    [Fact]
    public async Task It_answers() => Assert.Equal(1, await Ask("select 1"));

    [Fact]
    public async Task It_is_new_enough_for_the_product() =>
        Assert.InRange((int)(await Ask("select current_setting('server_version_num')::int"))!, 150000, int.MaxValue);

    [Fact]
    public async Task Another_version_than_was_asked_for_is_refused()
    {
        string server = await PostgresServer.ConnectionString;
        string version = ((string)(await Ask("show server_version"))!).Split(' ')[0];
        Assert.Equal(version, await PostgresServer.VersionOf(server, version));
        var refused = await Assert.ThrowsAsync<InvalidOperationException>(() => PostgresServer.VersionOf(server, "9.6"));
        Assert.Equal($"it is PostgreSQL {version}; TEST_POSTGRES_VERSION asks for 9.6", refused.Message);
    }

    [Fact]
    public async Task We_are_its_superuser() =>
        Assert.Equal(true, await Ask("select rolsuper from pg_roles where rolname = current_user"));

    [Fact]
    public async Task It_has_connections_enough_for_many_processes() =>
        Assert.InRange((int)(await Ask("select current_setting('max_connections')::int"))!, PostgresServer.ConnectionsMax, int.MaxValue);

    [Fact]
    public async Task It_refuses_a_wrong_password()
    {
        var wrong = new NpgsqlConnectionStringBuilder(await PostgresServer.ConnectionString) { Password = "wrong", Pooling = false };
        await using var connection = new NpgsqlConnection(wrong.ConnectionString);
        var refusal = await Assert.ThrowsAsync<PostgresException>(() => connection.OpenAsync());
        Assert.Equal(PostgresErrorCodes.InvalidPassword, refusal.SqlState);
    }

    [Fact]
    public void Everybody_is_given_the_same_server() =>
        Assert.Same(PostgresServer.ConnectionString, PostgresServer.ConnectionString);

    [Theory]
    [InlineData(null, null, "a container", "a throwaway local cluster")]
    [InlineData("Host=db", null, "the server")]
    [InlineData(null, "container", "a container")]
    [InlineData(null, "local", "a throwaway local cluster")]
    [InlineData("Host=db", "local", "a throwaway local cluster")]
    public void Sources_are_tried_in_this_order(string? given, string? engine, params string[] names) =>
        Assert.Equal(names, PostgresServer.SourcesFor(given, engine).Select(source => source.Name.Split(" of ")[0]));

    [Fact]
    public void An_unknown_engine_is_refused_by_name()
    {
        var refusal = Assert.Throws<InvalidOperationException>(() => PostgresServer.SourcesFor(null, "mainframe"));
        Assert.Contains("'mainframe'", refusal.Message, StringComparison.Ordinal);
        Assert.Contains("'container' or 'local'", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_next_source_is_used_when_one_does_not_start()
    {
        var working = await PostgresServer.ConnectionString;
        var log = new StringWriter();
        Assert.Equal(working, await PostgresServer.FirstThatStarts(
            [Broken("a broken one", "no engine"), new PostgresServer.Source("a working one", () => Task.FromResult(working))], log));
        Assert.Contains("a working one.\n- a broken one: no engine", log.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task With_no_source_left_every_reason_is_told_and_what_to_install()
    {
        var failure = await Assert.ThrowsAsync<InvalidOperationException>(() => PostgresServer.FirstThatStarts(
            [Broken("a container", "engine not running", "connection refused"), Broken("a local cluster", "no binaries")],
            TextWriter.Null));
        Assert.Contains("- a container: engine not running <- connection refused", failure.Message, StringComparison.Ordinal);
        Assert.Contains("- a local cluster: no binaries", failure.Message, StringComparison.Ordinal);
        Assert.Contains("apt-get install postgresql", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_server_that_does_not_answer_is_no_source()
    {
        // Port 1 of this machine: nobody listens there.
        var dead = PostgresServer.SourcesFor("Host=127.0.0.1;Port=1;Username=postgres;Timeout=5", engine: null);
        var failure = await Assert.ThrowsAsync<InvalidOperationException>(() => PostgresServer.FirstThatStarts(dead, TextWriter.Null));
        Assert.Contains("the server of TEST_POSTGRES", failure.Message, StringComparison.Ordinal);
    }

    private static PostgresServer.Source Broken(string name, string message, string? inner = null) =>
        new(name, () => Task.FromException<string>(new IOException(message, inner is null ? null : new IOException(inner))));

    private static async Task<object?> Ask(string sql)
    {
        await using var connection = new NpgsqlConnection(await PostgresServer.ConnectionString);
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand(sql, connection);
        return await command.ExecuteScalarAsync();
    }
}
