using EventStore.Server.Hosting;

namespace EventStore.Server.Cli;

/// <summary>
/// <c>completion</c>: the script that completes the command line in a shell. The script asks the program itself, through the directive
/// <c>[suggest:POSITION]</c> of System.CommandLine, so it never names an option that this release does not have.
/// </summary>
internal static class Completion
{
    // Each calls the program as it was called, because it may stand anywhere. The first word is not part of what the parser reads.
    private const string Bash = """
        # source <(NAME completion bash)
        _eventstore_complete() {
            local line=${COMP_LINE#*"${COMP_WORDS[0]}"}; line=${line# }
            local at=$((COMP_POINT - ${#COMP_LINE} + ${#line}))
            mapfile -t COMPREPLY < <(compgen -W "$("${COMP_WORDS[0]}" "[suggest:$at]" "$line" 2>/dev/null)" -- "${COMP_WORDS[COMP_CWORD]}")
        }
        complete -o default -F _eventstore_complete NAME
        """;

    private const string Zsh = """
        # source <(NAME completion zsh)
        _eventstore_complete() {
            local line="${words[2,CURRENT]}"
            local -a found
            found=("${(@f)$("${words[1]}" "[suggest:${#line}]" "$line" 2>/dev/null)}")
            compadd -a found || _files
        }
        compdef _eventstore_complete NAME
        """;

    private const string Fish = """
        # NAME completion fish | source
        function _eventstore_complete
            set -l line (string join ' ' (commandline -opc)[2..-1] (commandline -ct))
            (commandline -opc)[1] "[suggest:"(string length -- "$line")"]" "$line" 2>/dev/null
        end
        complete -c NAME -a '(_eventstore_complete)'
        """;

    /// <summary>The shells there is a script for.</summary>
    public static IReadOnlyCollection<string> Shells => ["bash", "zsh", "fish"];

    /// <summary>Prints the script of a shell.</summary>
    public static int Run(string shell)
    {
        string script = shell switch { "bash" => Bash, "zsh" => Zsh, _ => Fish };
        Console.Out.WriteLine(script.Replace("NAME", Settings.ProgramName, StringComparison.Ordinal));
        return 0;
    }
}
