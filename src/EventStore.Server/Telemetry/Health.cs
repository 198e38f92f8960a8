using System.Text;
using EventStore.Server.Access;
using Microsoft.AspNetCore.Diagnostics.HealthChecks;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace EventStore.Server.Telemetry;

/// <summary>
/// <c>/livez</c>: the process answers. <c>/readyz</c>: its database answers too. <c>?verbose</c> names each check, as kube-apiserver does.
/// </summary>
public static class Health
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(3);

    /// <summary>Adds the check of the database.</summary>
    /// <param name="services">The services.</param>
    /// <param name="askDatabase">Asks the database something; throws when it does not answer.</param>
    public static void AddDatabaseHealth(this IServiceCollection services, Func<IServiceProvider, CancellationToken, Task> askDatabase) =>
        services.AddHealthChecks().Add(new HealthCheckRegistration(
            "database", provider => new DatabaseCheck(stop => askDatabase(provider, stop)), HealthStatus.Unhealthy, null, Patience));

    /// <summary>Maps the endpoints. They need no credential: a probe has none.</summary>
    public static void MapHealth(this IEndpointRouteBuilder app)
    {
        var alive = new HealthCheckOptions { Predicate = _ => false, ResponseWriter = Write };
        app.MapHealthChecks("/livez", alive).WithMetadata(RequiresAccess.ByPath);
        app.MapHealthChecks("/healthz", alive).WithMetadata(RequiresAccess.ByPath);
        app.MapHealthChecks("/readyz", new HealthCheckOptions { ResponseWriter = Write }).WithMetadata(RequiresAccess.ByPath);
    }

    private static Task Write(HttpContext http, HealthReport report)
    {
        string check = http.Request.Path.Value!.TrimStart('/');
        bool healthy = report.Status != HealthStatus.Unhealthy; // a degraded part wants an operator, not another server
        var text = new StringBuilder();
        if (!healthy || http.Request.Query.ContainsKey("verbose"))
        {
            text.Append("[+]ping ok\n");
            foreach ((string name, HealthReportEntry entry) in report.Entries)
            {
                text.Append(entry.Status switch
                {
                    HealthStatus.Healthy => $"[+]{name} ok\n",
                    HealthStatus.Degraded => $"[+]{name} degraded: {entry.Description}\n",
                    _ => $"[-]{name} failed: {entry.Description}\n",
                });
            }

            text.Append(healthy ? $"{check} check passed\n" : $"{check} check failed\n");
        }
        else
        {
            text.Append("ok");
        }

        http.Response.ContentType = "text/plain; charset=utf-8";
        return http.Response.WriteAsync(text.ToString());
    }

    private sealed class DatabaseCheck(Func<CancellationToken, Task> ask) : IHealthCheck
    {
        public async Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
        {
            try
            {
                await ask(cancellationToken);
                return HealthCheckResult.Healthy();
            }
            catch (Exception e) when (!cancellationToken.IsCancellationRequested)
            {
                return HealthCheckResult.Unhealthy("reason withheld, the log has it", e); // anybody may ask, and the reason may name hosts and users
            }
        }
    }
}
