using System.Text.Json;
using EventStore.Server.Access.Credentials;
using EventStore.Server.Access.Files;
using k8s;
using k8s.Autorest;
using k8s.Models;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace EventStore.Server.Access.Cluster;

/// <summary>
/// What a cluster publishes for extension API servers in the ConfigMap <c>kube-system/extension-apiserver-authentication</c>: the
/// authorities of its front proxies and of its client certificates. It is read at the start and followed by a watch. Content that cannot be
/// read changes nothing: what was in force stays, and the log and <c>/readyz</c> say what is wrong.
/// </summary>
internal sealed partial class ClusterProxies(IKubernetes client, ILogger log) : BackgroundService, IHealthCheck
{
    /// <summary>The health check's name.</summary>
    public const string Name = "authentication-cluster-config";

    private const string Namespace = "kube-system", ConfigMap = "extension-apiserver-authentication";
    private const int WatchSeconds = 300;
    private static readonly TimeSpan RetryAfter = TimeSpan.FromSeconds(1);

    private volatile Published? current;
    private volatile string? trouble = "the cluster's ConfigMap was not read yet";

    /// <summary>The front proxies; null until they are known.</summary>
    public FrontProxy? Proxy => current?.Proxy;

    /// <summary>The authorities of client certificates; null when the cluster publishes none.</summary>
    public ClientAuthorities? Clients => current?.Clients;

    /// <inheritdoc/>
    public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default) =>
        Task.FromResult(
            trouble is not { } why ? HealthCheckResult.Healthy()
            : current is null ? HealthCheckResult.Unhealthy(why)
            : HealthCheckResult.Degraded("the log says what is wrong; what was read before stays in force"));

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                await Follow(stoppingToken);
            }
            catch (Exception e) when (!stoppingToken.IsCancellationRequested)
            {
                Fail(e is HttpOperationException { Response: { } response }
                    ? $"{(int)response.StatusCode} {response.ReasonPhrase}"
                    : e.Message.ReplaceLineEndings(" "));
            }

            // Also after a watch that ended well: a server that ends each at once is not asked without a pause.
            await Task.Delay(RetryAfter, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    /// <summary>Reads the ConfigMap, then watches it until the watch ends.</summary>
    private async Task Follow(CancellationToken stop)
    {
        V1ConfigMap read = await client.CoreV1.ReadNamespacedConfigMapAsync(ConfigMap, Namespace, cancellationToken: stop);
        Take(read.Data);
        IAsyncEnumerable<(WatchEventType, V1ConfigMap)> changes = client.CoreV1.WatchListNamespacedConfigMapAsync(
            Namespace,
            fieldSelector: $"metadata.name={ConfigMap}",
            resourceVersion: read.Metadata.ResourceVersion,
            timeoutSeconds: WatchSeconds,
            cancellationToken: stop);
        await foreach ((WatchEventType type, V1ConfigMap changed) in changes.WithCancellation(stop))
        {
            if (type is WatchEventType.Added or WatchEventType.Modified && changed.Metadata.Name == ConfigMap)
                Take(changed.Data);
        }
    }

    private void Take(IDictionary<string, string>? data)
    {
        try
        {
            Published read = Read(data ?? new Dictionary<string, string>());
            if (trouble is not null || current is null || read.Summary != current.Summary)
                ReadAnew(log, Name, read.Summary);
            (current, trouble) = (read, null);
        }
        catch (Exception e) when (e is JsonException or FormatException)
        {
            Fail(e.Message);
        }
    }

    private void Fail(string why)
    {
        if (trouble != why)
            NotRead(log, Name, $"{Namespace}/{ConfigMap}", why);
        trouble = why;
    }

    private static Published Read(IDictionary<string, string> data)
    {
        var settings = new RequestHeaderSettings
        {
            AllowedNames = List("requestheader-allowed-names"),
            UsernameHeaders = List("requestheader-username-headers"),
            GroupHeaders = List("requestheader-group-headers"),
            UidHeaders = List("requestheader-uid-headers"),
            ExtraPrefixes = List("requestheader-extra-headers-prefix"),
        };
        (ClientAuthorities? proxies, ClientAuthorities? clients) = (
            Authorities(RequestHeaderSettings.CaFile), Authorities("client-ca-file"));
        string names = settings.AllowedNames.Count == 0 ? "any name" : string.Join(", ", settings.AllowedNames);
        return new Published(
            proxies is null ? null : new FrontProxy(proxies, settings),
            clients,
            $"front proxies {(proxies is null ? "are not published" : $"of {names}")}, "
            + $"client certificates {(clients is null ? "are not published" : "are accepted")}");

        IReadOnlyList<string> List(string key) =>
            data.TryGetValue(key, out string? json) ? JsonSerializer.Deserialize<string[]>(json) ?? [] : [];

        ClientAuthorities? Authorities(string key)
        {
            if (!data.TryGetValue(key, out string? pem))
                return null;
            Reading<ClientAuthorities> reading = ClientAuthorities.Read(new SourceText(key, pem));
            return reading.Value ?? throw new FormatException(reading.Wrong);
        }
    }

    [LoggerMessage(66, LogLevel.Information, "{Name} read: {Summary}")]
    private static partial void ReadAnew(ILogger log, string name, string summary);

    [LoggerMessage(67, LogLevel.Error, "{Name}: the ConfigMap {ConfigMap} cannot be taken: {Why}")]
    private static partial void NotRead(ILogger log, string name, string configMap, string why);

    private sealed record Published(FrontProxy? Proxy, ClientAuthorities? Clients, string Summary);
}
