using System.Runtime.Versioning;
using EventStore.Server.Postgres;
using EventStore.Server.Tests.Fixtures;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;

namespace EventStore.Server.Tests.Postgres;

/// <summary>The private PostgreSQL in a container keeps the rules of the one from this machine's programs.</summary>
[UnsupportedOSPlatform("windows")]
[Trait("Category", "Slow")]
public sealed class In_a_container : IAsyncLifetime
{
    private readonly string root = Directory.CreateTempSubdirectory("es-container-").FullName;

    private static string Image =>
        Environment.GetEnvironmentVariable("TEST_POSTGRES_IMAGE") is { Length: > 0 } image ? image : "postgres:17";

    private string Folder => Path.Combine(root, "data");

    public async Task InitializeAsync() =>
        // CI has a pass with an engine, which this needs, and one without.
        Skip.IfNot(
            Environment.GetEnvironmentVariable("TEST_POSTGRES_ENGINE") == "container" || await ContainerEngine.Answers(default),
            "no container engine answers");

    public async Task DisposeAsync()
    {
        if (ContainerRecord.Read(Folder) is { } record)
        {
            await ContainerEngine.Run(default, "rm", "--force", record.Name);
            await ContainerEngine.Run(default, "volume", "rm", "--force", record.Name);
        }

        Directory.Delete(root, recursive: true);
    }

    [SkippableFact]
    public async Task Is_chosen_where_there_are_no_programs_and_keeps_what_was_committed()
    {
        await using (PrivatePostgres first = await PrivatePostgres.Open(Folder, Image, () => false, NullLogger.Instance, default))
        {
            Assert.IsType<ContainerPostgres>(first);
            Assert.Equal("UTF8", await PrivateDatabases.Execute(first.OwnerConnectionString, "SHOW server_encoding"));
            Assert.Equal("on", await PrivateDatabases.Execute(first.OwnerConnectionString, "SHOW fsync"));
            await PrivateDatabases.Execute(first.OwnerConnectionString, "CREATE TABLE kept AS SELECT 7 AS number");
            Assert.Equal(
                PostgresErrorCodes.InsufficientPrivilege,
                (await Assert.ThrowsAsync<PostgresException>(
                    () => PrivateDatabases.Execute(first.ServingConnectionString, "SELECT number FROM kept"))).SqlState);
            Assert.Equal("127.0.0.1", new NpgsqlConnectionStringBuilder(first.ServingConnectionString).Host);
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(ContainerRecord.FileIn(Folder)));
            string published = (await ContainerEngine.Run(default, "port", ContainerRecord.Read(Folder)!.Name)).Output;
            Assert.All(published.Split('\n'), line => Assert.Contains("-> 127.0.0.1:", line, StringComparison.Ordinal));

            PostgresUnavailableException second = await Assert.ThrowsAsync<PostgresUnavailableException>(
                () => PrivatePostgres.Open(Folder, null, () => true, NullLogger.Instance, default));
            Assert.Contains(
                $"Another server (process {Environment.ProcessId}) is using the data folder {Folder}", second.Problem,
                StringComparison.Ordinal);
        }

