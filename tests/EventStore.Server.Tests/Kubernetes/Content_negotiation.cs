using EventStore.Server.Kubernetes;
using EventStore.Server.Kubernetes.Requests;
using Microsoft.Extensions.Primitives;

namespace EventStore.Server.Tests.Kubernetes;

public sealed class Content_negotiation
{
    private const Representations OfOne = Representations.Plain | Representations.Table | Representations.Metadata;

    [Theory]
    [InlineData("", Representations.Plain, "")]
    [InlineData("*/*", Representations.Plain, "")]
    [InlineData("application/*", Representations.Plain, "")]
    [InlineData("application/json, */*", Representations.Plain, "")]
    [InlineData("Application/JSON; charset=utf-8", Representations.Plain, "")]
    [InlineData("application/vnd.kubernetes.protobuf,application/json", Representations.Plain, "")]
    [InlineData("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", Representations.Plain, "")]
    [InlineData("application/json;as=Table;v=v1;g=meta.k8s.io,application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json", Representations.Table, "v1")]
    [InlineData("application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json", Representations.Table, "v1beta1")]
    [InlineData("application/json;as=Table;v=v2;g=meta.k8s.io,application/json", Representations.Plain, "")]
    [InlineData("application/json;as=Table;v=v1;g=other.io,application/json", Representations.Plain, "")]
    [InlineData("application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io", Representations.Metadata, "v1")]
    [InlineData("application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io,application/json;q=0.1", Representations.Plain, "")]
    [InlineData("application/json;q=0.5,application/json;as=Table;v=v1;g=meta.k8s.io", Representations.Table, "v1")]
    [InlineData("application/json;q=high", Representations.Plain, "")]
    public void The_first_wish_that_can_be_met_is_met(string accept, Representations form, string version)
    {
        Assert.True(ContentNegotiation.TryChoose(accept, OfOne, out Negotiated chosen, out _));
        Assert.Equal(new Negotiated(form, version), chosen);
    }

    [Theory]
    [InlineData("text/html")]
    [InlineData("application/yaml")]
    [InlineData("application/vnd.kubernetes.protobuf")]
    [InlineData("application/json;q=0")]
    [InlineData("application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io")]
    [InlineData(",;=,")]
    public void Nothing_to_offer_is_406(string accept)
    {
        Assert.False(ContentNegotiation.TryChoose(accept, OfOne, out _, out Status? refusal));
        Assert.Equal((406, "only the following media types are accepted: application/json"), (refusal.Code, refusal.Message));
    }

    [Fact]
    public void Two_accept_headers_count_as_one() =>
        Assert.True(ContentNegotiation.TryChoose(new StringValues(["text/html", "application/json"]), OfOne, out _, out _));

    [Theory]
    [InlineData("application/merge-patch+json")]
    [InlineData("application/merge-patch+json; charset=utf-8")]
    [InlineData("application/merge-patch+json;x=y")]
    public void A_merge_patch_is_read(string type) => Assert.Null(ContentNegotiation.RefusePatch(type));

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("application/json")]
    [InlineData("Application/Merge-Patch+JSON")]
    [InlineData("application/strategic-merge-patch+json")]
    [InlineData("application/json-patch+json")]
    [InlineData("application/apply-patch+yaml")]
    [InlineData("text/plain")]
    public void Any_other_patch_is_415(string? type)
    {
        Status? refusal = ContentNegotiation.RefusePatch(type);
        Assert.Equal(415, refusal?.Code);
        Assert.EndsWith(": application/merge-patch+json (kubectl patch --type=merge)", refusal!.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(null, true)]
    [InlineData("", true)]
    [InlineData("application/json", true)]
    [InlineData("Application/JSON ; charset=UTF-8", true)]
    [InlineData("application/yaml", true)]
    [InlineData("application/vnd.kubernetes.protobuf", false)]
    [InlineData("application/jsonx", false)]
    public void An_object_is_JSON_or_does_not_say(string? type, bool read) =>
        Assert.Equal(read ? null : 415, ContentNegotiation.RefuseBody(type)?.Code);
}
