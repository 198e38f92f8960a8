using System.Text.Json;

namespace EventStore.Benchmarks.Load;

/// <summary>
/// The load generator's side of the pipe: a process of its own, so that its CPU time is told apart from the rest. It reads what to do
/// from standard input and writes lines to standard output: progress, and at the end the result.
/// </summary>
internal static class Generator
{
    /// <summary>The hidden verb.</summary>
    public const string Verb = "generate-load";

    /// <summary>What its process runs with: answers are handled on the one thread that hears of them, without a hop to another.</summary>
    public static readonly IReadOnlyDictionary<string, string> Environment = new Dictionary<string, string>
    {
        ["DOTNET_SYSTEM_NET_SOCKETS_INLINE_COMPLETIONS"] = "1",
        ["DOTNET_SYSTEM_NET_SOCKETS_THREAD_COUNT"] = "1",
    };

    public static async Task<int> Run()
    {
        LoadSpec spec = JsonSerializer.Deserialize<LoadSpec>(await Console.In.ReadToEndAsync())!;
        Measured measured = spec.Kind == LoadKind.Watch ? await WatchLoad.Run(spec) : await ClosedLoop.Run(spec, Tell);
        await Console.Out.WriteLineAsync(JsonSerializer.Serialize(measured));
        return 0;
    }

    private static void Tell(long done, long total) => Console.Out.WriteLine($"{done}/{total}");
}
