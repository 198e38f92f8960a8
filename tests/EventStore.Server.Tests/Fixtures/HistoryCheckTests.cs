namespace EventStore.Server.Tests.Fixtures;

/// <summary>The checker must see each kind of fault, and none where there is none.</summary>
public sealed class HistoryCheckTests
{
    /// <summary>Creations of a and b at 2 and 3, and a's writes of 4 and 6, b's of 5.</summary>
    private static readonly StoredWrite[] Stored =
        [new("a", 2, null), new("b", 3, null), new("a", 4, "x"), new("b", 5, "y"), new("a", 6, "z")];

    private static readonly Operation X = new("a", OperationResult.Done, 10, 20, "x", 2, 4);
    private static readonly Operation Y = new("b", OperationResult.Done, 10, 30, "y", null, 5);
    private static readonly Operation Z = new("a", OperationResult.Done, 25, 40, "z", 4, 6);

    [Fact]
    public void A_history_that_has_an_order_has_no_fault() => Faults(
        [
            X, Y, Z,
            Read("a", 1, 5, null, 2), Read("a", 11, 19, null, 2), Read("a", 11, 19, "x", 4), // beside the write: either
            Read("a", 21, 45, "x", 4), Read("a", 41, 42, "z", 6), Read("b", 29, 31, null, 3),
            new("a", OperationResult.Conflict, 12, 22, "w", 2), new("a", OperationResult.NotDone, 12, 22, "n"),
            new("a", OperationResult.Open, 12, 22, "o"),
        ]);

    [Fact]
    public void A_write_that_is_left_open_may_be_there_at_any_later_time() =>
        Faults([X, Y, Z with { Result = OperationResult.Open, Began = 21, Ended = 22, Revision = 0 }, Read("a", 50, 51, "x", 4), Read(
            "a", 52, 53, "z", 6)]);

    [Fact]
    public void An_answered_write_that_is_not_there_is_lost() =>
        Faults([X, Y, Z, new("a", OperationResult.Done, 50, 60, "w", null, 7)], FaultKind.Lost);

    [Fact]
    public void What_was_read_and_is_not_there_is_lost() =>
        Faults([X, Y, Z, new("a", OperationResult.Open, 45, 46, "w"), Read("a", 50, 60, "w", 7)], FaultKind.Lost);

    [Fact]
    public void A_write_may_be_there_once() => Faults([X, Y, Z], [.. Stored, new("a", 7, "z")], FaultKind.Doubled, FaultKind.WrongBase);

    [Fact]
    public void A_write_without_a_condition_may_be_there_once() => Faults([X, Y, Z], [.. Stored, new("b", 7, "y")], FaultKind.Doubled);

    [Fact]
    public void A_write_that_was_answered_as_not_done_is_not_there() =>
        Faults([X, Y with { Result = OperationResult.NotDone, Revision = 0 }, Z], FaultKind.NotAsked);

    [Fact]
    public void A_write_that_was_refused_is_not_there() =>
        Faults([X, Y, Z with { Result = OperationResult.Conflict, Sent = 2, Revision = 0 }], FaultKind.NotAsked);

    [Fact]
    public void What_is_there_was_asked_for() => Faults([X, Y, Z], [.. Stored, new("b", 7, "w")], FaultKind.NotAsked);

    [Fact]
    public void A_revision_means_one_thing() => Faults(
        [X, Y, Z, new("a", OperationResult.Open, 15, 18, "w"), Read("a", 15, 19, "w", 4), Read("b", 25, 35, "x", 4)], FaultKind.TwoMeanings,
        FaultKind.TwoMeanings);

    [Fact]
    public void A_write_comes_behind_what_was_answered_before_it_began_of_other_jobs_too() =>
        Faults([X with { Began = 31, Ended = 35 }, Y, Z with { Began = 36 }], FaultKind.Reordered);

    [Fact]
    public void A_write_that_is_left_open_comes_behind_what_was_answered_before_it_began() =>
        Faults(
            [X with { Result = OperationResult.Open, Began = 31, Ended = 35, Revision = 0 }, Y, Z with { Began = 36 }],
            FaultKind.Reordered);

    [Fact]
    public void A_read_shows_no_write_that_begins_later() => Faults([X, Y, Z, Read("a", 21, 24, "z", 6)], FaultKind.Reordered);

