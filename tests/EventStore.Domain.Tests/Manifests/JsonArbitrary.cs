using EventStore.Domain.Json;
using FsCheck;
using FsCheck.Fluent;

namespace EventStore.Domain.Tests.Manifests;

/// <summary>A JSON object that holds a null member nowhere but within arrays: what a merge patch can make.</summary>
public sealed record Plain(JsonObject Value);

/// <summary>
/// JSON as the tests want it: small enough to collide (two objects often share names, so patches hit), with everything that is hard:
/// names on both sides of the surrogates, numbers no double can hold, nulls, empty objects and arrays.
/// </summary>
public static class JsonArbitrary
{
    // U+FFFD sorts behind U+1F600 in UTF-16 units and before it in UTF-8 bytes.
    private static readonly Gen<string> Names = Gen.Elements(
        "a", "b", "aa", "B", "", "é", "\uE000", "\uFFFD", "\U0001F600", "\U0001F601", "example.com/team", "it's", "\\", "\n");

    private static readonly Gen<JsonNumber> Numbers =
        from sign in Gen.Elements("", "-")
        from whole in Gen.Elements("0", "1", "7", "10", "9007199254740993", "9223372036854775808", "123456789012345678901234567890")
        from fraction in Gen.Elements("", ".0", ".5", ".10", ".000000000000000000001", ".3333333333333333333333")
        from exponent in Gen.Elements("", "e0", "E+2", "e-3", "e20", "E-20", "e100")
        select JsonNumber.Parse(sign + whole + fraction + exponent)!;

    private static readonly Gen<JsonValue> Leaves = Gen.OneOf(
        Gen.Elements<JsonValue>(JsonBoolean.True, JsonBoolean.False, JsonObject.Empty, new JsonArray([])),
        Gen.Elements("", "x", "y", "a b", "é\uFFFD\U0001F600", "\"\\/\u2028<>&", "\u0001").Select(text => (JsonValue)new JsonText(text)),
        Numbers.Select(number => (JsonValue)number));

    private static readonly Gen<JsonValue> LeavesAndNull = Gen.Frequency((4, Leaves), (1, Gen.Constant<JsonValue>(JsonNull.Value)));

    public static Arbitrary<JsonValue> Any() => Arb.From(Gen.Sized(size => Value(Depth(size), withNulls: true)), Smaller);

    public static Arbitrary<JsonObject> Objects() =>
        Arb.From(Gen.Sized(size => Object(Depth(size), withNulls: true)), value => Smaller(value).OfType<JsonObject>());

    public static Arbitrary<Plain> WithoutNullMembers() =>
        Arb.From(
            Gen.Sized(size => Object(Depth(size), withNulls: false)).Select(value => new Plain(value)),
            plain => Smaller(plain.Value).OfType<JsonObject>().Select(value => new Plain(value)));

    private static int Depth(int size) => Math.Min(4, 1 + (size / 12));

    private static Gen<JsonValue> Value(int depth, bool withNulls)
    {
        Gen<JsonValue> leaves = withNulls ? LeavesAndNull : Leaves;
        return depth == 0
            ? leaves
            : Gen.Frequency(
                (2, leaves),
                (3, Object(depth - 1, withNulls).Select(value => (JsonValue)value)),
                (1, Array(depth - 1)));
    }

    private static Gen<JsonObject> Object(int depth, bool withNulls) =>
        from count in Gen.Choose(0, 4)
        from members in Names.Zip(Value(depth, withNulls)).ArrayOf(count)
        select JsonObject.Of(members.Select(member => KeyValuePair.Create(member.Item1, member.Item2)));

    private static Gen<JsonValue> Array(int depth) =>
        from count in Gen.Choose(0, 3)
        from items in Value(depth, withNulls: true).ArrayOf(count)
        select (JsonValue)new JsonArray(items);

    private static IEnumerable<JsonValue> Smaller(JsonValue value) => value switch
    {
        JsonObject members => members.Names.Select(JsonValue (name) => members.Without(name))
            .Concat(members.Names.SelectMany(name => Smaller(members[name]!).Select(JsonValue (smaller) => members.With(name, smaller)))),
        JsonArray array => array.Items.Select(JsonValue (_, at) => new JsonArray([.. array.Items.Where((_, other) => other != at)])),
        _ => [],
    };
}
