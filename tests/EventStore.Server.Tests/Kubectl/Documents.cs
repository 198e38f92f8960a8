using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json.Nodes;
using EventStore.Server.Kubernetes.Documents;
using EventStore.Server.Tests.Fixtures;

namespace EventStore.Server.Tests.Kubectl;

/// <summary>The documents kubectl reads before it does anything, as they go over the wire.</summary>
[Collection(KubectlServer.Collection)]
[Trait("Category", "Slow")]
public sealed class Documents(KubectlServer server)
{
    private const string Aggregated = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";
    private const string AggregatedBeta = "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList";
    private static readonly string[] Roots =
        ["/api/v1", "/apis/kubeflow.org/v1", "/apis/audit.eventstore.io/v1", "/apis/authorization.k8s.io/v1",
            "/apis/authentication.k8s.io/v1",
            "/apis/apiextensions.k8s.io/v1"];

    [Fact]
    public async Task The_group_is_described_as_upstream_does()
    {
        JsonNode group = await server.Admin.Get("/apis/kubeflow.org");
        Assert.Equal(
            "APIGroup kubeflow.org kubeflow.org/v1", $"{group["kind"]} {group["name"]} {group["preferredVersion"]!["groupVersion"]}");
        JsonNode resources = await server.Admin.Get("/apis/kubeflow.org/v1");
        Assert.Equal("APIResourceList kubeflow.org/v1", $"{resources["kind"]} {resources["groupVersion"]}");
        Assert.Equal("qvtXFuAPskk=", (string)resources["resources"]![0]!["storageVersionHash"]!);
        Assert.Equal(
            ["pytorchjobs", "pytorchjobs/blame", "pytorchjobs/diff", "pytorchjobs/restore", "pytorchjobs/rollback", "pytorchjobs/status"],
            resources["resources"]!.AsArray().Select(each => (string)each!["name"]!));
        JsonNode core = await server.Admin.Get("/api");
        Assert.Equal("APIVersions v1", $"{core["kind"]} {core["versions"]![0]}");
        Assert.Equal("v1", (string)(await server.Admin.Get("/apis"))["apiVersion"]!);
    }

    [Theory]
    [InlineData("/apis", $"{Aggregated},{AggregatedBeta},application/json", Aggregated, "apidiscovery.k8s.io/v2")]
    [InlineData("/api", $"{Aggregated},{AggregatedBeta},application/json", Aggregated, "apidiscovery.k8s.io/v2")]
    [InlineData("/apis", $"{AggregatedBeta},application/json", AggregatedBeta, "apidiscovery.k8s.io/v2beta1")]
    [InlineData("/apis", "application/json;g=apidiscovery.k8s.io;v=v3;as=APIGroupDiscoveryList,application/json", "application/json", "v1")]
    [InlineData("/apis", "application/json", "application/json", "v1")]
    [InlineData("/apis", "*/*", "application/json", "v1")]
    [InlineData("/apis/kubeflow.org/v1", $"{Aggregated},application/json", "application/json", "v1")]
    public async Task The_form_asked_for_is_answered_and_repeated_in_its_media_type(
        string path, string accept, string contentType, string apiVersion)
    {
        using HttpResponseMessage answer = await Get(path, accept);
        Assert.Equal([contentType], answer.Content.Headers.NonValidated["Content-Type"]);
        Assert.Equal(apiVersion, (string)(await answer.Manifest())["apiVersion"]!);
        Assert.Equal(["Accept"], answer.Headers.Vary);
    }

    [Theory]
    [InlineData("/apis", "application/vnd.kubernetes.protobuf")]
    [InlineData("/version", "application/yaml")]
    [InlineData("/openapi/v2", "application/yaml")]
    public async Task A_form_there_is_not_is_refused(string path, string accept) =>
        Assert.Equal(HttpStatusCode.NotAcceptable, (await Get(path, accept)).StatusCode);

