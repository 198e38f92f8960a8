namespace EventStore.Domain.Tests;

/// <summary>That <see cref="Scaling"/> can tell one pass from a pass for each item.</summary>
public sealed class Measured_scaling
{
    private static long met;

    [Fact]
    public void One_pass_is_one() => Scaling.IsOfOnePass(2000, count => () =>
    {
        for (int i = 0; i < count; i++)
            met++;
    });

    [Fact]
    public void Whatever_meets_each_with_all_others_is_not() =>
        Assert.ThrowsAny<Xunit.Sdk.XunitException>(() => Scaling.IsOfOnePass(200, count => () =>
        {
            for (int i = 0; i < count; i++)
            {
                for (int j = 0; j < count; j++)
                    met++;
            }
        }));
}
