using System.Buffers;
using System.Globalization;
using System.IO.Pipelines;
using System.Text;
using EventStore.Domain.Manifests;
using EventStore.Server.Kubernetes;
using EventStore.Server.Store;
using Status = EventStore.Server.Kubernetes.Status;

namespace EventStore.Server.Jobs;

/// <summary>Lists of jobs. They are streamed from the database to the client, so memory does not grow with the list.</summary>
internal static class JobList
{
    private const long FlushBytes = 64 * 1024;

    private static readonly string[] SelectableFields = ["metadata.name", "metadata.namespace"];

    /// <summary>The jobs of all namespaces.</summary>
    public static Task<IResult> Cluster(HttpContext http, JobReads reads) => List(http, null, reads);

    /// <summary>The jobs of one namespace.</summary>
    public static Task<IResult> Namespace(HttpContext http, string @namespace, JobReads reads) => List(http, @namespace, reads);

    private static async Task<IResult> List(HttpContext http, string? inNamespace, JobReads reads)
    {
        if (!ContentNegotiation.TryChoose(http.Request.Headers.Accept, Representations.Plain, out _, out Status? refusal)
            || !ListOptions.TryRead(http.Request.Query, SelectableFields, out ListOptions? options, out refusal))
            return refusal;
        if (options.Watch)
            return Status.MethodNotAllowed(JobAnswers.Resource, "watch");
        if (options.ResourceVersion is > 0 and var revision && await reads.WaitFor(revision, http.RequestAborted) is { } head)
            return Status.TooLargeResourceVersion(revision, head);
        await Stream(http, inNamespace, options, reads);
        return Results.Empty;
    }

    private static async Task Stream(HttpContext http, string? inNamespace, ListOptions options, JobReads reads)
    {
        bool pretty = Pretty.IsWanted(http.Request);
        long revision = 0;
        PipeWriter body = http.Response.BodyWriter;
        int count = 0;
        await foreach (StoredJob job in reads.List(inNamespace, at => revision = at, http.RequestAborted))
        {
            if (!IsSelected(job, options))
                continue;
            Write(body, count++ == 0 ? Begin(http, pretty) : pretty ? ",\n    " : ",");
            body.Write(pretty ? Pretty.Indent(job.Utf8, depth: 2) : job.Utf8);
            if (body.UnflushedBytes >= FlushBytes)
                await body.FlushAsync(http.RequestAborted);
        }

        if (count == 0)
            Write(body, Begin(http, pretty));
        Write(body, End(http.Request.Path, revision, pretty, empty: count == 0));
        await body.FlushAsync(http.RequestAborted);
    }

    private static bool IsSelected(StoredJob job, ListOptions options)
    {
        if (!options.Fields.IsEmpty && !options.Fields.Matches(field => field == "metadata.name" ? job.Key.Name : job.Key.Namespace))
            return false;
        return options.Labels.IsEmpty || options.Labels.Matches(JsonReading.Parse(job.Utf8).Member("metadata")?.Member("labels") as JsonObject);
    }

    /// <summary>Everything before the first item. The headers go out with it: once the database has answered, the list is a 200.</summary>
    private static string Begin(HttpContext http, bool pretty)
    {
        http.Response.ContentType = ContentNegotiation.Json;
        JsonReply.SetFixedHeaders(http.Response.Headers);
        return pretty ? "{\n  \"apiVersion\": \"kubeflow.org/v1\",\n  \"items\": [\n    " : "{\"apiVersion\":\"kubeflow.org/v1\",\"items\":[";
    }

    private static string End(string path, long revision, bool pretty, bool empty)
    {
        string selfLink = System.Text.Json.JsonEncodedText.Encode(path).ToString();
        string metadata = string.Create(CultureInfo.InvariantCulture, $$"""{"continue":"","resourceVersion":"{{revision}}","selfLink":"{{selfLink}}"}""");
        return pretty
            ? $"{(empty ? string.Empty : "\n  ")}],\n  \"kind\": \"PyTorchJobList\",\n  \"metadata\": {Encoding.UTF8.GetString(Pretty.Indent(Encoding.UTF8.GetBytes(metadata), depth: 1))}\n}}"
            : $"],\"kind\":\"PyTorchJobList\",\"metadata\":{metadata}}}";
    }

    private static void Write(PipeWriter body, string text) => Encoding.UTF8.GetBytes(text, body);
}
