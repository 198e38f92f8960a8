using System.Net;
using EventStore.Domain.Jobs;
using k8s;
using k8s.Autorest;
using k8s.Models;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace EventStore.Server.Access.Cluster;

/// <summary>
/// The namespaces of the cluster that decides what users may do: a job may be created only where the cluster has one that is not being
/// deleted, and changed only where it has one (upstream's admission plugin NamespaceLifecycle). Only that a namespace is there is
/// remembered, and not for long.
/// </summary>
internal sealed partial class ClusterNamespaces(IKubernetes client, ReviewTimes times, ILogger log) : IHealthCheck, IDisposable
{
    /// <summary>The health check's name.</summary>
    public const string Name = "namespaces-cluster";

    private const string Forbidden = "this server may not get namespaces: bind it to a ClusterRole with that right";

    private readonly ReviewCache<State> states = new(
        _ => 0, state => state.Is == NamespaceState.Active ? times.Namespace : TimeSpan.Zero);

    private volatile string? trouble;

    /// <summary>What the cluster says of the namespace.</summary>
    public async ValueTask<NamespaceState> Find(string name, CancellationToken stop)
    {
        try
        {
            State state = await states.Get(name, () => Ask(name), stop);
            if (Interlocked.Exchange(ref trouble, null) is not null)
                Recovered(log, Name);
            return state.Is;
        }
        catch (Exception e) when (!stop.IsCancellationRequested)
        {
            string why = e is HttpOperationException { Response.StatusCode: HttpStatusCode.Forbidden }
                ? Forbidden
                : $"the cluster cannot be asked: {(e.InnerException ?? e).Message.ReplaceLineEndings(" ")}";
            if (Interlocked.Exchange(ref trouble, why) != why)
                Failed(log, Name, why);
            return NamespaceState.Unknown;
        }
    }

    /// <inheritdoc/>
    public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default) =>
        Task.FromResult(trouble switch
        {
            null => HealthCheckResult.Healthy(),
            Forbidden => HealthCheckResult.Degraded(Forbidden),
            _ => HealthCheckResult.Degraded("the cluster cannot be asked, the log says why"), // everybody may see the check
        });

    /// <inheritdoc/>
    public void Dispose()
    {
        states.Dispose();
        client.Dispose();
    }

    private async Task<State> Ask(string name)
    {
        using var enough = new CancellationTokenSource(times.Request);
        try
        {
            V1Namespace found = await client.CoreV1.ReadNamespaceAsync(name, cancellationToken: enough.Token);
            return new State(found.Status?.Phase == "Terminating" ? NamespaceState.Terminating : NamespaceState.Active);
        }
        catch (HttpOperationException e) when (e.Response.StatusCode == HttpStatusCode.NotFound)
        {
            return new State(NamespaceState.Absent);
        }
    }

    [LoggerMessage(140, LogLevel.Error, "{Name}: no job can be created, for {Why}")]
    private static partial void Failed(ILogger log, string name, string why);

    [LoggerMessage(141, LogLevel.Information, "{Name}: the cluster answers again")]
    private static partial void Recovered(ILogger log, string name);

    private sealed record State(NamespaceState Is);
}