        Assert.Equal(string.Empty, await Containers());
        Assert.Contains(
            "database system is shut down", await File.ReadAllTextAsync(Path.Combine(Folder, "postgres.log")), StringComparison.Ordinal);
        // The folder says where its data are; that programs have come since changes nothing.
        await using PrivatePostgres again = await PrivatePostgres.Open(Folder, null, () => true, NullLogger.Instance, default);
        Assert.Equal(7, await PrivateDatabases.Execute(again.OwnerConnectionString, "SELECT number FROM kept"));
    }

    [SkippableFact]
    public async Task A_first_start_that_was_interrupted_is_begun_anew()
    {
        ContainerRecord unfinished = ContainerRecord.New(Image);
        Directory.CreateDirectory(Folder);
        unfinished.Write(Folder);
        // What looks like data to the image, and is none: it would neither make roles nor a database.
        await ContainerEngine.Demand(
            "no volume", default, "run", "--rm", "--volume", $"{unfinished.Name}:/data", "--entrypoint", "sh", Image, "-c",
            "echo 15 >/data/PG_VERSION");
        await using PrivatePostgres made = await PrivatePostgres.Open(Folder, Image, () => false, NullLogger.Instance, default);
        Assert.NotEqual(unfinished.Name, ContainerRecord.Read(Folder)!.Name);
        Assert.Equal(
            string.Empty, (await ContainerEngine.Run(default, "volume", "ls", "--quiet", "--filter", $"name={unfinished.Name}")).Output);
    }

    /// <summary>Another engine is asked, or somebody removed it: an empty database would look as if everything were lost.</summary>
    [SkippableFact]
    public async Task A_volume_that_is_gone_is_refused_and_not_made_anew()
    {
        await using (await PrivatePostgres.Open(Folder, Image, () => false, NullLogger.Instance, default))
        {
        }

        string name = ContainerRecord.Read(Folder)!.Name;
        await ContainerEngine.Demand("it stays", default, "volume", "rm", name);
        PostgresUnavailableException refused = await Assert.ThrowsAsync<PostgresUnavailableException>(
            () => PrivatePostgres.Open(Folder, null, () => false, NullLogger.Instance, default));
        Assert.Equal($"The engine has no volume {name}, which holds the database of {Folder}.", refused.Problem);
        Assert.NotEqual(0, (await ContainerEngine.Run(default, "volume", "inspect", name)).ExitCode);
    }

    [SkippableFact]
    public async Task A_copy_of_the_folder_does_not_take_the_database_away()
    {
        await using PrivatePostgres original = await PrivatePostgres.Open(Folder, Image, () => false, NullLogger.Instance, default);
        string copy = Directory.CreateDirectory(Path.Combine(root, "copy")).FullName;
        File.Copy(ContainerRecord.FileIn(Folder), ContainerRecord.FileIn(copy));
        PostgresUnavailableException refused = await Assert.ThrowsAsync<PostgresUnavailableException>(
            () => PrivatePostgres.Open(copy, null, () => true, NullLogger.Instance, default));
        Assert.Contains($"of which {copy} seems to be a copy", refused.Problem, StringComparison.Ordinal);
        Assert.Equal(1, await PrivateDatabases.Execute(original.OwnerConnectionString, "SELECT 1"));
    }

    [SkippableFact]
    public async Task An_image_that_cannot_be_had_is_refused_with_what_the_engine_says()
    {
        PostgresUnavailableException refused = await Assert.ThrowsAsync<PostgresUnavailableException>(
            () => PrivatePostgres.Open(Folder, "127.0.0.1:1/none:1", () => false, NullLogger.Instance, default));
        Assert.StartsWith("The image 127.0.0.1:1/none:1 could not be pulled.\n", refused.Problem, StringComparison.Ordinal);
        Assert.Contains("127.0.0.1:1", refused.Problem.Split('\n', 2)[1], StringComparison.Ordinal);
    }

    [SkippableTheory]
    [InlineData("INT")]
    [InlineData("KILL")]
    public async Task Serves_the_main_job_and_ends_with_the_server_however_that_ends(string signal)
    {
        await using (ProgramRun server = Start())
        {
            await server.Serving();
            Assert.Contains("PostgreSQL runs with", server.Errors, StringComparison.Ordinal);
            server.Signal(signal);
            await server.End();
        }

        // After KILL the database notices by itself.
        await Eventually.Equal("", Containers);
        await using ProgramRun again = Start();
        await again.Serving();
    }

    private ProgramRun Start() =>
        ProgramRun.Start(new Dictionary<string, string?>(), "--data", Folder, "--urls", "http://127.0.0.1:0", "--postgres-image", Image);

    private async Task<string> Containers() =>
        (await ContainerEngine.Run(default, "ps", "--all", "--quiet", "--filter", $"name={ContainerRecord.Read(Folder)!.Name}")).Output;
}
