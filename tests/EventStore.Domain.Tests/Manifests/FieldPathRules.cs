using EventStore.Domain.Json;
using EventStore.Domain.Manifests;

namespace EventStore.Domain.Tests.Manifests;

public sealed class FieldPathRules
{
    private static readonly FieldPath Labels = FieldPath.Of("metadata", "labels");

    [Fact]
    public void Members_go_by_dot_items_by_index_and_other_names_in_brackets()
    {
        Assert.Equal("", FieldPath.Root.ToString());
        Assert.Equal("spec.containers[0].image", FieldPath.Of("spec", "containers").Item(0).Member("image").ToString());
        Assert.Equal("metadata.labels['example.com/team']", Labels.Member("example.com/team").ToString());
        Assert.Equal("metadata.labels['it\\'s \\\\']", Labels.Member("it's \\").ToString());
        Assert.Equal("metadata.labels['0'].a", Labels.Member("0").Member("a").ToString());
        Assert.Equal("['']._x", FieldPath.Of("", "_x").ToString());
    }

    [Fact]
    public void Paths_are_equal_by_their_steps()
    {
        Assert.Equal(FieldPath.Of("metadata", "labels").Member("a/b"), Labels.Member("a/b"));
        Assert.Equal(FieldPath.Of("metadata", "labels").Member("a/b").GetHashCode(), Labels.Member("a/b").GetHashCode());
        Assert.NotEqual(Labels.Item(0), Labels.Member("0"));
        Assert.NotEqual(Labels, FieldPath.Of("metadata"));
        Assert.NotEqual(Labels, FieldPath.Of("metadata.labels"));
    }

    [Fact]
    public void A_path_knows_the_member_it_begins_with()
    {
        Assert.Null(FieldPath.Root.FirstMember);
        Assert.Equal("metadata", Labels.Member("a").Item(1).FirstMember);
    }

    [Fact]
    public void Many_paths_below_a_long_name_cost_little()
    {
        var leaves = JsonObject.Of(Enumerable.Range(0, 100_000).Select(i => KeyValuePair.Create("k" + i, (JsonValue)i)));
        Assert.Equal(100_000, Diff.ByMeaning(JsonObject.Empty, JsonObject.Of((new string('x', 1_000_000), leaves))).Count);
    }
}