    [Fact]
    public async Task Both_forms_of_discovery_tell_the_same()
    {
        var plain = new SortedSet<string>();
        foreach (string root in Roots)
        {
            foreach (JsonNode? each in (await server.Admin.Get(root))["resources"]!.AsArray())
                plain.Add($"{root}/{each!["name"]} {each["kind"]} {each["namespaced"]} {string.Join(',', each["verbs"]!.AsArray())}");
        }

        var aggregated = new SortedSet<string>();
        foreach (string path in (string[])["/api", "/apis"])
        {
            foreach (JsonNode? item in (await (await Get(path, Aggregated)).Manifest())["items"]!.AsArray())
                aggregated.UnionWith(Flatten(item!));
        }

        Assert.Equal(plain, aggregated);
    }

    [Fact]
    public async Task What_is_listed_is_served()
    {
        foreach (string root in Roots)
        {
            foreach (JsonNode? each in (await server.Admin.Get(root))["resources"]!.AsArray())
            {
                string[] name = ((string)each!["name"]!).Split('/');
                string collection = (bool)each["namespaced"]! ? $"{root}/namespaces/x/{name[0]}" : $"{root}/{name[0]}";
                string item = $"{collection}/x{(name.Length > 1 ? "/" + name[1] : "")}";
                foreach (string verb in each["verbs"]!.AsArray().Select(verb => (string)verb!))
                {
                    (HttpMethod method, string path) = verb switch
                    {
                        "list" => (HttpMethod.Get, collection),
                        "watch" => (HttpMethod.Get, collection + "?watch=true&timeoutSeconds=1"),
                        "create" => (HttpMethod.Post, collection),
                        "deletecollection" => (HttpMethod.Delete, collection + "?dryRun=All"),
                        "update" => (HttpMethod.Put, item),
                        "patch" => (HttpMethod.Patch, item),
                        "delete" => (HttpMethod.Delete, item),
                        _ => (HttpMethod.Get, item),
                    };
                    using HttpResponseMessage answer = await server.Admin.SendAsync(new HttpRequestMessage(method, path));
                    Assert.True(answer.StatusCode is not HttpStatusCode.MethodNotAllowed, $"{method} {path}");
                    Assert.NotEqual("404 page not found\n", await answer.Content.ReadAsStringAsync());
                }
            }
        }
    }

    [Fact]
    public async Task What_openapi_describes_is_served()
    {
        foreach (JsonNode? version in (await server.Admin.Get("/openapi/v3"))["paths"]!.AsObject().Select(path => path.Value))
        {
            JsonObject paths = (await server.Admin.Get((string)version!["serverRelativeURL"]!))["paths"]!.AsObject();
            foreach ((string path, string method) in paths.SelectMany(
                path => path.Value!.AsObject().Where(each => each.Key != "parameters").Select(each => (path.Key, each.Key))))
            {
                string url = path.Replace("{namespace}", "x", StringComparison.Ordinal).Replace("{name}", "x", StringComparison.Ordinal);
                using HttpResponseMessage answer = await server.Admin.SendAsync(
                    new HttpRequestMessage(new HttpMethod(method.ToUpperInvariant()), url + "?dryRun=All"));
                Assert.True(answer.StatusCode is not HttpStatusCode.MethodNotAllowed, $"{method} {path}");
                Assert.NotEqual("404 page not found\n", await answer.Content.ReadAsStringAsync());
            }
        }
    }

