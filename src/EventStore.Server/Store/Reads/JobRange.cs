using System.Globalization;
using EventStore.Domain.Jobs;
using Npgsql;

namespace EventStore.Server.Store.Reads;

/// <summary>Which jobs a list is about.</summary>
public sealed record JobRange
{
    /// <summary>Only in this namespace; null for all.</summary>
    public string? Namespace { get; init; }

    /// <summary>Only of this name; null for all.</summary>
    public string? Name { get; init; }

    /// <summary>Only those behind this one, in the list's order.</summary>
    public JobKey? Behind { get; init; }

    /// <summary>
    /// Texts that the JSON of every wanted job contains: jobs without them need not be read. It is a filter that may let some
    /// unwanted jobs pass.
    /// </summary>
    public IReadOnlyList<string> Containing { get; init; } = [];

    /// <summary>Only those up to and including this one, in the list's order.</summary>
    internal JobKey? Through { get; init; }

    /// <summary>Whether a name is in the range, whatever the job there contains.</summary>
    public bool Has(JobKey key) => (Namespace is null || Namespace == key.Namespace) && (Name is null || Name == key.Name)
        && (Behind is not { } behind || Compare(key, behind) > 0) && (Through is not { } last || Compare(key, last) <= 0);

    /// <summary>The one job it is about, if it names one.</summary>
    internal JobKey? Only => Namespace is not null && Name is not null ? new JobKey(Namespace, Name) : null;

    /// <summary>The order of the list, etcd's: that of the bytes of <c>namespace/name</c>.</summary>
    internal static string Order(string @namespace, string name) => $"({@namespace} || '/') COLLATE \"C\", {name} COLLATE \"C\"";

    /// <summary>The list's order of two names. They are ASCII, so the order of UTF-16 units is that of bytes.</summary>
    internal static int Compare(JobKey a, JobKey b) =>
        string.CompareOrdinal(a.Namespace + "/", b.Namespace + "/") is var order and not 0 ? order : string.CompareOrdinal(a.Name, b.Name);

    /// <summary>
    /// Puts the range behind the conditions a statement ends in. A text for each combination: a condition that is not there costs nothing,
    /// and none hides an index from the planner.
    /// </summary>
    /// <param name="command">The statement.</param>
    /// <param name="namespace">Its column of namespaces.</param>
    /// <param name="name">Its column of names.</param>
    internal void Narrow(NpgsqlCommand command, string @namespace, string name)
    {
        if (Namespace is not null)
            Add(command, $" AND ({@namespace} || '/') COLLATE \"C\" = ", Namespace + "/");
        if (Name is not null)
            Add(command, $" AND {name} COLLATE \"C\" = ", Name);
        if (Behind is { } behind)
            AddEdge(">", behind);
        if (Through is { } last)
            AddEdge("<=", last);

        void AddEdge(string comparison, JobKey edge)
        {
            Add(command, $" AND ({Order(@namespace, name)}) {comparison} (", edge.Namespace + "/");
            Add(command, ", ", edge.Name);
            command.CommandText += ")";
        }
    }

    /// <summary>Puts a value behind a statement's text.</summary>
    internal static void Add<T>(NpgsqlCommand command, string text, T value)
    {
        command.Parameters.Add(new NpgsqlParameter<T> { TypedValue = value });
        command.CommandText += string.Create(CultureInfo.InvariantCulture, $"{text}${command.Parameters.Count}");
    }
}
