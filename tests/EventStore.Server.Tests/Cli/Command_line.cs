using System.Diagnostics;
using System.Text.Json;
using System.Text.RegularExpressions;
using EventStore.Server.Cli;
using EventStore.Server.Hosting;
using EventStore.Server.Limits;
using EventStore.Server.Store.Feed;
using EventStore.Server.Store.Lane;
using EventStore.Server.Tests.Fixtures;

namespace EventStore.Server.Tests.Cli;

public sealed partial class Command_line
{
    [Theory]
    [InlineData("", "serve")]
    [InlineData("--urls http://x", "serve")]
    [InlineData("serve --urls=http://x --data d", "serve")]
    [InlineData("migrate --Logging:LogLevel:Default=Debug", "migrate")]
    [InlineData("rebuild", "rebuild")]
    [InlineData("verify --data d", "verify")]
    [InlineData("verify --since-checkpoint f", "verify")]
    [InlineData("export --since 2 --until 2026-11-23T07:58:24Z --format audit.k8s.io --out f", "export")]
    [InlineData("import f --data d", "import")]
    [InlineData("health --urls http://x", "health")]
    public void Is_understood(string line, string verb)
    {
        CommandLine read = CommandLine.Read(line.Split(' ', StringSplitOptions.RemoveEmptyEntries));
        Assert.Equal((verb, false, null), (read.Verb, read.Help, read.Problem));
    }

    [Theory]
    [InlineData("destroy", "there is no verb 'destroy'")]
    [InlineData("serve again", "'again' is no option")]
    [InlineData("serve -p 80", "'-p' is no option")]
    [InlineData("--port 80", "there is no option '--port'")]
    [InlineData("--port=80", "there is no option '--port'")]
    [InlineData("verify --since 3", "there is no option '--since'")]
    [InlineData("import --data d", "'import' needs the file to be read")]
    [InlineData("import a b", "'b' is no option")]
    [InlineData("--data", "the option '--data' needs a value")]
    [InlineData("--data --urls http://x", "the option '--data' needs a value")]
    [InlineData("--data=", "the option '--data' needs a value")]
    [InlineData("--urls= --data d", "the option '--urls' needs a value")]
    [InlineData("--", "'--' is no option")]
    [InlineData("--data a --data b", "the option '--data' stands there twice")]
    public void Is_refused_with_what_is_wrong(string line, string problem) =>
        Assert.Equal(problem, CommandLine.Read(line.Split(' ')).Problem);

    [Theory]
    [InlineData("--help")]
    [InlineData("-h")]
    [InlineData("help")]
    [InlineData("migrate --help")]
    public void Help_is_found_wherever_it_stands(string line) => Assert.True(CommandLine.Read(line.Split(' ')).Help);

    [Fact]
    public async Task Help_goes_to_standard_output_and_is_a_success()
    {
        await using ProgramRun run = await ProgramRun.Ended("--help");
        Assert.Equal((0, string.Empty), (run.ExitCode, run.Errors));
        Assert.Equal(CommandLine.HelpText, run.Output.TrimEnd());
    }

    [Fact]
    public void The_document_names_every_option_and_variable_of_the_help()
    {
        string document = Repository.Read("src/docs/operate.md");
        string[] names = [.. Name().Matches(CommandLine.HelpText).Select(match => match.Value).Distinct()];
        Assert.InRange(names.Length, 25, 100);
        Assert.Equal([], names.Where(name => !document.Contains($"`{name}", StringComparison.Ordinal) && !document.Contains($" {name}", StringComparison.Ordinal)));
    }

    [Fact]
    public void The_documents_name_every_setting_with_a_section_and_no_other() =>
        Assert.Equal(Settings().Order(StringComparer.Ordinal), SettingsIn(Repository.Read("src/docs/limits.md") + Repository.Read("src/docs/operate.md")).Order(StringComparer.Ordinal));

