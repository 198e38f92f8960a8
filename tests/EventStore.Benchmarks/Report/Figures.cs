using System.Text.Json;
using EventStore.Benchmarks.Limits;
using EventStore.Benchmarks.Load;

namespace EventStore.Benchmarks.Report;

/// <summary>Everything measured in a run, printed as it comes.</summary>
internal sealed class Figures
{
    private static readonly JsonSerializerOptions Indented =
        new() { WriteIndented = true, PropertyNamingPolicy = JsonNamingPolicy.CamelCase };

    private readonly List<Figure> all = [];
    private readonly List<Figure> chart = [];

    /// <summary>PostgreSQL's highest memory.</summary>
    public double PostgresMb { get; set; }

    /// <summary>What is said of memory.</summary>
    public string Memory { get; set; } = string.Empty;

    public long Errors => all.Concat(chart).Sum(figure => figure.Measured.Errors.Values.Sum());

    public void Add(string scenario, int connections, Measured measured, string note = "", double? toUnlinked = null)
    {
        var figure = new Figure(scenario, connections, measured, note) { ToUnlinked = toUnlinked };
        all.Add(figure);
        Console.WriteLine(Table.Line(WithRatios(figure)));
    }

    public void AddToChart(Chart into, string scenario, int connections, Measured measured)
    {
        chart.Add(new Figure(scenario, connections, measured, "chart"));
        into.Add(scenario, measured.PerSecond);
        Console.WriteLine(Table.Line(chart[^1]));
    }

    public string ToJson(Dictionary<string, string> about) => JsonSerializer.Serialize(
        new { about, memory = Memory, figures = all.Select(WithRatios), chart }, Indented);

    private Figure WithRatios(Figure figure) => figure with
    {
        ToPgbench = Ratio(figure, PgBench.Statement),
        ToSteps = Ratio(figure, PgBench.Steps),
        ToMarten = Ratio(figure, "marten"),
    };

    // Only writes of one job can be compared with what writes one job.
    private double? Ratio(Figure figure, string to) =>
        figure.Scenario is "patch" or "patch-hot" or "patch-locked" or "create" or "marten" && figure.Scenario != to
            && all.LastOrDefault(other => other.Scenario == to && other.Connections == figure.Connections) is { } limit
                ? figure.Measured.PerSecond / limit.Measured.PerSecond
                : null;
}

/// <summary>One line of the report.</summary>
internal sealed record Figure(string Scenario, int Connections, Measured Measured, string Note)
{
    /// <summary>Throughput, as a multiple of pgbench's at the same concurrency in this run.</summary>
    public double? ToPgbench { get; init; }

    /// <summary>Throughput, as a multiple of that of pgbench with a transaction of four messages.</summary>
    public double? ToSteps { get; init; }

    /// <summary>Throughput, as a multiple of plain Marten's at the same concurrency in this run.</summary>
    public double? ToMarten { get; init; }

    /// <summary>Throughput, as a multiple of that without the chain of hashes, measured in turn.</summary>
    public double? ToUnlinked { get; init; }
}
