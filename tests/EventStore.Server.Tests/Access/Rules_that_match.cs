using EventStore.Server.Access;

namespace EventStore.Server.Tests.Access;

/// <summary>What a rule covers, by upstream's <c>evaluation_helpers.go</c>.</summary>
public sealed class Rules_that_match
{
    [Theory]
    [InlineData("pytorchjobs", "pytorchjobs", "", true)]
    [InlineData("pytorchjobs", "pytorchjobs", "status", false)]
    [InlineData("pytorchjobs/status", "pytorchjobs", "status", true)]
    [InlineData("pytorchjobs/status", "pytorchjobs", "", false)]
    [InlineData("pytorchjobs/*", "pytorchjobs", "status", false)]
    [InlineData("*/status", "pytorchjobs", "status", true)]
    [InlineData("*/status", "pytorchjobs", "rollback", false)]
    [InlineData("*/status", "pytorchjobs", "", false)]
    [InlineData("*", "pytorchjobs", "", true)]
    [InlineData("*", "pytorchjobs", "rollback", true)]
    [InlineData("*", "*", "", true)]
    [InlineData("pytorchjobs", "*", "", false)]
    [InlineData("PyTorchJobs", "pytorchjobs", "", false)]
    public void Resources_and_their_parts(string rule, string resource, string subresource, bool covered) => Assert.Equal(
        covered, new AccessRule(["get"]) { Groups = ["kubeflow.org"], Resources = [rule] }.Allows(
            new("get", "kubeflow.org", resource, subresource, "ns", "x")));

    [Theory]
    [InlineData("get", "get", true)]
    [InlineData("*", "rollback", true)]
    [InlineData("get", "*", false)]
    [InlineData("delete", "deletecollection", false)]
    [InlineData("list", "watch", false)]
    [InlineData("GET", "get", false)]
    public void Verbs(string rule, string verb, bool covered) => Assert.Equal(
        covered, new AccessRule([rule]) { Groups = ["*"], Resources = ["*"] }.Allows(
            new(verb, "kubeflow.org", "pytorchjobs", "", "ns", "x")));

    [Theory]
    [InlineData("x", "x", true)]
    [InlineData("x", "y", false)]
    [InlineData("x", null, false)]
    [InlineData("*", "x", false)]
    [InlineData(null, "x", true)]
    [InlineData(null, null, true)]
    public void Names(string? rule, string? name, bool covered) => Assert.Equal(
        covered, new AccessRule(["get"]) { Groups = ["*"], Resources = ["*"], Names = rule is null ? [] : [rule] }.Allows(
            new("get", "kubeflow.org", "pytorchjobs", "", "ns", name)));

    [Theory]
    [InlineData("/metrics", "/metrics", true)]
    [InlineData("/metrics", "/metrics/", false)]
    [InlineData("/metrics/", "/metrics", false)]
    [InlineData("/logs/*", "/logs/a/b", true)]
    [InlineData("/logs/*", "/logs/", true)]
    [InlineData("/logs/*", "/logs", false)]
    [InlineData("/logs*", "/logs", true)]
    [InlineData("/logs**", "/logsx", true)]
    [InlineData("*", "/anything", true)]
    [InlineData("/*/x", "/a/x", false)]
    [InlineData("/Metrics", "/metrics", false)]
    public void Paths(string rule, string path, bool covered)
    {
        var request = new AccessRequest("get", "", "", "", null, null) { Path = path };
        Assert.Equal(covered, new AccessRule(["get"]) { Paths = [rule] }.Allows(request));
        Assert.False(new AccessRule(["get"]) { Groups = ["*"], Resources = ["*"] }.Allows(request));
    }
}
