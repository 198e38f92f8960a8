using EventStore.Server.Tests.Fixtures;
using k8s;
using YamlDotNet.Serialization;

namespace EventStore.Server.Tests.Cli;

/// <summary>A cluster drops a field it does not know, and what it was to do is not done: each delivered one is known.</summary>
public sealed class Fields_of_the_manifests
{
    private const string Monitor = "src/EventStore.Server/kubernetes/servicemonitor.yaml";

    // Of monitoring.coreos.com/v1, by the path to their object: what the definition of prometheus-operator 0.93 has there.
    private static readonly Dictionary<string, string> OfMonitors = new()
    {
        [""] = "apiVersion kind metadata spec",
        ["metadata"] = "annotations labels name namespace",
        ["spec"] = "attachMetadata bodySizeLimit convertClassicHistogramsToNHCB endpoints fallbackScrapeProtocol jobLabel "
            + "keepDroppedTargets labelLimit labelNameLengthLimit labelValueLengthLimit namespaceSelector nativeHistogramBucketLimit "
            + "nativeHistogramMinBucketFactor podTargetLabels sampleLimit scrapeClass scrapeClassicHistograms scrapeNativeHistograms "
            + "scrapeProtocols selector selectorMechanism serviceDiscoveryRole targetLabels targetLimit",
        ["spec.selector"] = "matchExpressions matchLabels",
        ["spec.selector.matchLabels"] = "app.kubernetes.io/name", // any
        ["spec.endpoints"] = "authorization basicAuth bearerTokenFile bearerTokenSecret enableHttp2 filterRunning followRedirects "
            + "honorLabels honorTimestamps interval metricRelabelings noProxy oauth2 params path port proxyConnectHeader proxyFromEnvironment proxyUrl "
            + "relabelings scheme scrapeTimeout targetPort tlsConfig trackTimestampsStaleness",
        ["spec.endpoints.authorization"] = "credentials type",
        ["spec.endpoints.authorization.credentials"] = "key name optional",
        ["spec.endpoints.tlsConfig"] =
            "ca caFile cert certFile insecureSkipVerify keyFile keySecret maxVersion minVersion serverName",
        ["spec.endpoints.tlsConfig.ca"] = "configMap secret",
        ["spec.endpoints.tlsConfig.ca.secret"] = "key name optional",
    };

    /// <summary>The official client has their types, made from Kubernetes' OpenAPI. kustomize reads its own file as strictly.</summary>
    [Fact]
    public void Are_those_of_the_kinds_of_Kubernetes()
    {
        string[] files = [.. ((string[])["kubernetes", "aggregated"])
            .SelectMany(folder => Directory.GetFiles(Repository.PathOf($"src/EventStore.Server/{folder}"), "*.yaml"))
            .Where(file => Path.GetFileName(file) is not ("kustomization.yaml" or "servicemonitor.yaml"))];
        Assert.True(files.Length >= 8, string.Join(' ', files));
        foreach (string file in files)
        {
            string text = File.ReadAllText(file);
            Assert.Equal(text.Split("\n---\n").Length, KubernetesYaml.LoadAllFromString(text, strict: true).Count);
            string unknown = text.Replace("\nmetadata:", "\nmetdata:", StringComparison.Ordinal);
            Assert.ThrowsAny<Exception>(() => KubernetesYaml.LoadAllFromString(unknown, strict: true));
        }
    }

    [Fact]
    public void Are_those_of_a_ServiceMonitor()
    {
        Assert.Empty(Unknown("", Read(Repository.Read(Monitor))));
        string wrong = Repository.Read(Monitor).Replace("credentials:", "credential:", StringComparison.Ordinal);
        Assert.Equal(["spec.endpoints.authorization.credential"], Unknown("", Read(wrong)));
    }

    private static object? Read(string yaml) => new Deserializer().Deserialize<object?>(yaml);

    /// <summary>The paths of fields that are not in the table; items of a list have the path of the list.</summary>
    private static IEnumerable<string> Unknown(string path, object? value) => value switch
    {
        List<object> items => items.SelectMany(item => Unknown(path, item)),
        Dictionary<object, object> fields => fields.SelectMany(field =>
        {
            string at = path.Length == 0 ? (string)field.Key : $"{path}.{field.Key}";
            return OfMonitors.GetValueOrDefault(path, "").Split(' ').Contains(field.Key) ? Unknown(at, field.Value) : [at];
        }),
        _ => [],
    };
}
