using System.Diagnostics;

namespace EventStore.Benchmarks.Report;

/// <summary>On a terminal a bar; elsewhere a line now and then.</summary>
internal sealed class ProgressBar(string doing)
{
    private const int Width = 40;
    private long shown;

    public void Show(long done, long total)
    {
        bool terminal = !Console.IsErrorRedirected;
        if (done < total && shown != 0 && Stopwatch.GetElapsedTime(shown) < TimeSpan.FromSeconds(terminal ? 0.1 : 5))
            return;
        shown = Stopwatch.GetTimestamp();
        if (!terminal)
        {
            Console.Error.WriteLine($"{doing}: {done} of {total}");
            return;
        }

        int full = (int)(Width * done / Math.Max(1, total));
        Console.Error.Write($"\r[{new string('#', full)}{new string('.', Width - full)}] {doing}{(done == total ? "\n" : string.Empty)}");
    }
}
