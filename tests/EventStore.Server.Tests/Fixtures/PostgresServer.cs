using System.Text;
using Npgsql;

namespace EventStore.Server.Tests.Fixtures;

/// <summary>
/// The one PostgreSQL of a test run. Every class makes databases of its own on it, so classes may run side by side.
/// <para>
/// It is started by whoever asks first, in a static field and not in a collection fixture, because xunit runs the classes of one
/// collection one after another. Where it comes from, in this order: the server that TEST_POSTGRES names (the connection string of
/// a superuser), a container engine, a throwaway cluster from the PostgreSQL binaries on the machine. TEST_POSTGRES_ENGINE, which
/// is <c>container</c> or <c>local</c>, forces one of the last two and forbids falling back: a continuous integration run that
/// means to test one of them must not silently test the other. For the same reason TEST_POSTGRES_VERSION, such as <c>18.4</c>, fails a run
/// that meets another version.
/// </para>
/// With none of them the tests fail and say what was tried. They are never skipped: a green run has met a real PostgreSQL. Which one it
/// was stands in the log (<c>--logger "console;verbosity=normal"</c>).
/// </summary>
public static class PostgresServer
{
    /// <summary>Tests start many server processes, each with a pool; PostgreSQL's default of 100 is not enough.</summary>
    internal const int ConnectionsMax = 300;

    private const int MajorVersionMin = 15;

    private static readonly Lazy<Task<string>> Server = new(() => Task.Run(() =>
        FirstThatStarts(SourcesFor(Setting("TEST_POSTGRES"), Setting("TEST_POSTGRES_ENGINE")), Console.Out)));

    /// <summary>A superuser's connection string, to the database <c>postgres</c> unless TEST_POSTGRES says otherwise.</summary>
    public static Task<string> ConnectionString => Server.Value;

    /// <summary>Whether it goes with the run, and whatever is made in it.</summary>
    internal static bool IsThrowaway => Setting("TEST_POSTGRES") is null || Setting("TEST_POSTGRES_ENGINE") is not null;

    /// <summary>The sources to try, in order. A source that was asked for by name is the only one.</summary>
    internal static Source[] SourcesFor(string? given, string? engine) => (given, engine) switch
    {
        (_, "container") => [PostgresContainer.Source],
        (_, "local") => [LocalCluster.Source],
        (_, not null) => throw new InvalidOperationException(
            $"TEST_POSTGRES_ENGINE is '{engine}'; it may be 'container' or 'local', or be left unset"),
        (not null, null) => [new Source("the server of TEST_POSTGRES", () => Task.FromResult(given))],
        (null, null) => [PostgresContainer.Source, LocalCluster.Source],
    };

    /// <summary>The connection string of the first source that starts and answers; throws with the reasons of all when none does.</summary>
    internal static async Task<string> FirstThatStarts(IReadOnlyList<Source> sources, TextWriter log)
    {
        var failures = new List<Exception>();
        var tried = new StringBuilder();
        foreach (var source in sources)
        {
            try
            {
                var connectionString = await source.Start();
                var version = await VersionOf(connectionString, Setting("TEST_POSTGRES_VERSION"));
                await log.WriteLineAsync($"Integration tests use PostgreSQL {version}, {source.Name}.{tried}");
                return connectionString;
            }
            catch (Exception e)
            {
                // Whatever went wrong is kept: it is printed when a later source is used, and thrown when there is none.
                failures.Add(e);
                tried.Append($"\n- {source.Name}: {Reasons(e)}");
            }
        }

        throw new InvalidOperationException(
            $"No PostgreSQL for the integration tests. Tried:{tried}\n" +
            $"Install PostgreSQL {MajorVersionMin} or newer (Debian: apt-get install postgresql), or start a container engine such as " +
            "Docker, or set TEST_POSTGRES to a superuser's connection string.",
            new AggregateException(failures));
    }

    /// <summary>The server's own word for its version; throws if it is another than was asked for, or too old.</summary>
    internal static async Task<string> VersionOf(string connectionString, string? asked)
    {
        await using var connection = new NpgsqlConnection(connectionString);
        await connection.OpenAsync();
        string version = connection.PostgreSqlVersion.ToString();
        if (asked is not null && asked != version)
            throw new InvalidOperationException($"it is PostgreSQL {version}; TEST_POSTGRES_VERSION asks for {asked}");
        return connection.PostgreSqlVersion.Major >= MajorVersionMin
            ? version
            : throw new InvalidOperationException($"it is PostgreSQL {version}; {MajorVersionMin} or newer is needed");
    }

    /// <summary>The inner messages too: Testcontainers says "Docker is not running" and keeps the reason some levels down.</summary>
    private static string Reasons(Exception e) =>
        string.Join(" <- ", WithInner(e).Where(one => one is not AggregateException).Select(one => one.Message.Trim()).Distinct());

    private static IEnumerable<Exception> WithInner(Exception e) =>
        (e is AggregateException all ? all.InnerExceptions : e.InnerException is { } inner ? [inner] : (IEnumerable<Exception>)[])
        .SelectMany(WithInner).Prepend(e);

    // A pipeline that leaves a variable empty means "not set".
    private static string? Setting(string name) => Environment.GetEnvironmentVariable(name) is { Length: > 0 } value ? value : null;

    /// <summary>A way to come by a server: what to call it in a message, and how to start it.</summary>
    internal sealed record Source(string Name, Func<Task<string>> Start);
}
