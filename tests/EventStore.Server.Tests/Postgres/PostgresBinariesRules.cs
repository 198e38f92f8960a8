using System.Runtime.Versioning;
using EventStore.Server.Postgres;

namespace EventStore.Server.Tests.Postgres;

[UnsupportedOSPlatform("windows")]
public sealed class PostgresBinariesRules : IDisposable
{
    private readonly string _root = Directory.CreateTempSubdirectory("es-binaries-").FullName;

    public void Dispose() => Directory.Delete(_root, recursive: true);

    [Fact]
    public void The_first_that_answers_and_is_new_enough_wins()
    {
        var found = PostgresBinaries.Search([Folder("14.11"), Path.Combine(_root, "missing"), Folder("16.2"), Folder("17.0")], major: null);
        Assert.Equal((Path.Combine(_root, "16.2"), 16), (found.Folder, found.Major));
        Assert.Equal(Path.Combine(_root, "16.2", "initdb"), found.Program("initdb"));
    }

    [Fact]
    public void A_version_can_be_asked_for_and_a_beta_counts() =>
        Assert.Equal(18, PostgresBinaries.Search([Folder("16.2"), Folder("18beta1")], major: 18).Major);

    [Fact]
    public void Programs_that_fail_or_lack_their_initdb_are_passed_over()
    {
        var broken = Folder("16.1", exitCode: 1);
        var alone = Folder("16.2");
        File.Delete(Path.Combine(alone, "initdb"));
        Assert.Throws<PostgresUnavailableException>(() => PostgresBinaries.Search([broken, alone], major: null));
    }

    [Fact]
    public void What_was_found_but_is_too_old_is_named()
    {
        var none = Assert.Throws<PostgresUnavailableException>(
            () => PostgresBinaries.Search([Folder("13.9"), Folder("14.1")], major: null));
        Assert.Contains("No PostgreSQL 15 or newer", none.Problem, StringComparison.Ordinal);
        Assert.Contains("version 13, 14", none.Problem, StringComparison.Ordinal);
    }

    [Fact]
    public void PG_BIN_is_the_only_one_when_it_is_set() =>
        Assert.Equal(["/chosen"], PostgresBinaries.Candidates(name => name == "PG_BIN" ? "/chosen" : "/usr/bin"));

    [Fact]
    public void The_path_comes_last_with_its_links_followed()
    {
        var linked = Directory.CreateDirectory(Path.Combine(_root, "links")).FullName;
        File.CreateSymbolicLink(Path.Combine(linked, "postgres"), Path.Combine(Folder("17.0"), "postgres"));
        var environment = new Dictionary<string, string> { ["PATH"] = $"/nowhere:{linked}" };
        var folders = PostgresBinaries.Candidates(environment.GetValueOrDefault).ToList();
        Assert.Equal(Path.Combine(_root, "17.0"), folders[^1]);
    }

    private string Folder(string version, int exitCode = 0)
    {
        var folder = Directory.CreateDirectory(Path.Combine(_root, version)).FullName;
        foreach (var program in (string[])["postgres", "initdb"])
        {
            var file = Path.Combine(folder, program);
            File.WriteAllText(file, $"#!/bin/sh\necho '{program} (PostgreSQL) {version} (Debian {version}-1)'\nexit {exitCode}\n");
            File.SetUnixFileMode(file, (UnixFileMode)Convert.ToInt32("755", 8));
        }

        return folder;
    }
}
