namespace EventStore.Server;

/// <summary>Something the operator has to mend: the message says what is wrong and, on a line of its own, what to do.</summary>
internal sealed class OperatorException(string problem, string hint) : Exception($"{problem}\n{hint}");
