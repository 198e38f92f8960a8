using System.Security.Claims;
using EventStore.Server.Access;

namespace EventStore.Server.Tests.Access;

public sealed class Default_rights
{
    private static readonly Authorization Authorization = new(() => RoleBindings.Empty);
    private static readonly Caller Nobody = Caller.Anonymous;
    private static readonly Caller Alice = new("alice", "2", [Caller.Authenticated]);
    private static readonly Caller Admin = new("admin", "1", [Caller.Masters, Caller.Authenticated]);

    [Theory]
    [InlineData("get", "/livez", true, true)]
    [InlineData("get", "/readyz", true, true)]
    [InlineData("head", "/healthz", true, true)]
    [InlineData("get", "/version", true, true)]
    [InlineData("get", "/docs", true, true)]
    [InlineData("get", "/docs/scalar.js", true, true)]
    [InlineData("get", "/openapi/v1.json", true, true)]
    [InlineData("post", "/version", false, false)]
    [InlineData("get", "/versions", false, false)]
    [InlineData("get", "/docsx", false, false)]
    [InlineData("get", "/api", false, true)]
    [InlineData("get", "/apis", false, true)]
    [InlineData("get", "/apis/kubeflow.org/v1", false, true)]
    [InlineData("get", "/openapi/v3", false, true)]
    [InlineData("get", "/apiserver", false, false)]
    [InlineData("get", "/metrics", false, false)]
    [InlineData("get", "", false, false)]
    public void Paths_are_open_or_for_all_who_are_known_or_for_administrators(string verb, string path, bool anybody, bool alice)
    {
        var request = new AccessRequest(verb, "", "", "", null, null) { Path = path };
        Assert.Equal((anybody, alice, true), (Authorization.AllowsByRules(Nobody, request), Authorization.AllowsByRules(Alice, request),
            Authorization.AllowsByRules(Admin, request)));
    }

    [Theory]
    [InlineData("create", "authorization.k8s.io", "selfsubjectaccessreviews", true)]
    [InlineData("create", "authentication.k8s.io", "selfsubjectreviews", true)]
    [InlineData("get", "authentication.k8s.io", "selfsubjectreviews", false)]
    [InlineData("create", "kubeflow.org", "selfsubjectreviews", false)]
    [InlineData("get", "kubeflow.org", "pytorchjobs", false)]
    [InlineData("watch", "kubeflow.org", "pytorchjobs", false)]
    public void Of_resources_a_known_user_has_only_questions_about_himself(string verb, string group, string resource, bool alice)
    {
        var request =
            new AccessRequest(verb, group, resource, "", "ns", "x") { Path = "/apis/kubeflow.org/v1/namespaces/ns/pytorchjobs/x" };
        Assert.Equal((false, alice, true), (Authorization.AllowsByRules(Nobody, request), Authorization.AllowsByRules(Alice, request),
            Authorization.AllowsByRules(Admin, request)));
    }

    [Fact]
    public void A_group_that_is_only_claimed_without_a_credential_counts_for_nothing()
    {
        var claimed = new ClaimsPrincipal(
            new ClaimsIdentity([new Claim("group", Caller.Masters)], authenticationType: null, "name", "group"));
        Assert.Equal(Caller.Anonymous, Caller.Of(claimed));
        Assert.False(
            Authorization.AllowsByRules(Caller.Of(claimed), new AccessRequest("get", "kubeflow.org", "pytorchjobs", "", "ns", "x")));
    }
}
