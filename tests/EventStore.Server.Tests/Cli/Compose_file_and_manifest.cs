using System.Diagnostics;
using System.Runtime.Versioning;
using System.Text.RegularExpressions;
using EventStore.Server.Postgres;
using EventStore.Server.Tests.Access;
using EventStore.Server.Tests.Documents;
using EventStore.Server.Tests.Fixtures;
using k8s;
using k8s.Models;
using Npgsql;
using YamlDotNet.Core;
using YamlDotNet.Serialization;

namespace EventStore.Server.Tests.Cli;

/// <summary>
/// The compose file and the manifest with the built server in the containers' place: their arguments and their environment, and then
/// kubectl with the kubeconfig that their first lines name.
/// </summary>
[Trait("Category", "Slow")]
[UnsupportedOSPlatform("windows")]
public sealed partial class Compose_file_and_manifest : IDisposable
{
    private readonly string root = Directory.CreateTempSubdirectory("es-delivered-").FullName;
    private readonly int port = FreePort.Find();

    internal static bool HasKubectl =>
        Environment.GetEnvironmentVariable("PATH")!.Split(':').Any(folder => File.Exists(Path.Combine(folder, "kubectl")));

    public void Dispose() => Directory.Delete(root, recursive: true);

    [SkippableFact]
    public async Task Compose_serves_kubectl_with_the_kubeconfig_in_its_volume()
    {
        Skip.IfNot(HasKubectl, "kubectl is missing");
        await using OwnCluster cluster = await OwnCluster.Start();
        await AsImage(cluster);
        var target = new NpgsqlConnectionStringBuilder(cluster.Superuser);
        Dictionary<object, object> services = Services(Repository.Read("docker-compose.yml"));
        string Placed(string text) => text
            .Replace("Host=postgres;", $"Host={target.Host};Port={target.Port};", StringComparison.Ordinal)
            .Replace("/run/secrets/tokens", Repository.PathOf("src/EventStore.Server/tokens.local-only.csv"), StringComparison.Ordinal);

        (Dictionary<string, string?> environment, string[] command) = Container(services["migrate"], Placed);
        await using (ProgramRun migrated = await ProgramRun.Ended(environment, command))
            Assert.True(migrated.ExitCode == 0, migrated.Everything);
        (environment, command) = Container(services["server"], text => Placed(text).Replace("/data", root, StringComparison.Ordinal));
        await using ProgramRun server = ProgramRun.Start(environment, command);
        Assert.Equal(port, (await server.Serving()).Port);
        await server.Says("kubectl      ");
        Assert.DoesNotContain("SECURITY", server.Errors, StringComparison.Ordinal);
        await IsUsed(Path.Combine(root, "kubeconfig"));
    }

    /// <summary>A tag may be moved to other content, and a container without a limit takes the machine's memory.</summary>
    [Fact]
    public void Images_are_pinned_by_version_and_digest_and_containers_have_a_limit_of_memory()
    {
        foreach ((object name, object service) in Services(Repository.Read("docker-compose.yml")))
        {
            var fields = (Dictionary<object, object>)service;
            Assert.True(fields.ContainsKey("build") || Pinned().IsMatch((string)fields["image"]), $"{name}: {fields["image"]}");
            Assert.True(fields.ContainsKey("mem_limit"), $"{name} has no limit of memory");
        }

        Assert.Contains($"image: {ContainerPostgres.DefaultImage}\n", Repository.Read("docker-compose.yml"), StringComparison.Ordinal);
        string[] bases = [.. Repository.Read("src/EventStore.Server/Dockerfile").Split('\n').Where(line => line.StartsWith(
            "FROM ", StringComparison.Ordinal))];
        Assert.Equal(2, bases.Length);
        Assert.All(bases, line => Assert.Matches(Pinned(), line.Split(' ')[1]));
    }

