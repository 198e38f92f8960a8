using System.Globalization;
using EventStore.Benchmarks.Machine;

namespace EventStore.Benchmarks;

/// <summary>What the command line asks for.</summary>
internal sealed record Options
{
    public const string Help = """
        Measures the event store: whole HTTP requests over keep-alive connections, sent by a process of its own.

        Usage: dotnet run -c Release --project tests/EventStore.Benchmarks -- [OPTIONS]

        With no options it starts a private, durable PostgreSQL and a server on it, measures everything, and leaves nothing behind.

          --scenario A,B          which of the scenarios below                                (default: all)
          --connections 16,64     how many connections at once                                (default 16,64)
          --duration SECONDS      how long each is measured                                   (default 10)
          --warm-up SECONDS       how long each runs before                                   (default 3)
          --rounds N              so many times in turn, and the median counts: for a machine that is not quiet (default 1)
          --jobs N                how many jobs there are                                     (default 1000)
          --many-jobs N           how many jobs the longer list has                           (default 10000)
          --growth-events N       'growth' compares 10,000 events with so many                (default 1000000)
          --growth-jobs N         and with so many jobs                                       (default 100000)
          --whole-events N        how many events 'whole' looks through                       (default 1000000)
          --whole-jobs N          of so many jobs                                             (default 3000)
          --lifetimes N           how many jobs 'lifetimes' has                               (default 100000)
          --server PROGRAM        the server's executable or .dll                             (default: the one built with this program)
          --connection-string S   this PostgreSQL, as somebody who may make databases and roles; databases named bench... are
                                  made anew in it
          --url URL --token T     a server that runs already; scenarios that need servers of their own are left out, and CPU and memory
                                  are not known
          --json FILE             the figures as JSON
          --svg FILE              a chart of throughput by concurrency, 1 to 128 connections, measured for it besides
          --help                  this text

        Scenarios
          patch         a label of a random job takes a new value; no resourceVersion
          patch-hot     the same, always of one job
          patch-locked  the same with the resourceVersion last seen; conflicts are counted
          get           a random job, linearizable
          get-any       a random job with resourceVersion=0
          list          all jobs, 1,000 and 10,000, one client
          create        new jobs
          watch         patches at 200 and 1,000 a second before 1 and 100 watchers: lag, and whether any frame is lost
          history       the newest 100 changes of one job
          mixed         65 % get, 30 % patch, 3 % a page of a list, 2 % a page of history
          growth        patch with 10,000 events in the log, with many more, and with many more jobs
          flood         one user's flood of patches, and what another feels of it, with the limits on a user and without
          past          one job of 100,000 events as it was 10, 1,000 and 100,000 events ago, one client
          lifetimes     'lifetimes' jobs due over two minutes, three servers of which the one that acts is killed: lateness, and patches beside it
          whole         of a large store: pages of its history, then verify, rebuild (nothing to mend, and everything), export
          history-pages pages of the history by each filter, of the store that --url names
          chain         patch, with the chain of hashes and without it (in a database of its own), in turn
          deletecollection one DELETE of 50,000 jobs
          large         64 writers and 20 watchers of jobs of 2.9 MB, and what another user's small patch feels of them
          apply         patch without and with owners of fields, and server-side apply, in turn
          undo          blame of a job of 100,000 revisions, restore, and a namespace of 10,000 jobs back to a moment
          standby       lists, pages of history and blame without and with a standby that is read, in turn: the primary's CPU time;
                        patches with an asynchronous and a synchronous one
          bytes         what a patch leaves on disk, by table and index, and writes to the log of PostgreSQL
          touched       the commit function with and without snapshots that tell who set what, in turn
          snapshot      commits of one patch, before somebody holds a snapshot and 40,000 commits after
          page-job      the page for people: first loads, and the pages of a job of 100,000 revisions
          page-store    its activity and list of 'whole-events' events, with the activity counted
          page-live     how soon a change is on the screen, and patches while 50 people look live
          startup       the second start of the executable, with its private PostgreSQL, to the first answered patch
          first-screen  the README's first screen: from the start on an empty folder to a patch by kubectl, three of them
          pgbench       the limit: UPDATE row + INSERT event as one prepared statement, same sizes, same PostgreSQL
          pgbench-steps the same as BEGIN, UPDATE, INSERT, COMMIT
          pgbench-tiny  the same in these steps with rows of a few bytes, to scale what was measured elsewhere by
          marten        the other reference: FetchForWriting, append, SaveChanges with an inline projection

        Exit code: 0, 1 when any request was answered wrongly or any frame was lost, 2 when it could not run.
        """;

    public static readonly string[] Known =
    [
        "pgbench", "pgbench-steps", "pgbench-tiny", "marten", "patch", "patch-hot", "patch-locked", "get", "get-any", "history", "mixed",
        "watch", "create", "list", "growth", "flood", "startup", "first-screen", "past", "lifetimes", "whole", "history-pages", "chain",
        "snapshot", "page-job", "page-store", "page-live", "deletecollection", "large", "apply", "undo", "touched", "standby", "bytes",
    ];

