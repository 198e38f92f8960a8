using System.Text;
using EventStore.Domain.Json;
using EventStore.Server.Kubernetes;
using Microsoft.AspNetCore.Http;

namespace EventStore.Server.Tests.Kubernetes;

/// <summary>What these tests talk about.</summary>
internal static class SampleRequests
{
    public static readonly ApiResource PyTorchJobs = new("kubeflow.org", "v1", "pytorchjobs", "pytorchjob", "PyTorchJob");

    /// <summary>A request with that query, such as <c>?dryRun=All</c>.</summary>
    public static HttpRequest Query(string query) => new DefaultHttpContext { Request = { QueryString = new QueryString(query) } }.Request;

    public static ReadOnlySpan<byte> Utf8(string text) => Encoding.UTF8.GetBytes(text);

    public static JsonValue JsonValue(string text) => JsonReading.Parse(Utf8(text));
}
