using System.Text;
using EventStore.Domain.Json;
using FsCheck.Xunit;

namespace EventStore.Domain.Tests.Manifests;

[Properties(Arbitrary = [typeof(JsonArbitrary)], MaxTest = 300)]
public sealed class JsonProperties
{
    [Property]
    public bool What_is_printed_is_read_back_the_same(JsonValue value)
    {
        JsonValue read = JsonReading.Parse(value.ToUtf8());
        return read.Equals(value) && read.GetHashCode() == value.GetHashCode() && read.ToUtf8().AsSpan().SequenceEqual(value.ToUtf8());
    }

    [Property]
    public bool Members_stand_in_the_order_of_their_bytes(JsonValue value) => Sorted(value);

    [Property]
    public bool A_member_set_is_a_member_found(JsonObject value, string name, JsonValue member)
    {
        JsonObject set = value.With(name ?? string.Empty, member);
        return Sorted(set) && ReferenceEquals(set[name ?? string.Empty], member)
            && set.Without(name ?? string.Empty)[name ?? string.Empty] is null;
    }

    private static bool Sorted(JsonValue value) => value switch
    {
        JsonObject members => members.Names.Zip(members.Names.Skip(1)).All(pair => Precedes(pair.First, pair.Second)) &&
            members.Names.All(name => Sorted(members[name]!)),
        JsonArray array => array.Items.All(Sorted),
        _ => true,
    };

    private static bool Precedes(string one, string other) =>
        Encoding.UTF8.GetBytes(one).AsSpan().SequenceCompareTo(Encoding.UTF8.GetBytes(other)) < 0;
}
