using EventStore.Server.Access;
using Microsoft.AspNetCore.Http;

namespace EventStore.Server.Tests.Access;

public sealed class A_request_is_classified
{
    [Fact]
    public void Once()
    {
        int looks = 0;
        var required = new RequiresAccess("kubeflow.org", "pytorchjobs")
        {
            SelectedName = _ => (++looks).ToString(System.Globalization.CultureInfo.InvariantCulture),
        };
        HttpContext http = Request("GET", required);
        RequestInfo kept = RequestInfo.Keep(http);
        for (int i = 0; i < 8; i++)
            Assert.Same(kept, RequestInfo.Of(http));
        Assert.Equal(1, looks);
    }

    [Theory]
    [InlineData("GET", "", null, RequestClass.List)]
    [InlineData("HEAD", "", null, RequestClass.List)]
    [InlineData("GET", "?watch=1", null, RequestClass.Watch)]
    [InlineData("GET", "?watch=false", null, RequestClass.List)]
    [InlineData("GET", "", "x", RequestClass.Read)]
    [InlineData("GET", "?watch=1", "x", RequestClass.Read)]
    [InlineData("POST", "", null, RequestClass.Change)]
    [InlineData("POST", "?watch=1", null, RequestClass.Change)]
    [InlineData("DELETE", "", null, RequestClass.Change)]
    [InlineData("BREW", "", "x", RequestClass.Change)]
    public void By_what_it_costs(string method, string query, string? name, RequestClass expected)
    {
        HttpContext http = Request(method, new RequiresAccess("kubeflow.org", "pytorchjobs"));
        http.Request.QueryString = new QueryString(query);
        if (name is not null)
            http.Request.RouteValues["name"] = name;
        Assert.Equal(expected, RequestInfo.Of(http).Class);
    }

    [Fact]
    public void As_costing_nothing_when_it_reads_no_resource() =>
        Assert.Equal(RequestClass.Static, RequestInfo.Of(Request("GET", RequiresAccess.ByPath)).Class);

    private static DefaultHttpContext Request(string method, RequiresAccess required)
    {
        var http = new DefaultHttpContext();
        http.Request.Method = method;
        http.SetEndpoint(new Endpoint(null, new EndpointMetadataCollection(required), null));
        return http;
    }
}
