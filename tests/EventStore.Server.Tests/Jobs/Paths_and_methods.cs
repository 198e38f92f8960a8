using EventStore.Server.Tests.Fixtures;

namespace EventStore.Server.Tests.Jobs;

/// <summary>Which paths and methods there are, and what those are told who use others.</summary>
public sealed class Paths_and_methods(ServedDatabase served) : IClassFixture<ServedDatabase>
{
    private const string History = "/apis/audit.eventstore.io/v1/namespaces/kube-test/pytorchjobrevisions";

    private HttpClient Admin => served.Server.Admin;

    [Theory]
    [InlineData("/apis/kubeflow.org/v1/pytorchjobs", 200)]
    [InlineData("/apis/kubeflow.org/v1/namespaces/kube-test/pytorchjobs", 200)]
    [InlineData("/apis/kubeflow.org/v1/namespaces/kube-test/pytorchjobs/absent", 404)]
    [InlineData("/apis/kubeflow.org/v1/namespaces/kube-test/pytorchjobs/absent/status", 404)]
    [InlineData(History, 200)]
    [InlineData("/apis", 200)]
    [InlineData("/version", 200)]
    [InlineData("/api/v1/namespaces/kube-test", 200)]
    [InlineData("/openapi/v1.json", 200)]
    public async Task HEAD_answers_as_GET_does_without_a_body(string path, int code)
    {
        using HttpResponseMessage get = await Admin.GetAsync(path);
        using HttpResponseMessage head = await Admin.SendAsync(new HttpRequestMessage(HttpMethod.Head, path));

        Assert.Equal((code, code), ((int)get.StatusCode, (int)head.StatusCode));
        Assert.Equal(get.Content.Headers.ContentType, head.Content.Headers.ContentType);
        Assert.Empty(await head.Content.ReadAsByteArrayAsync());
    }

    [Theory]
    [InlineData("/APIS/kubeflow.org/v1/namespaces/kube-test/pytorchjobs")]
    [InlineData("/apis/Kubeflow.org/v1/namespaces/kube-test/pytorchjobs")]
    [InlineData("/apis/kubeflow.org/v1/namespaces/kube-test/PyTorchJobs/cased")]
    [InlineData("/apis/kubeflow.org/v1/namespaces/kube-test/pytorchjobs/cased/STATUS")]
    [InlineData("/apis/kubeflow.org/V1")]
    [InlineData("/Livez")]
    [InlineData("//apis/kubeflow.org/v1/namespaces/kube-test/pytorchjobs")]
    [InlineData("/apis/kubeflow.org/v1/namespaces//pytorchjobs")]
    [InlineData("/apis/kubeflow.org/v1/namespaces/kube-test/pytorchjobs//status")]
    public async Task A_path_in_another_case_or_with_an_empty_part_is_another_path(string path)
    {
        var url = new Uri(served.Server.Url.GetLeftPart(UriPartial.Authority) + path);
        using HttpResponseMessage answer = await Admin.GetAsync(url);
        Assert.Equal((404, "404 page not found\n"), ((int)answer.StatusCode, await answer.Content.ReadAsStringAsync()));

        using var nobody = new HttpClient();
        Assert.Equal(401, (int)(await nobody.GetAsync(url)).StatusCode);
    }

    [Theory]
    [InlineData("/a%2Fstatus", "a%2Fstatus")]
    [InlineData("/a%0Ab", "a\\nb")]
    [InlineData("/%ff", "%ff")]
    [InlineData("/A", "A")]
    public async Task A_name_that_no_job_can_have_is_not_found(string name, string shown)
    {
        using HttpResponseMessage answer = await Admin.GetAsync(Sample.Jobs() + name);
        Assert.Equal($"pytorchjobs.kubeflow.org \"{shown}\" not found", (string)(await answer.Manifest(404))["message"]!);
    }

    [Fact]
    public async Task A_slash_at_the_end_is_no_part_of_the_path()
    {
        await Admin.Create("slashed");
        Assert.Equal(await Admin.GetStringAsync(Sample.Job("slashed")), await Admin.GetStringAsync(Sample.Job("slashed") + "/"));
        Assert.Equal(await Admin.GetStringAsync(Sample.Jobs()), await Admin.GetStringAsync(Sample.Jobs() + "/"));
    }

    [Theory]
    [InlineData("PUT", "", "update is not supported on resources of kind \"pytorchjobs.kubeflow.org\"")]
    [InlineData("PATCH", "", "patch is not supported on resources of kind \"pytorchjobs.kubeflow.org\"")]
    [InlineData("TRACE", "/any", "trace is not supported on resources of kind \"pytorchjobs.kubeflow.org\"")]
    [InlineData("BREW", "/any", "brew is not supported on resources of kind \"pytorchjobs.kubeflow.org\"")]
    public async Task A_method_there_is_not_is_named_as_a_verb(string method, string path, string message)
    {
        using HttpResponseMessage answer = await Admin.SendAsync(new HttpRequestMessage(new HttpMethod(method), Sample.Jobs() + path));
        Assert.Equal(message, (string)(await answer.Manifest(405))["message"]!);
    }

    [Fact]
    public async Task The_version_is_written_plainly() =>
        Assert.Contains("v1.34.0+eventstore.", await Admin.GetStringAsync("/version"), StringComparison.Ordinal);
}
