using EventStore.Server.Jobs;

namespace EventStore.Server.Tests.Jobs;

/// <summary>Which names a rollback of many takes, against the whole lists.</summary>
public sealed class Names_of_a_rollback
{
    [Fact]
    public void Are_in_pieces_those_that_live_and_those_that_are_gone()
    {
        var random = new Random(7);
        int shortPieces = 0;
        for (int run = 0; run < 20_000; run++)
        {
            int count = random.Next(1, 12), most = random.Next(1, 6);
            bool hasLimit = random.Next(2) == 0;
            // For each name: whether a selected job lived there then, and whether one lives now (0 none, 1 selected, 2 not).
            (string Name, bool Then, int Now)[] all =
                [.. Enumerable.Range(0, count).Select(i => ($"{(char)('a' + i)}", random.Next(2) == 0, random.Next(3)))];
            string[] expected = [.. all.Where(each => each.Now == 1 || (each is { Then: true, Now: 0 })).Select(each => each.Name)];

            var found = new List<string>();
            for (string? after = ""; after is not null;)
            {
                (IReadOnlyList<RollbackNames.Name> piece, string? next) = Piece(
                    [.. all.Where(each => string.CompareOrdinal(each.Name, after) > 0)], most, hasLimit);
                Assert.True(piece.Count <= most && (next is null || string.CompareOrdinal(next, after) > 0));
                Assert.All(piece, each => Assert.Equal(all.Single(one => one.Name == each.Text).Now == 1, each.Uid is not null));
                found.AddRange(piece.Select(each => each.Text));
                shortPieces += next is not null && piece.Count < most ? 1 : 0;
                after = next;
            }

            Assert.Equal(expected, found);
        }

        Assert.InRange(shortPieces, 1, 20_000); // more of then live on unselected than are held
    }

    private static (IReadOnlyList<RollbackNames.Name> Piece, string? Next) Piece(
        (string Name, bool Then, int Now)[] all, int most, bool hasLimit)
    {
        var names = new RollbackNames(most);
        foreach ((string name, _, _) in all.Where(each => each.Then))
        {
            if (!names.AddPast(name, 1))
                break;
        }

        foreach ((string name, _, int now) in all.Where(each => each.Now > 0))
        {
            names.AddLiving(name, now == 1, 1, Guid.Empty);
            if (hasLimit && names.Living > most)
                break;
        }

        return names.End();
    }
}
