using System.CommandLine;
using System.Diagnostics;
using System.Runtime.Versioning;
using System.Text.Json;
using System.Text.RegularExpressions;
using EventStore.Server.Cli;
using EventStore.Server.Hosting;
using EventStore.Server.Limits;
using EventStore.Server.Store.Feed;
using EventStore.Server.Store.Lane;
using EventStore.Server.Tests.Fixtures;

namespace EventStore.Server.Tests.Cli;

[UnsupportedOSPlatform("windows")]
public sealed partial class Command_line
{
    private static readonly string[] Verbs = ["serve", "migrate", "verify", "rebuild", "export", "import", "health"];

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
        ParseResult parsed = CommandLine.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries));
        Assert.Equal((verb, null), (parsed.CommandResult.Command.Name, CommandLine.Problem(parsed)));
    }

    [Theory]
    [InlineData("destroy", "there is no verb 'destroy'")]
    [InlineData("serve again", "'again' is no option")]
    [InlineData("serve -p 80", "'-p' is no option")]
    [InlineData("--port 80", "there is no option '--port'")]
    [InlineData("--port=80", "there is no option '--port'")]
    [InlineData("verify --since 3", "there is no option '--since'")]
    [InlineData("import --data d", "Required argument 'FILE' missing for command: 'import'.")]
    [InlineData("import a b", "'b' is no option")]
    [InlineData("--data", "Required argument missing for option: '--data'.")]
    [InlineData("--data --urls http://x", "the option '--data' needs a value")]
    [InlineData("--data=", "Required argument missing for option: '--data'.")]
    [InlineData("--Limits:BodyBytes", "there is no option '--Limits:BodyBytes'")]
    [InlineData("rebuild --token-auth-file t", "there is no option '--token-auth-file'")]
    [InlineData("completion powershell", "Argument 'powershell' not recognized. Must be one of:\n\t'bash'\n\t'zsh'\n\t'fish'")]
    [InlineData("--urls= --data d", "the option '--urls' needs a value")]
    [InlineData("--", "'--' is no option")]
    [InlineData("migrate ConnectionStrings__PostgresOwner=Host=db;Password=secret", "'ConnectionStrings__PostgresOwner' is no option")]
    [InlineData("ConnectionStrings__Postgres=Host=db;Password=secret", "there is no verb 'ConnectionStrings__Postgres'")]
    [InlineData("--data a --data b", "Option '--data' expects a single argument but 2 were provided.")]
    public void Is_refused_with_what_is_wrong(string line, string problem) =>
        Assert.Equal(problem, CommandLine.Problem(CommandLine.Parse(line.Split(' '))));

    [Theory]
    [InlineData("--help", "Commands:")]
    [InlineData("-h", "Commands:")]
    [InlineData("help", "Commands:")]
    [InlineData("migrate --help", "EventStore.Server migrate [options]")]
    [InlineData("help export", "--since <AT>")]
    [InlineData("verify -?", "--since-checkpoint <FILE>")]
    [InlineData("import --help", "import <FILE> [options]")]
    [InlineData("serve --help", "--authorization-rbac-dir <DIR>")]
    public void Help_of_a_verb_names_its_options(string line, string said)
    {
        Assert.Contains(said, Help(line.Split(' ')), StringComparison.Ordinal);
        Assert.Contains("ConnectionStrings__PostgresOwner", Help(line.Split(' ')), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Help_goes_to_standard_output_and_is_a_success()
    {
        await using ProgramRun run = await ProgramRun.Ended("--help");
        Assert.Equal((0, string.Empty), (run.ExitCode, run.Errors));
        Assert.Equal(Help("--help").TrimEnd(), run.Output.TrimEnd());
    }

    [Fact]
    public async Task Version_is_the_version_of_the_program()
    {
        await using ProgramRun run = await ProgramRun.Ended("--version");
        Assert.Equal((0, string.Empty), (run.ExitCode, run.Errors));
        Assert.StartsWith(typeof(Program).Assembly.GetName().Version!.ToString(3), run.Output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("ve", "verify")]
    [InlineData("export --fo", "--format")]
    [InlineData("serve --oidc-u", "--oidc-username-claim", "--oidc-username-prefix")]
    [InlineData("completion f", "fish")]
    public async Task Completion_offers_what_may_follow(string typed, params string[] offered)
    {
        await using ProgramRun run = await ProgramRun.Ended($"[suggest:{typed.Length}]", typed);
        Assert.Equal(0, run.ExitCode);
        string[] words = run.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(
            offered, words.Where(word => word.StartsWith(typed.Split(' ')[^1], StringComparison.Ordinal)).Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task Completion_in_bash_completes_a_verb_and_an_option()
    {
        string folder = Directory.CreateTempSubdirectory("es-bash-").FullName;
        try
        {
            string program = Path.Combine(folder, "EventStore.Server");
            await File.WriteAllTextAsync(program, $"#!/bin/sh\nexec dotnet '{typeof(Program).Assembly.Location}' \"$@\"\n");
            File.SetUnixFileMode(program, UnixFileMode.UserRead | UnixFileMode.UserExecute);
            // What bash sets before it calls a completion function, and what it takes from it.
            const string script = """
                PATH=$0:$PATH; source <(EventStore.Server completion bash)
                try() { COMP_LINE=$1 COMP_POINT=${#1}; COMP_WORDS=($1); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _eventstore_complete; echo "${COMPREPLY[*]}"; }
                try 'EventStore.Server mig'
                try 'EventStore.Server verify --since'
                """;
            using Process bash = Process.Start(new ProcessStartInfo("bash", ["-c", script, folder]) { RedirectStandardOutput = true })!;
            Assert.Equal("migrate\n--since-checkpoint\n", await bash.StandardOutput.ReadToEndAsync());
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Fact]
    public void The_documents_name_every_option_and_variable_of_the_help()
    {
        string document = string.Concat(Directory.EnumerateFiles(Repository.PathOf("src/docs"), "*.md").Select(File.ReadAllText));
        string[] names =
            [.. Name().Matches(string.Concat(Verbs.Select(verb => Help(verb, "--help")))).Select(match => match.Value).Distinct()];
        Assert.InRange(names.Length, 25, 100);
        Assert.Equal([], names.Where(
            name => !document.Contains($"`{name}", StringComparison.Ordinal) && !document.Contains($" {name}", StringComparison.Ordinal)));
    }

    [Fact]
    public void The_documents_name_every_setting_with_a_section_and_no_other() => Assert.Equal(
        Settings().Order(StringComparer.Ordinal),
        SettingsIn(string.Concat(((string[])["limits", "operate", "incidents"]).Select(name => Repository.Read($"src/docs/{name}.md"))))
            .Order(StringComparer.Ordinal));

    [Theory]
    [InlineData("docker-compose.yml")]
    [InlineData("src/EventStore.Server/kubernetes/migrate.yaml")]
    [InlineData("src/EventStore.Server/Dockerfile")]
    public void What_is_delivered_for_running_it_uses_verbs_options_and_settings_there_are(string file)
    {
        string text = Repository.Read(file);
        Assert.Equal([], SettingsIn(text).Except(Settings()));
        string[][] commands = [.. Command().Matches(text).Select(match => JsonSerializer.Deserialize<string[]>(match.Groups[1].Value)!)];
        Assert.NotEmpty(commands);
        Assert.All(commands, command => Assert.Null(CommandLine.Problem(CommandLine.Parse(command))));
    }

    [Fact]
    public async Task A_mistake_goes_to_standard_error_with_where_to_look_and_exit_code_2()
    {
        await using ProgramRun run = await ProgramRun.Ended("verify", "--all");
        Assert.Equal((2, string.Empty), (run.ExitCode, run.Output));
        Assert.Equal("error: there is no option '--all'\nRun 'EventStore.Server verify --help' for what there is.\n", run.Errors);
    }

    [Theory]
    [InlineData("migrate")]
    [InlineData("verify")]
    [InlineData("rebuild")]
    [InlineData("export")]
    public async Task A_database_that_is_not_there_is_said_in_two_lines(string verb)
    {
        const string nobody = "Host=127.0.0.1;Port=1;Database=store;Username=somebody;Password=very-secret";
        await using ProgramRun run = await ProgramRun.Ended(
            new Dictionary<string, string?> { ["ConnectionStrings__Postgres"] = nobody, ["ConnectionStrings__PostgresOwner"] = nobody },
            verb);
        Assert.Equal((1, string.Empty), (run.ExitCode, run.Output));
        Assert.Matches(@"\Aerror: the database cannot be used: .*127\.0\.0\.1:1.*\n.*ConnectionStrings__Postgres.*\n\z", run.Errors);
        Assert.DoesNotContain("very-secret", run.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Health_of_nobody_is_exit_code_1()
    {
        await using ProgramRun run = await ProgramRun.Ended("health", "--urls", "http://127.0.0.1:1");
        Assert.Equal(1, run.ExitCode);
        Assert.Contains("http://127.0.0.1:1/readyz", run.Output, StringComparison.Ordinal);
    }

    private static string Help(params string[] line)
    {
        using var text = new StringWriter();
        Assert.Equal(0, CommandLine.Parse(line).Invoke(new InvocationConfiguration { Output = text }));
        return text.ToString();
    }

    private static IEnumerable<string> Settings() =>
        from section in ((string Name, Type Type)[])
        [
            ("Limits", typeof(RequestLimits)), ("Lane", typeof(LaneLimits)), ("Feed", typeof(FeedLimits)), ("Lists", typeof(ListLimits)),
            ("Stop", typeof(StopLimits)),
            ("Migrations", typeof(MigrationLimits)),
        ]
        from property in section.Type.GetProperties()
        where property.SetMethod is { IsPublic: true }
        select $"{section.Name}:{property.Name}";

    private static IEnumerable<string> SettingsIn(string text) =>
        Setting().Matches(text).Select(match => $"{match.Groups[1].Value}:{match.Groups[2].Value}").Distinct();

    [GeneratedRegex(@"\b(Limits|Lane|Feed|Lists|Stop|Migrations)(?::|__)([A-Z][A-Za-z]+)")]
    private static partial Regex Setting();

    [GeneratedRegex(@"^\s*(?:command:|args:|CMD) (\[.*\])", RegexOptions.Multiline)]
    private static partial Regex Command();

    [GeneratedRegex(@"(?<![\w-])--[a-z][a-z-]*|\b[A-Z]\w*__\w*|\b(PG|OTEL)_[A-Z_]+")]
    private static partial Regex Name();
}