    [Theory]
    [InlineData("/apis")]
    [InlineData("/apis/kubeflow.org/v1")]
    [InlineData("/openapi/v3")]
    [InlineData("/openapi/v3/apis/kubeflow.org/v1")]
    [InlineData("/openapi/v3/apis/audit.eventstore.io/v1")]
    public async Task What_the_client_has_already_is_not_sent_again(string path)
    {
        using HttpResponseMessage first = await Get(path, "application/json");
        EntityTagHeaderValue tag = first.Headers.ETag!;
        Assert.Matches("^\"[0-9A-F]{128}\"$", tag.Tag);
        using HttpResponseMessage again = await Get(path, "application/json", tag.Tag);
        Assert.Equal(
            (HttpStatusCode.NotModified, tag, ""), (again.StatusCode, again.Headers.ETag!, await again.Content.ReadAsStringAsync()));
        Assert.Equal(HttpStatusCode.OK, (await Get(path, "application/json", "\"another\"")).StatusCode);
        Assert.Equal(HttpStatusCode.NotModified, (await Get(path, "application/json", $"\"another\", W/{tag.Tag}")).StatusCode);
    }

    [Fact]
    public async Task A_document_asked_for_by_its_hash_need_never_be_asked_for_again()
    {
        string url = (string)(await server.Admin.Get("/openapi/v3"))["paths"]!["apis/kubeflow.org/v1"]!["serverRelativeURL"]!;
        using HttpResponseMessage answer = await server.Admin.GetAsync(url);
        Assert.Equal("public, immutable", answer.Headers.CacheControl!.ToString());
        Assert.InRange(answer.Content.Headers.Expires!.Value, DateTimeOffset.UtcNow.AddDays(364), DateTimeOffset.UtcNow.AddDays(366));
        Assert.Equal($"\"{url.Split("hash=")[1]}\"", answer.Headers.ETag!.Tag);
        Assert.EndsWith(
            url, (await server.Admin.GetAsync("/openapi/v3/apis/kubeflow.org/v1?hash=old")).RequestMessage!.RequestUri!.ToString(),
            StringComparison.Ordinal);
        Assert.Contains(
            "no-cache", (await server.Admin.GetAsync("/openapi/v3/apis/kubeflow.org/v1")).Headers.CacheControl!.ToString(),
            StringComparison.Ordinal);
    }

    [Fact]
    public async Task Documents_are_compressed_for_who_can_read_it()
    {
        var request =
            new HttpRequestMessage(HttpMethod.Get, "/openapi/v3/apis/kubeflow.org/v1") { Headers = { { "Accept-Encoding", "gzip" } } };
        using HttpResponseMessage answer = await server.Admin.SendAsync(request);
        Assert.Equal(["gzip"], answer.Content.Headers.ContentEncoding);
        await using var unpacked = new System.IO.Compression.GZipStream(
            await answer.Content.ReadAsStreamAsync(), System.IO.Compression.CompressionMode.Decompress);
        using var text = new StreamReader(unpacked, Encoding.UTF8);
        Assert.Equal(await server.Admin.GetStringAsync("/openapi/v3/apis/kubeflow.org/v1"), await text.ReadToEndAsync());
    }

    [Fact]
    public async Task A_patch_is_described_as_kubectl_looks_for_it()
    {
        JsonNode document = await server.Admin.Get("/openapi/v3/apis/kubeflow.org/v1");
        Assert.Equal("3.0.0", (string)document["openapi"]!);
        JsonNode patch = document["paths"]!["/apis/kubeflow.org/v1/namespaces/{namespace}/pytorchjobs/{name}"]!["patch"]!;
        Assert.Equal("patch", (string)patch["x-kubernetes-action"]!);
        Assert.Equal("PyTorchJob", (string)patch["x-kubernetes-group-version-kind"]!["kind"]!);
        Assert.Equal(
            ["dryRun", "fieldManager", "fieldValidation", "reason", "pretty"],
            patch["parameters"]!.AsArray().Select(each => (string)each!["name"]!));
        Assert.Equal(["application/merge-patch+json"], patch["requestBody"]!["content"]!.AsObject().Select(each => each.Key));
    }