    /// <summary>Those that need a PostgreSQL and servers of their own.</summary>
    private static readonly string[] NeedOwnServer =
    [
        "pgbench", "pgbench-steps", "pgbench-tiny", "marten", "growth", "flood", "startup", "first-screen", "past", "lifetimes", "whole",
        "chain", "snapshot", "page-job", "page-store", "page-live", "deletecollection", "large", "apply", "undo", "touched", "standby",
        "bytes",
    ];

    /// <summary>Reads a store that somebody filled, and leaves it as it is.</summary>
    public const string OfGivenStore = "history-pages";

    private static readonly string[] Names =
    [
        "scenario", "connections", "duration", "warm-up", "rounds", "jobs", "many-jobs", "growth-events", "growth-jobs", "whole-events",
        "whole-jobs", "lifetimes", "server", "connection-string", "url", "token", "json", "svg",
    ];

    /// <summary>The scenarios, in the order they are measured.</summary>
    public required IReadOnlyList<string> Scenarios { get; init; }

    public required IReadOnlyList<int> Connections { get; init; }

    public required double Seconds { get; init; }

    public required double WarmUpSeconds { get; init; }

    public required int Rounds { get; init; }

    public required int Jobs { get; init; }

    public required int ManyJobs { get; init; }

    public required long GrowthEvents { get; init; }

    public required int GrowthJobs { get; init; }

    public required long WholeEvents { get; init; }

    public required int WholeJobs { get; init; }

    public required int Lifetimes { get; init; }

    public string? Server { get; init; }

    public string? ConnectionString { get; init; }

    public Uri? Url { get; init; }

    public string? Token { get; init; }

    public string? Json { get; init; }

    public string? Svg { get; init; }

    /// <summary>Reads the arguments, or says what is wrong with them.</summary>
    public static Options Read(string[] args)
    {
        var given = new Dictionary<string, string>();
        for (int i = 0; i < args.Length; i += 2)
        {
            string name = args[i].StartsWith("--", StringComparison.Ordinal) ? args[i][2..] : string.Empty;
            if (!Names.Contains(name))
                throw new BenchmarkException($"there is no option '{args[i]}'; --help lists them");
            given[name] = i + 1 < args.Length ? args[i + 1] : throw new BenchmarkException($"--{name} needs a value");
        }

        string[] asked = given.GetValueOrDefault("scenario")?.Split(',') ?? Known;
        if (asked.FirstOrDefault(name => !Known.Contains(name)) is { } unknown)
            throw new BenchmarkException($"there is no scenario '{unknown}'; --help lists them");
        if (given.ContainsKey("url") != given.ContainsKey("token"))
            throw new BenchmarkException("--url and --token belong together");
        bool isGiven = given.ContainsKey("url");
        return new Options
        {
            Scenarios = [.. Known.Where(
                name => asked.Contains(name) && !(isGiven && NeedOwnServer.Contains(name)) && (isGiven || name != OfGivenStore))],
            Connections = [.. given.GetValueOrDefault("connections", "16,64").Split(',').Select(text => (int)Number("connections", text))],
            Seconds = Number("duration", given.GetValueOrDefault("duration", "10")),
            WarmUpSeconds = Number("warm-up", given.GetValueOrDefault("warm-up", "3")),
            Rounds = (int)Number("rounds", given.GetValueOrDefault("rounds", "1")),
            Jobs = (int)Number("jobs", given.GetValueOrDefault("jobs", "1000")),
            ManyJobs = (int)Number("many-jobs", given.GetValueOrDefault("many-jobs", "10000")),
            GrowthEvents = (long)Number("growth-events", given.GetValueOrDefault("growth-events", "1000000")),
            GrowthJobs = (int)Number("growth-jobs", given.GetValueOrDefault("growth-jobs", "100000")),
            WholeEvents = (long)Number("whole-events", given.GetValueOrDefault("whole-events", "1000000")),
            WholeJobs = (int)Number("whole-jobs", given.GetValueOrDefault("whole-jobs", "3000")),
            Lifetimes = (int)Number("lifetimes", given.GetValueOrDefault("lifetimes", "100000")),
            Server = given.GetValueOrDefault("server") is { } server ? Path.GetFullPath(server) : null,
            ConnectionString = given.GetValueOrDefault("connection-string"),
            Url = isGiven ? new Uri(given["url"]) : null,
            Token = given.GetValueOrDefault("token"),
            Json = given.GetValueOrDefault("json"),
            Svg = given.GetValueOrDefault("svg"),
        };
    }

    private static double Number(string name, string text) =>
        double.TryParse(text, CultureInfo.InvariantCulture, out double number) && number >= 0
            ? number
            : throw new BenchmarkException($"--{name}: '{text}' is no number");
}
