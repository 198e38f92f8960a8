using System.Globalization;
using EventStore.Benchmarks.Load;

namespace EventStore.Benchmarks.Report;

/// <summary>The report as text.</summary>
internal static class Table
{
    public const string Head = """

        scenario          conns        1/s   p50 ms   p90 ms   p99 ms   CPU-ms a request: server  PostgreSQL  client   of pgbench  of steps  of Marten
        """;

    public static string Line(Figure figure)
    {
        Measured m = figure.Measured;
        double per = Math.Max(1, m.Requests);
        string line = string.Create(
            CultureInfo.InvariantCulture,
            $"{figure.Scenario,-17} {figure.Connections,5} {m.PerSecond,10:0.0} {m.P50Ms,8:0.00} {m.P90Ms,8:0.00} {m.P99Ms,8:0.00} {m.ServerCpuMs / per,26:0.000} {m.PostgresCpuMs / per,11:0.000} {m.ClientCpuMs / per,7:0.000} {figure.ToPgbench,12:0.00} {figure.ToSteps,9:0.00} {figure.ToMarten,10:0.0}");
        if (m.Conflicts > 0)
            line += $"  {m.Conflicts} conflicts";
        if (figure.Note.Length > 0)
            line += $"  {figure.Note}";
        return m.Errors.Count > 0 ? $"{line}\n  ERRORS: {Errors(m)}" : line;
    }

    public static string Errors(Measured measured) => string.Join(", ", measured.Errors.Select(error => $"{error.Value} x {error.Key}"));
}
