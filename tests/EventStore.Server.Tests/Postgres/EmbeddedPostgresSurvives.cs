using System.Diagnostics;
using System.Globalization;
using System.Runtime.Versioning;
using EventStore.Server.Postgres;
using EventStore.Server.Tests.Fixtures;
using Microsoft.Extensions.Logging.Abstractions;
using static EventStore.Server.Tests.Postgres.DataFolders;

namespace EventStore.Server.Tests.Postgres;

/// <summary>What can be wrong with a data folder, its processes and its machine, each really provoked.</summary>
[UnsupportedOSPlatform("windows")]
[Trait("Category", "Slow")]
public sealed class EmbeddedPostgresSurvives(DataFolders folders) : IClassFixture<DataFolders>
{
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;

    [Theory]
    [InlineData("kernel")]
    [InlineData("pipe")]
    public async Task A_killed_server_takes_its_database_down_and_the_next_start_has_the_data(string how)
    {
        var folder = folders.WithData();
        using var parent = await ParentToKill.Start(folder, how);
        Assert.True(Runs(parent.DatabasePid));

        var refused = await Assert.ThrowsAsync<PostgresUnavailableException>(() => folders.Start(folder));
        Assert.Contains($"process {parent.Id}", refused.Message, StringComparison.Ordinal);

        parent.Kill();
        await Eventually.Holds(() => !Runs(parent.DatabasePid), "the end of the database");
        Assert.EndsWith("database system is shut down", Log(folder).TrimEnd(), StringComparison.Ordinal);

        await using var again = await folders.Start(folder);
        Assert.Equal("a row", await Query(again, "SELECT value FROM kept"));
    }

