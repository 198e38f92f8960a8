using System.Runtime.Versioning;
using System.Text;
using EventStore.Server.Postgres;
using EventStore.Server.Tests.Fixtures;
using Npgsql;
using static EventStore.Server.Tests.Postgres.DataFolders;

namespace EventStore.Server.Tests.Postgres;

[UnsupportedOSPlatform("windows")]
[Trait("Category", "Slow")]
public sealed class EmbeddedPostgresRuns(DataFolders folders) : IClassFixture<DataFolders>
{
    [Theory]
    [InlineData("fsync", "on")]
    [InlineData("full_page_writes", "on")]
    [InlineData("synchronous_commit", "on")]
    [InlineData("data_checksums", "on")]
    [InlineData("listen_addresses", "")]
    [InlineData("server_encoding", "UTF8")]
    [InlineData("order of texts", "C", "SELECT datcollate::text FROM pg_database WHERE datname = current_database()")]
    [InlineData("order of characters", "C", "SELECT datctype::text FROM pg_database WHERE datname = current_database()")]
    [InlineData("jit", "off")]
    public async Task It_is_durable_and_only_its_socket_reaches_it(string setting, string value, string? sql = null) =>
        Assert.Equal(value, await (await Shared()).Show(setting, sql));

    [SkippableFact]
    public async Task It_is_of_the_version_that_the_run_asks_for()
    {
        string asked = Environment.GetEnvironmentVariable("TEST_POSTGRES_VERSION") ?? string.Empty;
        Skip.If(asked.Length == 0, "TEST_POSTGRES_VERSION is not set: any version will do");
        Assert.Equal(asked, (await (await Shared()).Show("server_version")).Split(' ')[0]);
    }

    [Fact]
    public async Task The_owner_may_create_and_the_serving_role_may_only_connect()
    {
        var postgres = (await Shared()).Postgres;
        Assert.Equal("eventstore_owner", await Query(
            postgres, "SELECT pg_get_userbyid(datdba)::text FROM pg_database WHERE datname = 'eventstore'"));
        Assert.Equal(0L, await Query(
            postgres,
            """
            SELECT count(*) FROM pg_roles
            WHERE rolname LIKE 'eventstore%' AND (rolsuper OR rolcreaterole OR rolcreatedb OR rolreplication OR rolbypassrls)
            """));
        await Query(postgres, "CREATE SCHEMA anything");

        foreach (var sql in (string[])["CREATE SCHEMA other", "CREATE TABLE public.other ()", "CREATE TEMP TABLE other ()"])
        {
            var refused = await Assert.ThrowsAsync<PostgresException>(() => Query(postgres, sql, "eventstore_server"));
            Assert.Equal(PostgresErrorCodes.InsufficientPrivilege, refused.SqlState);
        }
    }

    [Fact]
    public async Task Nobody_but_the_roles_gets_in()
    {
        var postgres = (await Shared()).Postgres;
        await Query(postgres, "CREATE ROLE stranger LOGIN", "postgres");
        var refused = await Assert.ThrowsAsync<PostgresException>(() => Query(postgres, "SELECT 1", "stranger"));
        Assert.Equal(PostgresErrorCodes.InvalidAuthorizationSpecification, refused.SqlState);
    }

    [Fact]
    public async Task The_serving_connection_prepares_by_itself_and_is_not_reset()
    {
        var serving = new NpgsqlConnectionStringBuilder((await Shared()).Postgres.ServingConnectionString);
        Assert.Equal("eventstore_server", serving.Username);
        Assert.Equal((100, 2, true), (serving.MaxAutoPrepare, serving.AutoPrepareMinUsages, serving.NoResetOnClose));
        Assert.NotEmpty(serving.ApplicationName!);
    }

