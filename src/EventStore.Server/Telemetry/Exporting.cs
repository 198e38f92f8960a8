using EventStore.Server.Access;
using Npgsql;
using OpenTelemetry;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;

namespace EventStore.Server.Telemetry;

/// <summary>
/// Exports metrics as Prometheus text at <c>/metrics</c> and, if an endpoint is set, traces and metrics by OTLP. The settings are
/// OpenTelemetry's own (<c>OTEL_EXPORTER_OTLP_ENDPOINT</c>, <c>OTEL_TRACES_SAMPLER</c>, …).
/// </summary>
public static class Exporting
{
    private const string Endpoint = "OTEL_EXPORTER_OTLP_ENDPOINT";
    private const string ServiceName = "OTEL_SERVICE_NAME";
    private const int SeriesMax = 500;
    private const string DefaultServiceName = "pytorchjob-eventstore";

    /// <summary>
    /// The meters of libraries. Marten's has data only while activity is counted: appending does not go through a Marten session.
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
                // Memory for all series is allocated at the start, by default 2000 per metric: 8 MB. The most any metric has here
                // is a few hundred: request durations by route, method and code.
                metrics.AddView(_ => new MetricStreamConfiguration { CardinalityLimit = SeriesMax });
                if (byOtlp)
                    metrics.AddOtlpExporter();
            });
        if (byOtlp)
            telemetry.WithTracing(traces => traces.AddSource(Signals.Name).AddAspNetCoreInstrumentation().AddNpgsql().AddOtlpExporter());
    }

    /// <summary>Maps <c>/metrics</c>, which needs the right to that path.</summary>
    public static void MapMetrics(this IEndpointRouteBuilder app)
    {
        app.MapPrometheusScrapingEndpoint("/metrics").WithMetadata(RequiresAccess.ByPath);
        app.ServiceProvider.GetRequiredService<MeterProvider>(); // which begins to count
        Signals.StartRareCounters();
    }
}
