using EventStore.Server.Store.Lane;
using EventStore.Server.Tests.Documents;
using EventStore.Server.Tests.Fixtures;
using EventStore.Server.Tests.Store;
using Npgsql;

namespace EventStore.Server.Tests.Cli;

/// <summary>
/// The history moves from one major version of PostgreSQL to another and back, byte for byte. So its hashes do not depend on how a version
/// prints jsonb, numbers and times, nor on the time zone and the forms a server was set to. TEST_PG_BINS names the folders of the other
/// versions' programs, separated by colons.
/// </summary>
[Trait("Category", "Slow")]
public sealed class The_history_on_another_PostgreSQL : IAsyncLifetime
{
    /// <summary>
    /// What a version could print in another way: numbers with an exponent or of 400 digits, control characters, names that fold or sort
    /// otherwise.
    /// </summary>
    private const string Hard =
        """
        {"status":{"numbers":[1.10,0.1e-7,-0.0,-0,1E+2,1e399,1e-398,9007199254740993,12345678901234567890.123456789,0.30000000000000004],
        "texts":["\u0001\u001f\u007f\u0085\u2028 \\ \" \/ <&>","ü 漢 😀 \ud83d\ude00 e\u0301 é ﬁ","İıẞßǅ","","1.10","2026-11-30T12:00:00.000001+05:45"],
        "é":null,"e\u0301":{"zz":1,"a":2,"B":3,"aa":4,"":5},"Z":[[],{},null,true,false]}}
        """;

    private readonly string folder = Directory.CreateTempSubdirectory("es-versions-").FullName;
    private TestDatabase database = null!;

    /// <summary>The folders of the other versions' programs; one that is missing where none is named.</summary>
    public static TheoryData<string> Others => [.. Named.Length == 0 ? [string.Empty] : Named];

    private static string[] Named =>
        Environment.GetEnvironmentVariable("TEST_PG_BINS")?.Split(':', StringSplitOptions.RemoveEmptyEntries) ?? [];

    public async Task InitializeAsync() => database = await TestDatabase.Create();

    public async Task DisposeAsync()
    {
        await database.DisposeAsync();
        Directory.Delete(folder, recursive: true);
    }

    [SkippableTheory]
    [MemberData(nameof(Others))]
    public async Task Is_the_same_there_and_back_again(string programs)
    {
        Tools.Need(() => Named.Length > 0, "another version of PostgreSQL, its folder of programs in TEST_PG_BINS");
        await using OwnCluster cluster = await OwnCluster.Start(environment:
            [("PG_BIN", programs), ("CLUSTER_OPTIONS",
                "-c timezone=Asia/Kathmandu -c datestyle=German -c intervalstyle=iso_8601 -c bytea_output=escape -c extra_float_digits=-5")]);
        Assert.NotEqual(await Major(await PostgresServer.ConnectionString), await Major(cluster.Superuser));

        await Write(database, seed: 61);
        string exported = await Export(database, "here");
        await using TestDatabase there = await TestDatabase.Create(cluster.Superuser);
        await Import(there, "here");
        Assert.Equal(exported, await Export(there, "there"));

        // What the other version stores and hashes itself is as good here.
        await Write(there, seed: 62);
        string more = await Export(there, "there");
        Assert.True(more.Length > exported.Length + 20_000, "nothing was written there");
        await using TestDatabase back = await TestDatabase.Create();
        await Import(back, "there");
        Assert.Equal(more, await Export(back, "back"));
    }

    /// <summary>Two hundred events of all kinds, and the hardest content.</summary>
    private static async Task Write(TestDatabase to, int seed)
    {
        await RandomHistory.Write(to.Source, seed, jobs: 10, events: 200);
        await using var lane = InProcess.Lane(to.Source);
        string name = $"hard-{seed}";
        Assert.IsType<Outcome.Done>(await lane.Execute(InProcess.Create(name)));
        Assert.IsType<Outcome.Done>(await lane.Execute(InProcess.PatchStatus(name, Hard)));
        string numbers = await to.Ask<string>(
            "SELECT data #>> '{status,numbers}' FROM eventstore.mt_events WHERE type = 'job_status_updated' ORDER BY seq_id DESC LIMIT 1");
        Assert.Equal("[1.10, 0.00000001, 0.0, 0, 100, 1", numbers[..33]);
        Assert.NotEqual(0L, await to.Ask<long>(
            "SELECT count(*) FROM eventstore.mt_events WHERE date_part('microseconds', timestamp)::bigint % 1000 <> 0"));
    }

    private async Task<string> Export(TestDatabase of, string name)
    {
        await using ProgramRun run = await Run(of, "export", "--out", Path.Combine(folder, name));
        Assert.True(run.ExitCode == 0, run.Everything);
        return await File.ReadAllTextAsync(Path.Combine(folder, name));
    }

    private async Task Import(TestDatabase to, string name)
    {
        await using (ProgramRun imported = await Run(to, "import", Path.Combine(folder, name)))
            Assert.True(imported.ExitCode == 0, imported.Everything);
        await using ProgramRun verified = await Run(to, "verify");
        Assert.True(verified.ExitCode == 0, verified.Everything);
    }

    private static Task<ProgramRun> Run(TestDatabase of, string verb, params string[] options) => ProgramRun.Ended(
        new Dictionary<string, string?> { ["ConnectionStrings__Postgres"] = of.Serving, ["ConnectionStrings__PostgresOwner"] = of.Owner },
        [verb, .. options]);

    private static async Task<int> Major(string superuser)
    {
        await using var connection = new NpgsqlConnection(superuser);
        await connection.OpenAsync();
        return connection.PostgreSqlVersion.Major;
    }
}
