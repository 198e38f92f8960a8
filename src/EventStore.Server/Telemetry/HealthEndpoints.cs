using System.Text;
using EventStore.Server.Access;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Options;

namespace EventStore.Server.Telemetry;

/// <summary>
/// <c>/livez</c> and <c>/healthz</c>: the process runs. <c>/readyz</c>: all checks pass. The format is kube-apiserver's
/// (apiserver <c>healthz.go</c>): <c>?verbose</c> lists the checks, <c>?exclude=NAME</c> leaves one out, a failure is 500. The
/// reason of a failure may name hosts and users: it is in the log and at <c>/readyz/NAME</c>, which needs the right to that path.
/// </summary>
public static class HealthEndpoints
{
    /// <summary>The path of readiness.</summary>
    internal const string Ready = "/readyz";

    private const string Ping = "ping";
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(3);

    /// <summary>Adds a check to <c>/readyz</c>.</summary>
    /// <param name="services">The services.</param>
    /// <param name="name">Its name.</param>
    /// <param name="trouble">
    /// Returns what is wrong, or null. An exception, or no answer within three seconds, counts as a failure.
    /// </param>
    public static void AddReadiness(
        this IServiceCollection services, string name, Func<IServiceProvider, CancellationToken, Task<string?>> trouble)
    {
        services.TryAddSingleton<SharedReport>();
        services.AddHealthChecks().Add(
            new HealthCheckRegistration(name, provider => new Check(stop => trouble(provider, stop)), HealthStatus.Unhealthy, null));
    }

    /// <summary>Adds a check that never fails <c>/readyz</c>: <c>/readyz?verbose</c> says that it is degraded, and why.</summary>
    /// <param name="services">The services.</param>
    /// <param name="name">Its name.</param>
    /// <param name="trouble">Returns what is wrong, in words that everybody may read; or null.</param>
    public static void AddNotice(this IServiceCollection services, string name, Func<IServiceProvider, string?> trouble) =>
        services.AddHealthChecks().Add(
            new HealthCheckRegistration(name, provider => new Notice(trouble(provider)), HealthStatus.Degraded, null));

    /// <summary>Maps the endpoints. Those without a check's name need no credential: a probe has none.</summary>
    public static void MapHealth(this IEndpointRouteBuilder app)
    {
        foreach ((string name, bool checks) in ((string, bool)[])[("livez", false), ("healthz", false), ("readyz", true)])
        {
            app.Map($"/{name}", http => AnswerAll(http, name, checks)).WithMetadata(RequiresAccess.ByPath);
            app.Map($"/{name}/{{check}}", http => AnswerOne(http, checks)).WithMetadata(RequiresAccess.ByPath);
        }
    }

    /// <summary>The results of <c>/readyz?verbose</c>, check by check. The reason of a failure is withheld here too.</summary>
    public static async Task<IReadOnlyList<CheckedHealth>> Checks(HttpContext http)
    {
        HealthReport report = await AskAll(http);
        return [.. Names(http, checks: true).Select(check => StatusOf(report, check) is var status && status == HealthStatus.Degraded
            ? new CheckedHealth(check, status, report.Entries[check].Description)
            : new CheckedHealth(check, status, null))];
    }

    private static async Task AnswerAll(HttpContext http, string name, bool checks)
    {
        HashSet<string?> excluded = [.. http.Request.Query["exclude"]];
        string[] names = Names(http, checks);
        HealthReport report = checks ? await AskAll(http) : new HealthReport(new Dictionary<string, HealthReportEntry>(), TimeSpan.Zero);
        var text = new StringBuilder();
        foreach (string check in names)
            text.Append(excluded.Contains(check) ? $"[+]{check} excluded: ok\n" : Line(report, check));
        string[] unknown = [.. excluded.OfType<string>().Except(names).Order(StringComparer.Ordinal)];
        string unmatched = string.Join(',', unknown.Select(check => $"\"{check}\""));
        if (unknown.Length > 0)
            text.Append($"warn: some health checks cannot be excluded: no matches for {unmatched}\n");
        if (names.Any(check => !excluded.Contains(check) && StatusOf(report, check) == HealthStatus.Unhealthy))
            await Write(http, StatusCodes.Status500InternalServerError, $"{text}{name} check failed\n");
        else
            await Write(http, StatusCodes.Status200OK, http.Request.Query.ContainsKey("verbose") ? $"{text}{name} check passed\n" : "ok");
    }

