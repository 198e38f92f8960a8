using System.Diagnostics;
using EventStore.Server.Access;

namespace EventStore.Server.Tests.Access;

/// <summary>
/// What a request costs to authorize depends on the caller's own rules in its namespace, not on how many others there are.
/// </summary>
public sealed class Many_rules
{
    private static readonly Caller Alice = new("alice", "", ["devs", Caller.Authenticated]);
    private static readonly AccessRequest Asked = new("delete", "kubeflow.org", "pytorchjobs", "", "ns-7", "x");

    [Theory]
    [InlineData(10)]
    [InlineData(50_000)]
    public void Only_the_callers_own_rules_of_the_namespace_are_looked_at(int others)
    {
        RoleBindings bindings = Bound(others);
        Assert.Equal(2, bindings.RulesOf(Alice, "ns-7").Count()); // the one of all namespaces, and the one of this
        Assert.Single(bindings.RulesOf(Alice, null));
        Assert.Single(bindings.RulesOf(new Caller("user-3", "", []), "ns-3"));
    }

    [Fact]
    public void A_thousand_times_the_bindings_do_not_cost_ten_times_as_much()
    {
        (RoleBindings few, RoleBindings many) = (Bound(50), Bound(50_000));
        // The best of several runs: what else the machine does only ever adds.
        (TimeSpan ofFew, TimeSpan ofMany) = (TimeSpan.MaxValue, TimeSpan.MaxValue);
        for (int run = 0; run < 20; run++)
            (ofFew, ofMany) = (Min(ofFew, Time(few)), Min(ofMany, Time(many)));
        Assert.True(ofMany < 10 * ofFew, $"{ofFew.TotalMicroseconds} and {ofMany.TotalMicroseconds} microseconds");
    }

    [Fact]
    public void A_caller_has_at_most_64_KiB_of_texts()
    {
        string[] groups = [.. Enumerable.Range(10, 64).Select(i => $"{i}{new string('g', 1022)}")];
        Assert.Null(new Caller("a", "", groups[1..]).Fault());
        Assert.Equal("name, uid, groups and extra have more than 65536 bytes together", new Caller("a", "", groups).Fault());
        Assert.Equal(
            "the extra value contains U+0000",
            (new Caller("a", "", []) { Extra = new Dictionary<string, IReadOnlyList<string>> { ["k"] = ["v\0"] } }).Fault());
        Assert.Equal("the uid has more than 1024 bytes", new Caller("a", new string('ü', 513), []).Fault());
    }

    private static TimeSpan Time(RoleBindings bindings)
    {
        var authorization = new Authorization(() => bindings);
        long started = Stopwatch.GetTimestamp();
        for (int i = 0; i < 200; i++)
            Assert.False(authorization.AllowsByRules(Alice, Asked));
        return Stopwatch.GetElapsedTime(started);
    }

    private static TimeSpan Min(TimeSpan a, TimeSpan b) => a < b ? a : b;

    /// <summary>A group of the caller's is bound in every namespace, and others have bindings too.</summary>
    private static RoleBindings Bound(int bindings)
    {
        var rule = new AccessRule(["get"]) { Groups = ["kubeflow.org"], Resources = ["pytorchjobs"] };
        Role[] roles = [new Role(null, "reader", [rule])];
        return new RoleBindings(roles,
        [
            new RoleBinding(null, null, "reader") { Users = ["alice"] },
            .. Enumerable.Range(0, bindings).Select(
                i => new RoleBinding($"ns-{i}", null, "reader") { Users = [$"user-{i}"], Groups = i % 2 == 1 ? ["devs"] : ["ops"] }),
        ]);
    }
}
