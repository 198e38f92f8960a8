using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;
using System.CommandLine.Parsing;
using EventStore.Server.Hosting;

namespace EventStore.Server.Cli;

/// <summary>
/// The verbs and their options. Option names are setting names, so every option may also be given as an environment variable.
/// A setting in a section, such as <c>--Logging:LogLevel:Default=Debug</c>, may be given to every verb.
/// </summary>
internal static class CommandLine
{
    /// <summary>The exit code for a command line that cannot be understood.</summary>
    private const int Misused = 2;

    private const int HelpWidth = 130;
    private const string Serving = "serve";

    /// <summary>Program says in words what went wrong, and the verbs handle the signals themselves.</summary>
    private static readonly InvocationConfiguration Invoking =
        new() { EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = null };

    private static readonly ParserConfiguration Parsing = new() { EnablePosixBundling = false, ResponseFileTokenReplacer = null };

    /// <summary>Runs the verb that the arguments name.</summary>
    /// <returns>The exit code.</returns>
    public static async Task<int> Run(string[] arguments)
    {
        ParseResult parsed = Parse(arguments);
        if (Problem(parsed) is { } problem)
        {
            string verb = parsed.CommandResult.Command is RootCommand ? string.Empty : $"{parsed.CommandResult.Command.Name} ";
            await Console.Error.WriteLineAsync($"error: {problem}\nRun '{Settings.ProgramName} {verb}--help' for what there is.");
            return Misused;
        }

        return await parsed.InvokeAsync(Invoking);
    }

    /// <summary>Reads the arguments. Without a verb they are those of <c>serve</c>.</summary>
    public static ParseResult Parse(string[] arguments)
    {
        (string[] known, string[] settings) = Split(arguments switch
        {
            ["help", .. var verb] => [.. verb, "--help"],
            ["--help" or "-h" or "-?" or "--version", ..] => arguments,
            [] => [Serving],
            [var first, ..] when first.StartsWith('-') => [Serving, .. arguments],
            _ => arguments,
        });
        return Root(settings).Parse(known, Parsing);
    }

    /// <summary>
    /// What is wrong with the arguments; null when nothing is. An option without its value may have swallowed what follows it.
    /// </summary>
    public static string? Problem(ParseResult parsed)
    {
        if (parsed.Tokens.Any(token => token.Type == TokenType.DoubleDash))
            return "'--' is no option";
        if (parsed.Action is not ParseErrorAction)
            return null;
        return parsed.Errors.FirstOrDefault(error => error.SymbolResult is OptionResult)?.Message
            ?? (parsed.UnmatchedTokens is [var unknown, ..] ? Unknown(parsed, unknown) : null)
            ?? parsed.Errors[0].Message;
    }

    /// <summary>What stands behind a '=' is not repeated: it may be a connection string with its password.</summary>
    private static string Unknown(ParseResult parsed, string argument)
    {
        string name = argument.Split('=')[0];
        return parsed.CommandResult.Command is RootCommand ? $"there is no verb '{name}'"
            : name.StartsWith("--", StringComparison.Ordinal) ? $"there is no option '{name}'"
            : $"'{name}' is no option";
    }

    /// <summary>Separates settings in sections, whose names have a colon, from the options and verbs.</summary>
    private static (string[] Known, string[] Settings) Split(string[] arguments)
    {
        List<string> known = [], settings = [];
        for (int i = 0; i < arguments.Length; i++)
        {
            string argument = arguments[i];
            string name = argument.Split('=', 2)[0];
            if (!name.StartsWith("--", StringComparison.Ordinal) || !name.Contains(':', StringComparison.Ordinal))
                known.Add(argument);
            else if (name != argument)
                settings.Add(argument);
            else if (i + 1 < arguments.Length && !arguments[i + 1].StartsWith("--", StringComparison.Ordinal))
                settings.Add($"{argument}={arguments[++i]}");
            else
                known.Add(argument); // without a value: the parser refuses it by name
        }

        return ([.. known], [.. settings]);
    }