    private static async Task AnswerOne(HttpContext http, bool checks)
    {
        string check = (string)http.GetRouteValue("check")!;
        if (!Names(http, checks).Contains(check))
        {
            http.Response.StatusCode = StatusCodes.Status404NotFound;
            return;
        }

        HealthReport report = await http.RequestServices.GetRequiredService<HealthCheckService>().CheckHealthAsync(
            registration => registration.Name == check, http.RequestAborted);
        await (StatusOf(report, check) switch
        {
            HealthStatus.Healthy => Write(http, StatusCodes.Status200OK, "ok"),
            HealthStatus.Degraded => Write(http, StatusCodes.Status200OK, $"degraded: {report.Entries[check].Description}\n"),
            _ => Write(http, StatusCodes.Status500InternalServerError, $"internal server error: {report.Entries[check].Description}\n"),
        });
    }

    private static string[] Names(HttpContext http, bool checks) => !checks
        ? [Ping]
        : [Ping,
            .. http.RequestServices.GetRequiredService<IOptions<HealthCheckServiceOptions>>()
            .Value.Registrations.Select(check => check.Name)];

    private static Task<HealthReport> AskAll(HttpContext http) =>
        http.RequestServices.GetRequiredService<SharedReport>().Ask().WaitAsync(http.RequestAborted);

    // A degraded check needs an operator, not a failover: it is shown and does not fail readiness.
    private static string Line(HealthReport report, string check) => StatusOf(report, check) switch
    {
        HealthStatus.Healthy => $"[+]{check} ok\n",
        HealthStatus.Degraded => $"[+]{check} degraded: {report.Entries[check].Description}\n",
        _ => $"[-]{check} failed: reason withheld\n",
    };

    private static HealthStatus StatusOf(HealthReport report, string check) =>
        report.Entries.TryGetValue(check, out HealthReportEntry entry) ? entry.Status : HealthStatus.Healthy;

    private static Task Write(HttpContext http, int code, string text)
    {
        http.Response.StatusCode = code;
        http.Response.ContentType = "text/plain; charset=utf-8";
        http.Response.Headers.CacheControl = "no-cache, private";
        http.Response.Headers.XContentTypeOptions = "nosniff";
        return http.Response.WriteAsync(text, http.RequestAborted);
    }

    /// <summary>
    /// One report of all checks at a time, shared by whoever asks meanwhile: anybody may ask, without limit, and a check takes a connection
    /// of those that requests need.
    /// </summary>
    private sealed class SharedReport(HealthCheckService checks)
    {
        private readonly Lock gate = new();
        private Task<HealthReport>? running;

        public Task<HealthReport> Ask()
        {
            lock (gate)
                return running is { IsCompleted: false } ? running : running = checks.CheckHealthAsync(CancellationToken.None);
        }
    }

    private sealed class Notice(string? trouble) : IHealthCheck
    {
        public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default) =>
            Task.FromResult(trouble is null ? HealthCheckResult.Healthy() : HealthCheckResult.Degraded(trouble));
    }

    private sealed class Check(Func<CancellationToken, Task<string?>> trouble) : IHealthCheck
    {
        public async Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
        {
            try
            {
                return await trouble(cancellationToken).WaitAsync(Patience, cancellationToken) is { } reason
                    ? HealthCheckResult.Unhealthy(reason)
                    : HealthCheckResult.Healthy();
            }
            catch (Exception e) when (!cancellationToken.IsCancellationRequested)
            {
                return HealthCheckResult.Unhealthy(e.Message, e);
            }
        }
    }
}

/// <summary>A check and its result.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Status">Its result.</param>
/// <param name="Words">What is degraded, in words that everybody may read; null for nothing.</param>
public sealed record CheckedHealth(string Name, HealthStatus Status, string? Words);