    /// <summary>The scripts of the profile ha, each twice as after a restart, with this machine's programs in the image's place.</summary>
    [SkippableFact]
    public async Task The_profile_ha_copies_the_primary_and_has_every_commit_wait_for_the_copy()
    {
        Tools.Need("bash", "psql", "pg_basebackup");
        await using OwnCluster cluster = await OwnCluster.Start();
        await AsImage(cluster);
        Dictionary<object, object> services = Services(Repository.Read("docker-compose.yml"));
        string copy = Path.Combine(root, "copy");
        for (int times = 0; times < 2; times++)
        {
            await Script(services["replication"], cluster);
            await Script(services["standby"], cluster);
        }

        Assert.Equal(
            "ANY 1 (*)", await cluster.Run("SELECT setting FROM pg_file_settings WHERE name = 'synchronous_standby_names' AND applied"));
        Assert.Equal(true, await cluster.Run(
            "SELECT rolreplication AND NOT rolsuper AND NOT rolcreaterole AND NOT rolcreatedb FROM pg_roles WHERE rolname = 'eventstore_standby'"));
        Assert.Equal(1L, await cluster.Run("SELECT count(*) FROM pg_replication_slots WHERE slot_type = 'physical'"));
        Assert.True(File.Exists(Path.Combine(copy, "standby.signal")));
        string settings = await File.ReadAllTextAsync(Path.Combine(copy, "postgresql.auto.conf"));
        Assert.Contains("primary_slot_name = 'standby'", settings, StringComparison.Ordinal);
        Assert.Contains("user=eventstore_standby password=", settings, StringComparison.Ordinal);
        Assert.DoesNotContain("synchronous_standby_names", settings, StringComparison.Ordinal);
        Assert.All(
            (string[])["server-a", "server-b"],
            name => Assert.Equal(["primary,standby"], Container(services[name], text => text).Environment.Values.Where(value =>
                value!.StartsWith("Host=", StringComparison.Ordinal)).Select(value => new NpgsqlConnectionStringBuilder(value).Host)));
    }

    [SkippableFact]
    public async Task The_manifest_serves_kubectl_with_the_kubeconfig_in_its_pod()
    {
        Skip.IfNot(HasKubectl, "kubectl is missing");
        await using TestDatabase database = await TestDatabase.Create();
        V1Container container = KubernetesYaml.LoadAllFromString(Repository.Read("src/EventStore.Server/kubernetes/server.yaml"))
            .OfType<V1Deployment>().Single().Spec.Template.Spec.Containers.Single();
        await MountSecrets(container);
        string Placed(string text) => text.Replace(":8443", $":{port}", StringComparison.Ordinal)
            .Replace("/run/", $"{root}/run/", StringComparison.Ordinal).Replace("/etc/", $"{root}/etc/", StringComparison.Ordinal)
            .Replace("=/data", $"={root}/data", StringComparison.Ordinal);
        var environment = container.Env.ToDictionary(
            variable => variable.Name, variable => variable.ValueFrom is null ? Placed(variable.Value) : database.Serving);

        await using ProgramRun server = ProgramRun.Start(environment!, [.. container.Args.Select(Placed)]);
        Assert.Equal(port, (await server.Serving()).Port);
        await server.Says("kubectl      ");
        // 127.0.0.1 is where port-forward listens, and the certificate names the Service.
        await IsUsed(Path.Combine(root, "data", "kubeconfig"));
    }

    /// <summary>Runs kubectl and answers what it wrote.</summary>
    internal static async Task<string> Kubectl(params string[] arguments)
    {
        using Process kubectl = ChildProcess.Start(
            new ProcessStartInfo("kubectl", arguments) { RedirectStandardOutput = true, RedirectStandardError = true });
        Task<string> errors = kubectl.StandardError.ReadToEndAsync();
        string output = await kubectl.StandardOutput.ReadToEndAsync();
        await kubectl.WaitForExitAsync();
        Assert.True(kubectl.ExitCode == 0, await errors);
        return output;
    }

    private async Task IsUsed(string kubeconfig)
    {
        string job = Path.Combine(root, "job.json");
        await File.WriteAllTextAsync(job, Sample.Manifest("mnist"));
        Assert.Equal("pytorchjob.kubeflow.org/mnist created\n", await Kubectl("--kubeconfig", kubeconfig, "create", "-f", job));
        Assert.Contains(
            "mnist", await Kubectl("--kubeconfig", kubeconfig, "get", "pytorchjobs", "--all-namespaces"), StringComparison.Ordinal);
    }

