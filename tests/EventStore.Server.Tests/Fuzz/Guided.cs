using SharpFuzz;

namespace EventStore.Server.Tests.Fuzz;

/// <summary>
/// The same inputs and the same judge, but afl-fuzz chooses: it keeps what reaches code that nothing before it reached, and damages that
/// further. <c>Fuzz/guided.sh</c> runs it, on assemblies that SharpFuzz has made to tell which way was taken; what it finds is kept in the
/// corpus.
/// </summary>
internal static class Guided
{
    /// <summary>Judges what afl-fuzz sends until that ends the process.</summary>
    /// <param name="kind">The folder of the corpus.</param>
    public static int Run(string kind)
    {
        Func<byte[], Verdict> judge = kind == "patches" ? Judge.Patch : Judge.Selector;
        Fuzzer.OutOfProcess.Run(input =>
        {
            using var bytes = new MemoryStream();
            input.CopyTo(bytes);
            judge(bytes.ToArray());
        });
        return 0;
    }
}
