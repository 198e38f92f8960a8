using System.Net;
using EventStore.Server.Tests.Fixtures;
using Npgsql;

namespace EventStore.Server.Tests.Survival;

/// <summary>
/// The database lets nobody write for a while: its owner said so, or the address is a standby's. Sessions of that time stay so.
/// </summary>
[Trait("Category", "Slow")]
public sealed class A_read_only_database : IAsyncLifetime
{
    private TestDatabase database = null!;
    private ServerProcess server = null!;

    public async Task InitializeAsync()
    {
        database = await TestDatabase.Create();
        server = await ServerProcess.Start(database.Serving);
        await server.Admin.Create("kept");
    }

    public async Task DisposeAsync()
    {
        await server.DisposeAsync();
        await database.DisposeAsync();
    }

    [Fact]
    public async Task Is_named_in_the_answer_and_written_again_as_soon_as_it_can_be()
    {
        await Set("SET default_transaction_read_only = on");
        await CloseConnections();
        for (int i = 0; i < 2; i++)
        {
            Reply refused = await Reply.Of(server.Admin.Patch(Sample.Job("kept"), """{"metadata":{"labels":{"a":"1"}}}"""));
            Assert.Equal((HttpStatusCode.ServiceUnavailable, "1"), (refused.Code, refused.RetryAfter));
            Assert.Equal("the database is read-only; nothing was changed", (string?)refused.Json["message"]);
        }

        await Set("RESET default_transaction_read_only");
        Reply patched = await Reply.Of(server.Admin.Patch(Sample.Job("kept"), """{"metadata":{"labels":{"a":"2"}}}"""));
        Assert.True(patched.Code == HttpStatusCode.OK, patched.Text);
        Assert.Equal(2, await database.Events("kept"));
    }

    private Task Set(string setting) =>
        database.Execute($"ALTER DATABASE {new NpgsqlConnectionStringBuilder(database.Owner).Database} {setting}");

    private async Task CloseConnections()
    {
        await using var superuser = new NpgsqlConnection(await PostgresServer.ConnectionString);
        await superuser.OpenAsync();
        await using var command = new NpgsqlCommand(
            $"SELECT count(pg_terminate_backend(pid, 10000)) FROM pg_stat_activity WHERE usename = '{database.ServingRoleName}'",
            superuser);
        Assert.NotEqual(0L, await command.ExecuteScalarAsync());
    }
}