    [Fact]
    public async Task A_killed_database_recovers_what_was_committed_beside_its_stale_lock_file()
    {
        await using var postgres = await folders.Start(await folders.Crashed());
        Assert.Equal("written before the crash", await Query(postgres, "SELECT value FROM kept"));
        Assert.Contains("not properly shut down", Log(postgres.DataFolder), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_lock_file_that_names_a_living_stranger_does_not_stop_it()
    {
        var folder = await folders.Crashed();
        // Tied to us it would end with the thread that started it, which is one of a pool's.
        using var stranger = Process.Start(folders.Account.WithoutParentDeathSignal().Command("sleep", "60"))!;
        try
        {
            var lines = await File.ReadAllLinesAsync(PidFile(folder));
            lines[0] = stranger.Id.ToString(CultureInfo.InvariantCulture);
            await File.WriteAllLinesAsync(PidFile(folder), lines);

            await using var postgres = await folders.Start(folder);
            Assert.Equal("written before the crash", await Query(postgres, "SELECT value FROM kept"));
            Assert.False(stranger.HasExited);
        }
        finally
        {
            stranger.Kill();
        }
    }

    [Fact]
    public async Task An_orphan_on_the_folder_is_ended_and_a_new_one_started()
    {
        var folder = folders.WithData();
        var untied = folders.Account.WithoutParentDeathSignal();
        using var shell = Process.Start(untied.Command(
            "sh", "-c", "\"$0\" -D \"$1\" -c listen_addresses= -c unix_socket_directories=\"$2\" </dev/null >/dev/null 2>&1 &",
            PostgresBinaries.Find().Program("postgres"), Path.Combine(folder, "pgdata"), Path.Combine(folder, "run")))!;
        var pidFile = PidFile(folder);
        await Eventually.Holds(
            () => File.Exists(pidFile) && File.ReadAllText(pidFile).Contains("ready", StringComparison.Ordinal), "the orphan");
        var orphan = int.Parse(File.ReadLines(pidFile).First(), CultureInfo.InvariantCulture);

        var log = new LogLines();
        await using var postgres = await folders.Start(folder, log);
        Assert.False(Runs(orphan));
        Assert.NotEqual(orphan, postgres.ProcessId);
        Assert.Contains($"(process {orphan}) of an earlier server still runs", log.ToString(), StringComparison.Ordinal);
        Assert.Equal("a row", await Query(postgres, "SELECT value FROM kept"));
    }

    [Theory]
    [InlineData("initdb")]
    [InlineData("postgres")]
    public async Task A_broken_first_start_leaves_nothing_and_the_next_one_works(string broken)
    {
        var folder = folders.Empty();
        var binaries = BinariesWith(broken, "echo 'no space left'; exit 1");
        var failed = await Assert.ThrowsAsync<PostgresUnavailableException>(
            () => EmbeddedPostgres.Start(folder, folders.Account, _ => binaries, NullLogger.Instance, CancellationToken.None));
        Assert.Contains("no space left", failed.Message, StringComparison.Ordinal);
        Assert.Empty(Directory.EnumerateFileSystemEntries(folder, "pgdata*"));

        await using var postgres = await folders.Start(folder);
        Assert.Equal(1, await Query(postgres, "SELECT 1"));
    }

    [Fact]
    public async Task What_an_interrupted_first_start_left_is_taken_away()
    {
        var folder = folders.WithData();
        var unfinished = Directory.CreateDirectory(Path.Combine(folder, "pgdata.new-0123abcd", "base"));
        await using var postgres = await folders.Start(folder);
        Assert.False(unfinished.Parent!.Exists && Directory.Exists(unfinished.FullName));
        Assert.Equal("a row", await Query(postgres, "SELECT value FROM kept"));
    }

    [Fact]
    public async Task Another_versions_data_are_refused_with_the_version_that_made_them()
    {
        var folder = folders.WithData();
        await File.WriteAllTextAsync(Path.Combine(folder, "pgdata", "PG_VERSION"), "99\n");
        var refused = await Assert.ThrowsAsync<PostgresUnavailableException>(() => folders.Start(folder));
        Assert.Contains("made by PostgreSQL 99", refused.Message, StringComparison.Ordinal);
        Assert.Contains("Install PostgreSQL 99", refused.Hint, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Files_that_are_no_database_are_left_alone()
    {
        var folder = folders.Empty();
        var file = Path.Combine(Directory.CreateDirectory(Path.Combine(folder, "pgdata")).FullName, "thesis.txt");
        await File.WriteAllTextAsync(file, "mine");
        var refused = await Assert.ThrowsAsync<PostgresUnavailableException>(() => folders.Start(folder));
        Assert.Contains("holds no PostgreSQL data", refused.Message, StringComparison.Ordinal);
        Assert.True(File.Exists(file));
    }

    [Fact]
    public async Task A_failed_start_says_what_the_log_says()
    {
        var folder = folders.WithData();
        await File.AppendAllTextAsync(Path.Combine(folder, "pgdata", "postgresql.conf"), "\nno_such_setting = 1\n");
        var failed = await Assert.ThrowsAsync<PostgresUnavailableException>(() => folders.Start(folder));
        Assert.Contains("unrecognized configuration parameter \"no_such_setting\"", failed.Message, StringComparison.Ordinal);
        Assert.Contains(Path.Combine(folder, "postgres.log"), failed.Hint, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Without_programs_nothing_is_made_and_the_install_commands_are_named()
    {
        var folder = folders.Empty();
        var failed = await Assert.ThrowsAsync<PostgresUnavailableException>(() => EmbeddedPostgres.Start(
            folder, folders.Account, major => PostgresBinaries.Search([], major), NullLogger.Instance, CancellationToken.None));
        Assert.All(
            ["apt-get install postgresql", "dnf install postgresql-server", "brew install postgresql@17", "ConnectionStrings__Postgres"],
            words => Assert.Contains(words, failed.Message, StringComparison.Ordinal));
        Assert.False(Directory.Exists(folder));
    }

    [Fact]
    public async Task A_folder_it_cannot_use_is_named()
    {
        // Root may enter everywhere and its database may not; anybody else is refused by a folder closed to himself.
        var closed = Directory.CreateDirectory(folders.Empty(), OwnerOnly).FullName;
        if (!folders.Account.Drops)
            File.SetUnixFileMode(closed, UnixFileMode.UserRead);
        var refused = await Assert.ThrowsAsync<PostgresUnavailableException>(() => folders.Start(Path.Combine(closed, "data")));
        Assert.Contains(closed, refused.Message, StringComparison.Ordinal);
        Assert.Contains("--data", refused.Hint, StringComparison.Ordinal);
        File.SetUnixFileMode(closed, OwnerOnly);
    }

    // The machine's programs with one of them replaced.
    private PostgresBinaries BinariesWith(string broken, string script)
    {
        var real = PostgresBinaries.Find();
        var folder = Directory.CreateDirectory(folders.Empty()).FullName;
        foreach (var program in (string[])["initdb", "postgres"])
        {
            var file = Path.Combine(folder, program);
            File.WriteAllText(file, program == broken ? $"#!/bin/sh\n{script}\n" : $"#!/bin/sh\nexec {real.Program(program)} \"$@\"\n");
            File.SetUnixFileMode(file, (UnixFileMode)Convert.ToInt32("755", 8));
        }

        return real with { Folder = folder };
    }
}