    [Theory]
    [InlineData("application/com.github.proto-openapi.spec.v2@v1.0+protobuf")]
    [InlineData("application/com.github.proto-openapi.spec.v2.v1.0+protobuf")]
    public async Task An_older_kubectl_finds_schemas_and_the_patch_in_protobuf(string accept)
    {
        using HttpResponseMessage answer = await Get("/openapi/v2", accept);
        byte[] bytes = await answer.Content.ReadAsByteArrayAsync();
        Assert.Equal("application/com.github.proto-openapi.spec.v2.v1.0+protobuf", answer.Content.Headers.ContentType!.ToString());
        Assert.True(ProtobufMessage.TryFind(bytes, 1, out ReadOnlySpan<byte> version) && version.SequenceEqual("2.0"u8));
        Assert.True(ProtobufMessage.TryFind(bytes, 8, out ReadOnlySpan<byte> paths));
        Assert.True(
            paths.IndexOf("/apis/kubeflow.org/v1/namespaces/{namespace}/pytorchjobs/{name}"u8) > 0 && paths.IndexOf("dryRun"u8) > 0);
        Assert.True(ProtobufMessage.TryFind(bytes, 9, out ReadOnlySpan<byte> schemas));
        Assert.True(schemas.IndexOf("org.kubeflow.v1.PyTorchJob"u8) > 0 && schemas.IndexOf("#/components/"u8) < 0);
        Assert.True(schemas.IndexOf("imagePullSecrets"u8) < 0, "it would refuse the fields of a pod that are not listed");
    }

    [Theory]
    [InlineData("application/json", "application/json")]
    [InlineData("*/*", "application/json")]
    [InlineData("application/yaml,application/json", "application/json")]
    [InlineData("application/com.github.proto-openapi.spec.v2.v1.0+protobuf,*/*", "application/com.github.proto-openapi.spec.v2.v1.0+protobuf")]
    [InlineData("application/json;q=0.5,application/com.github.proto-openapi.spec.v2@v1.0+protobuf", "application/com.github.proto-openapi.spec.v2.v1.0+protobuf")]
    public async Task The_older_document_comes_in_the_form_asked_for(string accept, string contentType) =>
        Assert.Equal(contentType, (await Get("/openapi/v2", accept)).Content.Headers.ContentType!.ToString());

    [Fact]
    public async Task The_older_document_says_in_JSON_what_the_newer_ones_say()
    {
        Assert.Equal(HttpStatusCode.NotAcceptable, (await Get("/openapi/v2", "application/yaml")).StatusCode);
        JsonNode old = await server.Admin.Get("/openapi/v2"), present = await server.Admin.Get("/openapi/v3/apis/kubeflow.org/v1");
        Assert.Equal("2.0", (string)old["swagger"]!);
        const string path = "/apis/kubeflow.org/v1/namespaces/{namespace}/pytorchjobs/{name}";
        JsonNode patch = old["paths"]![path]!["patch"]!;
        Assert.Equal(["application/merge-patch+json"], patch["consumes"]!.AsArray().Select(each => (string)each!));
        Assert.Equal("fieldValidation query string", string.Join(
            ' ', ((string[])["name", "in", "type"]).Select(member => patch["parameters"]![2]![member])));
        Assert.Equal(
            "#/definitions/io.k8s.apimachinery.pkg.apis.meta.v1.Patch", (string)patch["parameters"]!.AsArray()[^1]!["schema"]!["$ref"]!);
        Assert.Equal("#/definitions/org.kubeflow.v1.PyTorchJob", (string)patch["responses"]!["200"]!["schema"]!["$ref"]!);
        Assert.True(JsonNode.DeepEquals(
            present["components"]!["schemas"]!["org.kubeflow.v1.PyTorchJob"]!["properties"]!["spec"],
            old["definitions"]!["org.kubeflow.v1.PyTorchJob"]!["properties"]!["spec"]));
        Assert.Empty(present["paths"]!.AsObject().Select(each => each.Key).Except(old["paths"]!.AsObject().Select(each => each.Key)));
        foreach (System.Text.RegularExpressions.Match match in System.Text.RegularExpressions.Regex.Matches(
            old.ToJsonString(), "\"\\$ref\":\"#/([^/]+)/([^\"]+)"))
            Assert.NotNull(old[match.Groups[1].Value]![match.Groups[2].Value]);
    }