    [Fact]
    public async Task Only_its_account_can_enter_the_data_and_the_socket_and_root_keeps_the_rest()
    {
        var folder = (await Shared()).Postgres.DataFolder;
        var account = folders.Account.Drops ? "postgres" : folders.Account.ProcessUser;
        Assert.Equal($"{account} 700", Shell("stat", "-c", "%U %a", Path.Combine(folder, "pgdata")));
        Assert.Equal($"{account} 700", Shell("stat", "-c", "%U %a", Path.Combine(folder, "run")));
        Assert.Equal($"{account} 600", Shell("stat", "-c", "%U %a", Path.Combine(folder, "postgres.log")));
        Assert.Equal($"{folders.Account.ProcessUser} {(folders.Account.Drops ? "711" : "700")}", Shell("stat", "-c", "%U %a", folder));
        Assert.Equal(account, Shell("stat", "-c", "%U", $"/proc/{(await Shared()).Postgres.ProcessId}"));
    }

    [Fact]
    public async Task Stopping_is_clean_and_the_data_are_there_the_next_time()
    {
        var folder = folders.WithData();
        var postgres = await folders.Start(folder);
        var pid = postgres.ProcessId;
        await Query(postgres, "UPDATE kept SET value = 'second'");
        await postgres.DisposeAsync();
        Assert.False(Runs(pid));
        Assert.False(File.Exists(PidFile(folder)));
        Assert.Contains("received fast shutdown request", Log(folder), StringComparison.Ordinal);

        await using var again = await folders.Start(folder);
        Assert.Equal("second", await Query(again, "SELECT value FROM kept"));
        Assert.DoesNotContain("not properly shut down", Log(folder), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_second_server_on_the_folder_is_refused_with_the_folder_and_the_process_that_has_it()
    {
        var folder = (await Shared()).Postgres.DataFolder;
        var refused = await Assert.ThrowsAsync<PostgresUnavailableException>(() => folders.Start(folder));
        Assert.Contains(folder, refused.Message, StringComparison.Ordinal);
        Assert.Contains($"process {Environment.ProcessId}", refused.Message, StringComparison.Ordinal);
        Assert.Equal("1", await (await Shared()).Show("1", "SELECT 1::text"));
    }

    [Theory]
    [InlineData(120)]
    [InlineData(20, ",")]
    public async Task A_path_that_no_socket_can_have_moves_the_socket(int length, string more = "")
    {
        var folder = folders.WithData() + more + new string('x', length);
        Directory.Move(folder[..^(length + more.Length)], folder);
        string host;
        await using (var postgres = await folders.Start(folder))
        {
            host = new NpgsqlConnectionStringBuilder(postgres.OwnerConnectionString).Host!;
            Assert.DoesNotContain(folder, host, StringComparison.Ordinal);
            Assert.True(Encoding.UTF8.GetByteCount(host) < 90);
            Assert.Equal("700", Shell("stat", "-c", "%a", host));
            Assert.Equal("a row", await Query(postgres, "SELECT value FROM kept"));
        }

        Assert.False(Directory.Exists(host));
    }

    [Fact]
    public async Task An_end_nobody_asked_for_is_told()
    {
        var log = new LogLines();
        await using var postgres = await folders.Start(folders.WithData(), log);
        Shell("kill", "-INT", $"{postgres.ProcessId}");
        await postgres.Ended.WaitAsync(TimeSpan.FromMinutes(5));
        Assert.Contains("Critical: PostgreSQL", log.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Giving_up_the_start_leaves_no_process_and_no_lock()
    {
        var folder = folders.WithData();
        using var stop = new CancellationTokenSource();
        var starting = EmbeddedPostgres.Start(folder, folders.Account, PostgresBinaries.Find, new LogLines(), stop.Token);
        await Eventually.Holds(() => File.Exists(PidFile(folder)), "postmaster.pid");
        await stop.CancelAsync();
        try
        {
            await using var early = await starting; // it was ready before it heard
        }
        catch (OperationCanceledException)
        {
            // what is expected nearly always
        }

        Assert.False(File.Exists(PidFile(folder)));
        await using var again = await folders.Start(folder);
    }

    private Task<SharedPostgres> Shared() => folders.Shared();
}
