using System.Globalization;
using EventStore.Server.Access;
using EventStore.Server.Audit;
using EventStore.Server.Kubernetes;
using EventStore.Server.Store.Format;
using EventStore.Server.Store.Reads;
using EventStore.Server.Telemetry;

namespace EventStore.Server.Page.State;

/// <summary>How the server is, with the right to <c>/metrics</c>; the checkpoint with the right to that.</summary>
internal static class StateEndpoints
{
    /// <summary>Where it is.</summary>
    public const string Path = PageSetup.Root + "/server";

    /// <summary>Maps it.</summary>
    public static void MapState(this IEndpointRouteBuilder page) => page.MapRead("/server", Show, RequiresAccess.ToPath("/metrics"));

    private static async Task<IResult> Show(HttpContext http, JobReads reads, ServerSamples samples)
    {
        Checkpoint? checkpoint = await http.May("get", CheckpointEndpoints.Resource, null)
            ? (await reads.Checkpoint(http.RequestAborted)).Now
            : null;
        return PageAnswers.Show<StatePage>(new StateModel(
            await HealthEndpoints.Checks(http), checkpoint, samples.All,
            [
                Command.Kubectl(["get", "--raw", "/readyz?verbose"]),
                Command.Kubectl(["get", "--raw", "/metrics"]),
                Command.Curl(http.Request, "/metrics"),
                .. checkpoint is null ? [] : (Command[])[Command.Kubectl(["get", "--raw", CheckpointEndpoints.Path])],
            ]));
    }
}

/// <summary>How the server is.</summary>
/// <param name="Checks">What <c>/readyz?verbose</c> says.</param>
/// <param name="Checkpoint">The checkpoint; null where the reader may not know.</param>
/// <param name="Samples">What the server was doing, the oldest first.</param>
/// <param name="Commands">The same as commands.</param>
public sealed record StateModel(
    IReadOnlyList<CheckedHealth> Checks, Checkpoint? Checkpoint, IReadOnlyList<ServerSample> Samples, IReadOnlyList<Command> Commands)
{
    /// <summary>The charts.</summary>
    public IReadOnlyList<(string Name, string Now, IReadOnlyList<double> Values)> Charts =>
    [
        Chart("Changes per second", "0.#", "", sample => sample.ChangesPerSecond),
        Chart("Commands waiting", "0", "", sample => sample.Queue),
        Chart("Time of a commit", "0.0", " ms", sample => sample.CommitMilliseconds),
        Chart("Watchers", "0", "", sample => sample.Watchers),
        Chart("Size of the database", "#,0.0", " MiB", sample => sample.DatabaseBytes / 1048576.0),
    ];

    private (string Name, string Now, IReadOnlyList<double> Values) Chart(
        string name, string format, string unit, Func<ServerSample, double> value) =>
    (
        name,
        Samples.Count == 0 ? "–" : value(Samples[^1]).ToString(format, CultureInfo.InvariantCulture) + unit,
        [.. Samples.Select(value)]);
}
