using EventStore.Server.Hosting;

namespace EventStore.Server.Cli;

/// <summary><c>health</c>: is the server ready? For container engines whose image has no HTTP client.</summary>
internal static class Health
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    public static async Task<int> Run(CommandLine line)
    {
        await using Terminal terminal = Terminal.Open(line);
        string url = terminal.Configuration["urls"]?.Split(';')[0] ?? Settings.DefaultUrl;
        var ready = new Uri(new Uri(url.Replace("//*", "//127.0.0.1", StringComparison.Ordinal)
            .Replace("//+", "//127.0.0.1", StringComparison.Ordinal).Replace("//0.0.0.0", "//127.0.0.1", StringComparison.Ordinal)), "/readyz");
        using var client = new HttpClient { Timeout = Patience };
        try
        {
            using HttpResponseMessage answer = await client.GetAsync(ready, terminal.Stop);
            Terminal.Say(await answer.Content.ReadAsStringAsync(terminal.Stop));
            return answer.IsSuccessStatusCode ? 0 : 1;
        }
        catch (Exception e) when (e is HttpRequestException or TaskCanceledException)
        {
            Terminal.Say($"{ready}: {e.Message}");
            return 1;
        }
    }
}
