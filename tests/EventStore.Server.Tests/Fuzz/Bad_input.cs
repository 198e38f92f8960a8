using System.Diagnostics;
using EventStore.Server.Tests.Fixtures;
using Xunit.Abstractions;

namespace EventStore.Server.Tests.Fuzz;

/// <summary>
/// Damaged patches and selectors are refused in time, with a Status, and change nothing they may not change. Some thousand whenever the
/// tests run; <c>FUZZ_INPUTS=1000000</c> and <c>FUZZ_REQUESTS=20000</c> for many more.
/// </summary>
[Trait("Category", "Slow")]
public sealed class Bad_input(ITestOutputHelper output)
{
    private static readonly int Count = Rounds.Of("FUZZ_INPUTS", 5000);
    private static readonly int Requests = Rounds.Of("FUZZ_REQUESTS", 300);
    private static readonly TimeSpan Hang = TimeSpan.FromSeconds(10); // a machine may be slow, but not so slow

    private static readonly string[] MediaTypes =
        ["application/merge-patch+json", "application/json", "application/json-patch+json", "application/merge-patch+json; charset=utf-8",
            "text/plain", "*/*"];

    private static readonly string[] Parameters = ["labelSelector", "fieldSelector", "continue", "resourceVersion"];

    [Fact]
    public void Of_patches_is_decided_in_time_and_changes_nothing_but_the_five_fields()
    {
        (int accepted, int refused) = (0, 0);
        var clock = Stopwatch.StartNew();
        foreach (byte[] input in Inputs.Of("patches", Count))
        {
            Verdict verdict = default;
            Within(input, () => verdict = Judge.Patch(input));
            accepted += verdict.Accepted;
            refused += verdict.Refused;
        }

        Assert.True(accepted > 0 && refused > 0, "the inputs are all of one kind, so nothing is shown");
        output.WriteLine(
            $"{Count} patches in {clock.Elapsed.TotalSeconds:0.0} s: {refused} verdicts were refusals, {accepted} made an event");
    }

    [Fact]
    public void Of_selectors_is_read_or_refused_in_time()
    {
        (int read, int refused) = (0, 0);
        var clock = Stopwatch.StartNew();
        foreach (byte[] input in Inputs.Of("selectors", Count))
        {
            Verdict verdict = default;
            Within(input, () => verdict = Judge.Selector(input));
            read += verdict.Accepted;
            refused += verdict.Refused;
        }

        Assert.True(read > 0 && refused > 0, "the inputs are all of one kind, so nothing is shown");
        output.WriteLine(
            $"{Count} selectors in {clock.Elapsed.TotalSeconds:0.0} s: {read} times one was read, {refused} times it was refused");
    }

    [Fact]
    public async Task On_the_wire_is_never_a_fault_of_the_server()
    {
        await using Target target = await Target.Start();
        var clock = Stopwatch.StartNew();
        using IEnumerator<byte[]> selectors = Inputs.Of("selectors", Requests).GetEnumerator();
        foreach ((byte[] input, int i) in Inputs.Of("patches", Requests).Select((input, i) => (input, i)))
        {
            string part = i % 5 == 0 ? "/status" : i % 7 == 0 ? "?dryRun=All" : string.Empty;
            await target.Send(
                i % 11 == 0 ? HttpMethod.Put : HttpMethod.Patch, part, input, MediaTypes[i % 4 == 3 ? i / 4 % MediaTypes.Length : 0]);
            if (selectors.MoveNext())
                await target.Ask(Parameters[i % Parameters.Length], selectors.Current);
        }

        await target.AssertUnharmed();
        output.WriteLine($"{target.Summary} in {clock.Elapsed.TotalSeconds:0.0} s");
    }

    [Fact]
    public async Task That_was_kept_is_on_the_wire_a_client_s_mistake_whatever_it_is_sent_as()
    {
        await using Target target = await Target.Start();
        foreach (byte[] patch in Inputs.Corpus("patches"))
        {
            await target.Send(HttpMethod.Patch, string.Empty, patch, MediaTypes[0]);
            await target.Send(HttpMethod.Patch, "/status", patch, MediaTypes[0]);
            await target.Send(HttpMethod.Put, "?dryRun=All", patch, "application/json");
        }

        foreach (byte[] selector in Inputs.Corpus("selectors"))
        {
            foreach (string parameter in Parameters.SkipLast(1)) // the last is a revision, and one to come is waited for
                await target.Ask(parameter, selector);
        }

        await target.AssertUnharmed();
        output.WriteLine(target.Summary);
    }

    private static void Within(byte[] input, Action act)
    {
        long started = Stopwatch.GetTimestamp();
        try
        {
            act();
        }
        catch (Exception e)
        {
            Assert.Fail($"{e}\n{Inputs.Show(input)}");
        }

        Assert.True(Stopwatch.GetElapsedTime(started) < Hang, $"it took {Stopwatch.GetElapsedTime(started)}\n{Inputs.Show(input)}");
    }
}
