using System.Text.Json;
using EventStore.Benchmarks.Load;

namespace EventStore.Benchmarks.Machine;

/// <summary>This program once more, as a process whose CPU time can be told apart.</summary>
internal static class Self
{
    /// <summary>Runs one of the hidden verbs.</summary>
    /// <param name="verb">The verb.</param>
    /// <param name="order">What it reads, as JSON.</param>
    /// <param name="progress">Told its progress.</param>
    /// <param name="stop">Ends it early.</param>
    public static async Task<Measured> Run<TOrder>(string verb, TOrder order, Action<long, long>? progress, CancellationToken stop)
    {
        string? result = null;
        await using Child child = Child.Start(
            ["dotnet", typeof(Self).Assembly.Location, verb], Environment(verb), JsonSerializer.Serialize(order), line =>
            {
                if (line.StartsWith('{'))
                    result = line;
                else if (line.Split('/') is [var done, var total] && long.TryParse(done, out long doneCount)
                    && long.TryParse(total, out long totalCount))
                    progress?.Invoke(doneCount, totalCount);
            });
        int exitCode = await child.Ended.WaitAsync(stop);
        return exitCode == 0 && result is not null
            ? JsonSerializer.Deserialize<Measured>(result)!
            : throw new BenchmarkException($"{verb} failed with {exitCode}:\n{child.Output}");
    }

    private static IReadOnlyDictionary<string, string>? Environment(string verb) => verb == Generator.Verb ? Generator.Environment : null;
}