    /// <summary>The token file, the certificate that the verb makes, and the rules, where the pod has them.</summary>
    private async Task MountSecrets(V1Container container)
    {
        foreach (string folder in container.VolumeMounts.Select(mount => mount.MountPath).Where(path => path is not "/tmp" and not "/data"))
            Directory.CreateDirectory(root + folder);
        await File.WriteAllTextAsync(root + "/run/secrets/eventstore/tokens.csv", "a-token,admin,1,system:masters\n");
        File.Copy(Repository.PathOf("src/EventStore.Server/kubernetes/rules.yaml"), root + "/etc/eventstore/rules/rules.yaml");
        // The Job makes it in a cluster that is stood in for; kubelet mounts what is there.
        await using FakeCluster cluster = await FakeCluster.Start();
        string kubeconfig = Path.Combine(root, "cluster");
        await File.WriteAllTextAsync(kubeconfig, cluster.Kubeconfig);
        string[] job = [.. The_Kubernetes_manifest.ArgumentsOf("eventstore-certificate").Select(each => each.Replace(
            "in-cluster", kubeconfig, StringComparison.Ordinal))];
        await using ProgramRun made = await ProgramRun.Ended(job), again = await ProgramRun.Ended(job);
        Assert.True(made.ExitCode == 0, made.Everything);
        Assert.Contains("secret eventstore/eventstore-tls created", made.Output, StringComparison.Ordinal);
        Assert.True(again.ExitCode == 0, again.Everything);
        Assert.EndsWith("is there already and is kept\n", again.Output, StringComparison.Ordinal);
        V1Secret secret = KubernetesJson.Deserialize<V1Secret>(Assert.Single(cluster.Secrets).Value.ToJsonString());
        Assert.Equal(("eventstore-tls", "kubernetes.io/tls"), (secret.Metadata.Name, secret.Type));
        foreach ((string name, byte[] content) in secret.Data)
            await File.WriteAllBytesAsync($"{root}/run/secrets/eventstore-tls/{name}", content);
    }

    /// <summary>Runs what a service's entrypoint is, up to where it would start PostgreSQL.</summary>
    private async Task Script(object service, OwnCluster primary)
    {
        var fields = (Dictionary<object, object>)service;
        string script = ((List<object>)fields["entrypoint"]).Cast<string>().Last()
            .Replace("$$", "$", StringComparison.Ordinal).Replace(" -h primary ", " ", StringComparison.Ordinal)
            .Replace("/etc/", $"{root}/", StringComparison.Ordinal).Replace("exec docker-entrypoint.sh", ": not", StringComparison.Ordinal)
            .Replace("chown -R postgres:postgres", ": not", StringComparison.Ordinal);
        var start = new ProcessStartInfo("bash", ["-euc", script]) { RedirectStandardOutput = true, RedirectStandardError = true };
        foreach ((object name, object value) in (Dictionary<object, object>)fields["environment"])
            start.Environment[(string)name] = ((string)value).Replace("/var/lib/postgresql/data", root, StringComparison.Ordinal);
        start.Environment["PGHOST"] = "127.0.0.1";
        start.Environment["PGPORT"] = $"{primary.Port}";
        using Process run = ChildProcess.Start(start);
        Task<string> errors = run.StandardError.ReadToEndAsync();
        string output = await run.StandardOutput.ReadToEndAsync();
        await run.WaitForExitAsync();
        Assert.True(run.ExitCode == 0, output + await errors);
    }

    /// <summary>What the PostgreSQL image makes of its environment.</summary>
    private static async Task AsImage(OwnCluster cluster)
    {
        await using var connection = new NpgsqlConnection(cluster.Superuser);
        await connection.OpenAsync();
        foreach (string sql in (string[])["CREATE ROLE eventstore_owner SUPERUSER LOGIN PASSWORD 'local-only-owner'",
            "CREATE DATABASE eventstore OWNER eventstore_owner"])
        {
            await using var command = new NpgsqlCommand(sql, connection);
            await command.ExecuteNonQueryAsync();
        }
    }

    private Dictionary<object, object> Services(string compose)
    {
        string text = Variable().Replace(compose, match => match.Groups[1].Value == "EVENTSTORE_PORT" ? $"{port}" : match.Groups[2].Value);
        var file = new Deserializer().Deserialize<Dictionary<object, object>>(new MergingParser(new Parser(new StringReader(text))));
        return (Dictionary<object, object>)file["services"];
    }

    private static (Dictionary<string, string?> Environment, string[] Command) Container(object service, Func<string, string> placed)
    {
        var fields = (Dictionary<object, object>)service;
        return (
            ((Dictionary<object, object>)fields["environment"])
                .ToDictionary(pair => (string)pair.Key, pair => (string?)placed((string)pair.Value)),
            [.. ((List<object>)fields["command"]).Select(word => placed((string)word))]);
    }

    [GeneratedRegex("^[^:@]+:[0-9.]+@sha256:[0-9a-f]{64}$")]
    private static partial Regex Pinned();

    [GeneratedRegex(@"\$\{(\w+):-([^}]*)\}")]
    private static partial Regex Variable();
}
