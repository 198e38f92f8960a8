using System.Globalization;
using EventStore.Benchmarks.Load;
using EventStore.Benchmarks.Machine;
using EventStore.Benchmarks.Report;

namespace EventStore.Benchmarks;

/// <summary>Pages of the history by each filter there is, whole objects and the rows kubectl prints, of the store that is there.</summary>
internal sealed class HistoryPages(
    MeasuredPostgres? postgres, Options options, Figures figures, Func<LoadSpec, Task<Measured>> load)
{
    private const int RevisionBytesMin = 200; // a row of a table has twice as many

    private const string All = "pytorchjobrevisions?limit=100";
    private const string Namespaced = "namespaces/bench/pytorchjobrevisions?limit=100";

    private static readonly (string Name, string Path)[] Filters =
    [
        ("store", All),
        ("store, 10 of it", "pytorchjobrevisions?limit=10"),
        ("namespace", Namespaced),
        ("job", Namespaced + "&labelSelector=job%3DJOB"),
        ("user", All + "&fieldSelector=user%3Dbench"),
        ("verb", All + "&labelSelector=verb%3DPatched"),
        ("path", All + "&fieldSelector=path%3Dmetadata.labels.run"),
        ("since", All + "&since=2026-01-01T00:00:00Z&order=oldest"),
        ("until", All + "&until=NOW"),
        ("user, path", All + "&fieldSelector=user%3Dbench,path%3Dmetadata.labels.run"),
        ("namespace, user, path", Namespaced + "&fieldSelector=user%3Dbench,path%3Dmetadata.labels.run"),
        ("job, not a verb", Namespaced + "&labelSelector=job%3DJOB,verb%21%3DCreated"),
    ];

    /// <summary>Measures and reports.</summary>
    public async Task Measure(ServerUnderTest server, int jobs)
    {
        string now = DateTime.UtcNow.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture);
        foreach ((string form, string accept) in ((string, string)[])
            [("", "application/json"), (", table", "application/json;as=Table;v=v1;g=meta.k8s.io")])
        {
            foreach ((string name, string path) in Filters)
            {
                foreach (int connections in options.Connections)
                {
                    LoadSpec spec = server.Load(LoadKind.Path, postgres) with
                    {
                        Path = "/apis/audit.eventstore.io/v1/" + path.Replace("NOW", now, StringComparison.Ordinal),
                        Accept = accept,
                        Jobs = jobs,
                        Connections = connections,
                        Seconds = options.Seconds,
                        WarmUpSeconds = options.WarmUpSeconds,
                    };
                    Measured measured = await load(spec);
                    double bytes = (double)measured.BodyBytes / Math.Max(1, measured.Requests);
                    if (bytes < RevisionBytesMin * (path.EndsWith("limit=10", StringComparison.Ordinal) ? 10 : 100))
                        measured.Errors["pages that are shorter than was asked for"] = measured.Requests;
                    string note = string.Create(CultureInfo.InvariantCulture, $"{bytes / 1000:0} KB each");
                    figures.Add($"page: {name}{form}", connections, measured, note);
                }
            }
        }
    }
}