    private static RootCommand Root(string[] settings)
    {
        var file = new Argument<string>("FILE") { Description = "a file that 'export' wrote" };
        var shell = new Argument<string>("SHELL") { Description = "bash, zsh or fish" };
        shell.AcceptOnlyFromAmong([.. Completion.Shells]);
        var check = new Option<bool>("--check") { Description = "check the settings and the files they name, make nothing, and end" };
        Command completion = new("completion", "print the script that completes verbs and options in a shell") { shell };
        completion.SetAction(parsed => Completion.Run(parsed.GetRequiredValue(shell)));
        var hosts = new Argument<string[]>("HOST") { Description = "a name or address by which clients call the server" };
        hosts.Arity = ArgumentArity.OneOrMore;
        Command certificate = new("certificate", "print a new certificate as a Secret for 'kubectl apply', or put it into a cluster")
        {
            Options.IntoCluster, hosts,
        };
        certificate.SetAction((parsed, stop) => Certificate.Run(
            parsed.GetRequiredValue(hosts), parsed.GetValue(Options.IntoCluster), stop));
        RootCommand root =
        [
            Verb(settings, Serving, "serve the API (the default)", [.. Options.Serving, check],
                (run, parsed) => Serve.Run(run, parsed.GetValue(check))),
            Verb(settings, "migrate", "bring the database's schema up to this release, and give the serving role its rights",
                [Options.Data], (run, _) => Migrate.Run(run)),
            Verb(settings, "verify", "prove that nobody changed the past: exit code 0 if the chain of hashes and all that is derived from "
                + "the events hold, 1 if not", [Options.Data, Options.SinceCheckpoint], (run, _) => Verify.Run(run)),
            Verb(settings, "rebuild", "derive current jobs, index and snapshots from the events again, while servers run",
                [Options.Data], (run, _) => Rebuild.Run(run)),
            Verb(settings, "export", "write the history as lines",
                [Options.Data, Options.Since, Options.Until, Options.Format, Options.Out], (run, _) => Export.Run(run)),
            Verb(settings, "import", "read an exported history into an empty database", [Options.Data, file],
                (run, parsed) => Import.Run(run, parsed.GetRequiredValue(file))),
            Verb(settings, "health", "ask a running server whether it is ready: exit code 0 if it is",
                [Options.Urls], (run, _) => Health.Run(run)),
            certificate,
            Verb(settings, "ca-bundle", "print the certificates that clients of the server must trust, as the caBundle of an APIService",
                [Options.Data], (run, _) => Task.FromResult(CaBundle.Run(run))),
            completion,
        ];
        root.HelpName = Settings.ProgramName; // whatever the process is called
        root.Description = "The event store for PyTorchJobs: a Kubernetes API that keeps every change.";
        HelpOption help = root.Options.OfType<HelpOption>().Single();
        var options = (HelpAction)help.Action!;
        options.MaxWidth = HelpWidth;
        help.Action = new HelpWithSettings(options);
        return root;
    }

    private static Command Verb(
        string[] settings, string name, string description, Symbol[] symbols, Func<VerbRun, ParseResult, Task<int>> action)
    {
        var verb = new Command(name, description);
        foreach (Symbol symbol in symbols)
        {
            if (symbol is Option option)
                verb.Add(option);
            else
                verb.Add((Argument)symbol);
        }

        verb.SetAction(async (parsed, _) =>
        {
            await using VerbRun run = VerbRun.Open([.. Given(parsed), .. settings]);
            return await action(run, parsed);
        });
        return verb;
    }

    /// <summary>The options with a text, as arguments for the configuration.</summary>
    private static IEnumerable<string> Given(ParseResult parsed) =>
        from option in parsed.CommandResult.Command.Options.OfType<Option<string>>()
        let result = parsed.GetResult(option)
        where result is { Implicit: false }
        select $"{option.Name}={result.GetValueOrDefault<string>()}";

    /// <summary>The library's help, and behind it the settings that are no options.</summary>
    private sealed class HelpWithSettings(HelpAction options) : SynchronousCommandLineAction
    {
        public override bool ClearsParseErrors => true;

        public override int Invoke(ParseResult parseResult)
        {
            options.Invoke(parseResult);
            parseResult.InvocationConfiguration.Output.WriteLine(Options.Environment);
            return 0;
        }
    }
}
