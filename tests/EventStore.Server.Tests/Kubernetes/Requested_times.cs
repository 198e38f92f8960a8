using EventStore.Server.Access;
using EventStore.Server.Limits;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace EventStore.Server.Tests.Kubernetes;

/// <summary>How a request ends whose client said how long it would wait.</summary>
public sealed class Requested_times
{
    [Fact]
    public async Task Cut_off_an_answer_that_has_begun()
    {
        var connection = new BegunAnswer();
        var http = new DefaultHttpContext();
        http.Features.Set<IHttpResponseFeature>(connection);
        http.Features.Set<IHttpRequestLifetimeFeature>(connection);
        http.Request.Method = "GET";
        http.Request.Path = "/version";
        http.Request.QueryString = new QueryString("?timeout=1ms");
        RequestInfo.Keep(http);
        await RequestedTimeout.Bound(http, now => Task.Delay(Timeout.Infinite, now.RequestAborted));
        Assert.True(connection.IsAborted);
    }

    private sealed class BegunAnswer : HttpResponseFeature, IHttpRequestLifetimeFeature
    {
        public bool IsAborted { get; private set; }

        public CancellationToken RequestAborted { get; set; }

        public override bool HasStarted => true;

        public void Abort() => IsAborted = true;
    }
}
