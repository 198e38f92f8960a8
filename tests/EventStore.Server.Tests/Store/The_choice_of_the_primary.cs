using EventStore.Server.Store.Hosts;

namespace EventStore.Server.Tests.Store;

/// <summary>Which of several hosts is written to, by what each was found to be.</summary>
public sealed class The_choice_of_the_primary
{
    private static readonly HostState Standby = new(HostKind.Standby), Hangs = new(HostKind.Hangs), ReadOnly = new(HostKind.ReadOnly);

    [Fact]
    public void Is_the_one_that_takes_writes()
    {
        Assert.Equal(1, PrimaryChoice.Of([Standby, Primary(1), Hangs], 0, null));
        Assert.Equal(1, PrimaryChoice.Of([ReadOnly, Primary(1)], 0, new Lineage(7, 1)));
        Assert.Null(PrimaryChoice.Of([Standby, Hangs, ReadOnly], 0, null));
    }

    [Fact]
    public void Is_never_a_former_primary_that_was_not_made_a_standby()
    {
        Assert.Equal(1, PrimaryChoice.Of([Primary(1), Primary(2)], 0, new Lineage(7, 1)));
        Assert.Equal(0, PrimaryChoice.Of([Primary(3), Primary(2)], 1, null));
        Assert.Null(PrimaryChoice.Of([Primary(1), Hangs], 1, new Lineage(7, 2))); // also while nobody else is there
    }

    [Fact]
    public void Is_never_a_primary_of_another_cluster() =>
        Assert.Null(PrimaryChoice.Of([Hangs, new HostState(HostKind.Primary) { Lineage = new Lineage(8, 5) }], 0, new Lineage(7, 1)));

    [Fact]
    public void Stays_where_it_is_among_names_of_one_server()
    {
        Assert.Equal(1, PrimaryChoice.Of([Primary(1), Primary(1)], 1, new Lineage(7, 1)));
        Assert.Equal(0, PrimaryChoice.Of([Primary(1), Primary(1)], 0, new Lineage(7, 1)));
    }

    private static HostState Primary(long timeline) => new(HostKind.Primary) { Lineage = new Lineage(7, timeline) };
}
