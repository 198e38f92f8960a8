using System.Runtime.Versioning;
using System.Text;
using System.Text.Json.Nodes;
using EventStore.Server.Hosting;
using EventStore.Server.Tests.Access;
using EventStore.Server.Tests.Fixtures;

namespace EventStore.Server.Tests.Cli;

/// <summary>The certificate that servers share is put into their cluster, and never in the place of another.</summary>
[UnsupportedOSPlatform("windows")]
public sealed class A_certificate_in_a_cluster : IDisposable
{
    private readonly AccessFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public async Task Is_not_put_in_the_place_of_one_that_is_there_and_what_that_one_lacks_is_said()
    {
        await using FakeCluster cluster = await FakeCluster.Start();
        string own = OwnCertificate.MakePem(["eventstore"]).Certificate;
        var secret = new JsonObject
        {
            ["apiVersion"] = "v1",
            ["kind"] = "Secret",
            ["metadata"] = new JsonObject { ["name"] = "eventstore-tls" },
            ["data"] = new JsonObject { ["tls.crt"] = Convert.ToBase64String(Encoding.ASCII.GetBytes(own)) },
        };
        cluster.Secrets["eventstore/eventstore-tls"] = secret.DeepClone();

        await using ProgramRun run = await Put(cluster);

        Assert.Equal(
            (0, "secret eventstore/eventstore-tls is there already and is kept. Its certificate does not name eventstore.eventstore.svc\n"),
            (run.ExitCode, run.Output));
        Assert.Equal(secret.ToJsonString(), Assert.Single(cluster.Secrets).Value.ToJsonString());
    }

    [Fact]
    public async Task Needs_a_cluster_that_answers_and_allows_it()
    {
        await using FakeCluster cluster = await FakeCluster.Start();
        cluster.Failing = 403;
        await using ProgramRun refused = await Put(cluster);
        Assert.Equal(1, refused.ExitCode);
        Assert.Contains("the cluster refuses: 403", refused.Everything, StringComparison.Ordinal);
        Assert.Contains(
            "needs the rights to get the secret eventstore-tls and to create secrets", refused.Everything, StringComparison.Ordinal);
        await cluster.Stop();
        await using ProgramRun unanswered = await Put(cluster, write: false), outside = await ProgramRun.Ended(
            "certificate", "--kubeconfig=in-cluster", "eventstore");
        Assert.All([unanswered, outside], run =>
        {
            Assert.Equal(1, run.ExitCode);
            Assert.Contains("the cluster cannot be asked: ", run.Everything, StringComparison.Ordinal);
            Assert.DoesNotContain("   at ", run.Everything, StringComparison.Ordinal);
        });
    }

    private async Task<ProgramRun> Put(FakeCluster cluster, bool write = true)
    {
        string kubeconfig = folder.PathOf("kubeconfig");
        if (write)
            await File.WriteAllTextAsync(kubeconfig, cluster.Kubeconfig);
        return await ProgramRun.Ended("certificate", "--kubeconfig", kubeconfig, "eventstore", "eventstore.eventstore.svc");
    }
}