    [Theory]
    [InlineData("docker-compose.yml")]
    [InlineData("src/EventStore.Server/kubernetes.yaml")]
    [InlineData("src/EventStore.Server/Dockerfile")]
    public void What_is_delivered_for_running_it_uses_verbs_options_and_settings_there_are(string file)
    {
        string text = Repository.Read(file);
        Assert.Equal([], SettingsIn(text).Except(Settings()));
        string[][] commands = [.. Command().Matches(text).Select(match => JsonSerializer.Deserialize<string[]>(match.Groups[1].Value)!)];
        Assert.NotEmpty(commands);
        Assert.All(commands, command => Assert.Null(CommandLine.Read(command).Problem));
    }

    [Fact]
    public async Task A_mistake_goes_to_standard_error_with_where_to_look_and_exit_code_2()
    {
        await using ProgramRun run = await ProgramRun.Ended("verify", "--all");
        Assert.Equal((2, string.Empty), (run.ExitCode, run.Output));
        Assert.Equal("error: there is no option '--all'\nRun 'EventStore.Server --help' for what there is.\n", run.Errors);
    }

    [Theory]
    [InlineData("serve")]
    [InlineData("migrate")]
    [InlineData("verify")]
    [InlineData("rebuild")]
    [InlineData("export")]
    public async Task A_database_that_is_not_there_is_said_in_two_lines(string verb)
    {
        const string nobody = "Host=127.0.0.1;Port=1;Database=store;Username=somebody;Password=very-secret";
        long started = Stopwatch.GetTimestamp();
        await using ProgramRun run = await ProgramRun.Ended(
            new Dictionary<string, string?> { ["ConnectionStrings__Postgres"] = nobody, ["ConnectionStrings__PostgresOwner"] = nobody }, verb);
        Assert.Equal((1, string.Empty), (run.ExitCode, run.Output));
        Assert.Matches(@"\Aerror: the database cannot be used: .*127\.0\.0\.1:1.*\n.*ConnectionStrings__Postgres.*\n\z", run.Errors);
        Assert.DoesNotContain("very-secret", run.Errors, StringComparison.Ordinal);
        Assert.InRange(Stopwatch.GetElapsedTime(started), TimeSpan.Zero, TimeSpan.FromSeconds(15));
    }

    [Fact]
    public async Task A_connection_string_that_is_none_is_named_by_its_setting()
    {
        await using ProgramRun run = await ProgramRun.Ended(new Dictionary<string, string?> { ["ConnectionStrings__PostgresOwner"] = "postgres://a:secret@b/c" }, "migrate");
        Assert.Equal(1, run.ExitCode);
        Assert.StartsWith("error: ConnectionStrings__PostgresOwner is no connection string: ", run.Errors, StringComparison.Ordinal);
        Assert.DoesNotContain("secret@", run.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Health_of_nobody_is_exit_code_1()
    {
        await using ProgramRun run = await ProgramRun.Ended("health", "--urls", "http://127.0.0.1:1");
        Assert.Equal(1, run.ExitCode);
        Assert.Contains("http://127.0.0.1:1/readyz", run.Output, StringComparison.Ordinal);
    }

    private static IEnumerable<string> Settings() =>
        from section in ((string Name, Type Type)[])
        [
            ("Limits", typeof(RequestLimits)), ("Lane", typeof(LaneLimits)), ("Feed", typeof(FeedLimits)), ("Lists", typeof(ListLimits)), ("Stop", typeof(StopLimits)),
            ("Migrations", typeof(MigrationLimits)),
        ]
        from property in section.Type.GetProperties()
        where property.SetMethod is { IsPublic: true }
        select $"{section.Name}:{property.Name}";

    private static IEnumerable<string> SettingsIn(string text) => Setting().Matches(text).Select(match => $"{match.Groups[1].Value}:{match.Groups[2].Value}").Distinct();

    [GeneratedRegex(@"\b(Limits|Lane|Feed|Lists|Stop|Migrations)(?::|__)([A-Z][A-Za-z]+)")]
    private static partial Regex Setting();

    [GeneratedRegex(@"^\s*(?:command:|args:|CMD) (\[.*\])", RegexOptions.Multiline)]
    private static partial Regex Command();

    [GeneratedRegex(@"(?<![\w-])--[a-z][a-z-]*|\b[A-Z]\w*__\w*|\b(PG|OTEL)_[A-Z_]+")]
    private static partial Regex Name();
}