    [Fact]
    public async Task Every_reference_leads_somewhere()
    {
        foreach (string path in (string[])
            ["/openapi/v3/api/v1", "/openapi/v3/apis/kubeflow.org/v1", "/openapi/v3/apis/audit.eventstore.io/v1"])
        {
            JsonNode document = await server.Admin.Get(path);
            foreach (System.Text.RegularExpressions.Match match in System.Text.RegularExpressions.Regex.Matches(
                document.ToJsonString(), "#/components/schemas/([^\"]+)"))
                Assert.NotNull(document["components"]!["schemas"]![match.Groups[1].Value]);
        }
    }

    [Fact]
    public async Task The_checkpoint_is_described_and_is_no_resource_to_list()
    {
        const string path = "/apis/audit.eventstore.io/v1/checkpoint", name = "io.eventstore.audit.v1.Checkpoint";
        JsonNode described = await server.Admin.Get("/openapi/v3/apis/audit.eventstore.io/v1"),
            older = await server.Admin.Get("/openapi/v2");
        JsonObject operations = described["paths"]![path]!.AsObject();
        Assert.Equal(["get"], operations.Select(each => each.Key));
        Assert.Contains("verify --since-checkpoint", (string)operations["get"]!["description"]!, StringComparison.Ordinal);
        Assert.Equal(
            $"#/components/schemas/{name}",
            (string)operations["get"]!["responses"]!["200"]!["content"]!["application/json"]!["schema"]!["$ref"]!);
        JsonObject schema = described["components"]!["schemas"]![name]!.AsObject();
        Assert.Null(described["components"]!["schemas"]![name + "List"]);
        Assert.Equal(
            (await server.Admin.Get(path)).AsObject().Select(member => member.Key),
            schema["properties"]!.AsObject().Select(member => member.Key));
        Assert.All(schema["properties"]!.AsObject(), member => Assert.NotEmpty((string)member.Value!["description"]!));
        Assert.Equal("integer", (string)schema["properties"]!["revision"]!["type"]!);
        Assert.Equal($"#/definitions/{name}", (string)older["paths"]![path]!["get"]!["responses"]!["200"]!["schema"]!["$ref"]!);
        Assert.NotNull(older["definitions"]![name]);
        // kubectl and every controller would ask for a list of it.
        Assert.Equal(
            ["pytorchjobrevisions"],
            (await server.Admin.Get("/apis/audit.eventstore.io/v1"))["resources"]!.AsArray().Select(each => (string)each!["name"]!));
    }

    private async Task<HttpResponseMessage> Get(string path, string accept, string? known = null)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, path);
        request.Headers.TryAddWithoutValidation("Accept", accept);
        if (known is not null)
            request.Headers.TryAddWithoutValidation("If-None-Match", known);
        return await server.Admin.SendAsync(request);
    }

    private static IEnumerable<string> Flatten(JsonNode item)
    {
        string? group = (string?)item["metadata"]!["name"];
        foreach (JsonNode? resource in item["versions"]![0]!["resources"]!.AsArray())
        {
            string path = $"{(group is null ? "/api" : $"/apis/{group}")}/{item["versions"]![0]!["version"]}/{resource!["resource"]}";
            string namespaced = (string)resource["scope"]! == "Namespaced" ? "true" : "false";
            yield return $"{path} {resource["responseKind"]!["kind"]} {namespaced} {string.Join(',', resource["verbs"]!.AsArray())}";
            foreach (JsonNode? part in resource["subresources"]?.AsArray() ?? [])
            {
                yield return $"{path}/{part!["subresource"]} {part["responseKind"]!["kind"]} {namespaced} "
                    + string.Join(',', part["verbs"]!.AsArray());
            }
        }
    }
}
