using EventStore.Server.Access;
using Npgsql;
using OpenTelemetry;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;

namespace EventStore.Server.Telemetry;

/// <summary>
/// Where the signals go: metrics as Prometheus text at <c>/metrics</c>, and, once an endpoint is named, traces and metrics by OTLP. The
/// settings are OpenTelemetry's own (<c>OTEL_EXPORTER_OTLP_ENDPOINT</c>, <c>OTEL_TRACES_SAMPLER</c>, …).
/// </summary>
public static class Exporting
{
    private const string Endpoint = "OTEL_EXPORTER_OTLP_ENDPOINT";
    private const string ServiceName = "OTEL_SERVICE_NAME";
    private const int SeriesMax = 500;
    private const string DefaultServiceName = "pytorchjob-eventstore";

    /// <summary>
    /// The meters beside ours. Marten's is silent while this server only serves: it appends through a call of its own, and opens no
    /// session of Marten's.
    /// </summary>
    private static readonly string[] Meters =
        [Signals.Name, "Npgsql", "Marten", "Microsoft.AspNetCore.Hosting", "Microsoft.AspNetCore.Server.Kestrel", "System.Runtime"];

    /// <summary>Adds the exporters that are asked for.</summary>
    public static void AddExporting(this IServiceCollection services, IConfiguration configuration)
    {
        bool byOtlp = configuration[Endpoint] is { Length: > 0 };
        OpenTelemetryBuilder telemetry = services.AddOpenTelemetry()
            .ConfigureResource(resource => resource.AddService(
                configuration[ServiceName] is { Length: > 0 } name ? name : DefaultServiceName,
                serviceVersion: typeof(Exporting).Assembly.GetName().Version!.ToString(3)))
            .WithMetrics(metrics =>
            {
                metrics.AddMeter(Meters).AddPrometheusExporter();
                // Room for every series is taken at the start, by default for 2000 of each metric: 8 MB. The most any has here is a
                // few hundred, the times of requests by route, method and code.
                metrics.AddView(_ => new MetricStreamConfiguration { CardinalityLimit = SeriesMax });
                if (byOtlp)
                    metrics.AddOtlpExporter();
            });
        if (byOtlp)
            telemetry.WithTracing(traces => traces.AddSource(Signals.Name).AddAspNetCoreInstrumentation().AddNpgsql().AddOtlpExporter());
    }

    /// <summary>Maps <c>/metrics</c>, which needs the right to that path.</summary>
    public static void MapMetrics(this IEndpointRouteBuilder app) =>
        app.MapPrometheusScrapingEndpoint("/metrics").WithMetadata(RequiresAccess.ByPath);
}
