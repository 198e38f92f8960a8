using EventStore.Server.Hosting;

namespace EventStore.Server;

/// <summary>Something the operator has to mend: the message says what is wrong and, on a line of its own, what to do.</summary>
internal sealed class OperatorException(string problem, string hint) : Exception($"{problem}\n{hint}")
{
    /// <summary>An option that is wrong.</summary>
    /// <param name="problem">What is wrong, beginning with the option.</param>
    public static OperatorException OfOption(string problem) =>
        new(problem, $"Run '{Settings.ProgramName} serve --help' for what the options mean.");
}