    [Fact]
    public void A_read_shows_what_was_answered_before_it_began() => Faults([X, Y, Z, Read("a", 41, 50, "x", 4)], FaultKind.Stale);

    [Fact]
    public void A_read_shows_what_another_read_has_shown() =>
        Faults([X, Y, Z, Read("a", 26, 28, "z", 6), Read("a", 29, 30, "x", 4)], FaultKind.Stale);

    [Fact]
    public void A_read_is_not_older_than_what_was_read_of_another_job() =>
        Faults([X, Y with { Ended = 80 }, Z, Read("b", 26, 28, "y", 5), Read("a", 29, 30, null, 2)], FaultKind.Stale);

    [Fact]
    public void A_write_is_done_upon_the_revision_that_it_required() => Faults([X, Y, Z with { Sent = 2 }], FaultKind.WrongBase);

    [Fact]
    public void A_revision_is_required_with_success_once() =>
        Faults([X, Y, Z, new("a", OperationResult.Done, 50, 60, "w", 4, 7)], [.. Stored, new("a", 7, "w")], FaultKind.WrongBase);

    [Fact]
    public void A_write_is_refused_only_where_somebody_was_faster() => Faults(
        [X, Y, Z, new("a", OperationResult.Conflict, 50, 60, "v", 6), new("a", OperationResult.Conflict, 20, 24, "w", 4)],
        FaultKind.FalseConflict, FaultKind.FalseConflict);

    /// <summary>
    /// Histories that a store without faults would give: each request takes effect at one moment between its beginning and its end.
    /// </summary>
    [Fact]
    public void Of_random_histories_it_accepts_what_is_linearizable_and_finds_each_read_that_went_back()
    {
        for (int seed = 0; seed < 200; seed++)
        {
            var random = new Random(seed);
            (List<Operation> history, List<StoredWrite> stored) = Linearizable(random);
            Assert.Equal([], HistoryCheck.Faults(history, stored));

            // A read that shows what the job was before a write that had been answered.
            Operation[] old = [.. history.Where(each => each.Result == OperationResult.Done && stored.Exists(
                write => write.Job == each.Job && write.Revision < each.Revision))];
            Operation later = old[random.Next(old.Length)];
            StoredWrite before = stored.Where(write => write.Job == later.Job && write.Revision < later.Revision)
                .MaxBy(write => write.Revision)!;
            history.Add(Read(later.Job, later.Ended + 1, later.Ended + 2, before.Value, before.Revision));
            Assert.Equal(FaultKind.Stale, Assert.Single(HistoryCheck.Faults(history, stored)).Kind);
        }
    }

    private static (List<Operation> History, List<StoredWrite> Stored) Linearizable(Random random)
    {
        List<Operation> history = [];
        List<StoredWrite> stored = [new("a", 1, null), new("b", 2, null)];
        for (int i = 1; i < 60; i++)
        {
            string job = random.Next(2) == 0 ? "a" : "b";
            long at = i * 1000, began = at - random.Next(1, 5000), ended = at + random.Next(1, 5000);
            StoredWrite current = stored.Last(each => each.Job == job);
            switch (random.Next(5))
            {
                case < 2:
                    history.Add(Read(job, began, ended, current.Value, current.Revision));
                    break;
                case 2:
                    history.Add(new Operation(job, OperationResult.Open, began, Math.Min(ended, began + 10), $"v{i}"));
                    if (random.Next(2) == 0)
                        stored.Add(new StoredWrite(job, stored[^1].Revision + 1, $"v{i}"));
                    break;
                default:
                    stored.Add(new StoredWrite(job, stored[^1].Revision + random.Next(1, 3), $"v{i}"));
                    history.Add(new Operation(
                        job, OperationResult.Done, began, ended, $"v{i}", random.Next(2) == 0 ? current.Revision : null,
                        stored[^1].Revision));
                    break;
            }
        }

        return (history, stored);
    }

    private static Operation Read(string job, long began, long ended, string? value, long revision) =>
        new(job, OperationResult.Seen, began, ended, value, Revision: revision);

    private static void Faults(Operation[] history, params FaultKind[] expected) => Faults(history, Stored, expected);

    private static void Faults(Operation[] history, StoredWrite[] stored, params FaultKind[] expected) =>
        Assert.Equal(expected, HistoryCheck.Faults(history, stored).Select(fault => fault.Kind).Order());
}
