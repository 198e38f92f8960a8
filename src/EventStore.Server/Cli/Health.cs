using EventStore.Server.Hosting;

namespace EventStore.Server.Cli;

/// <summary><c>health</c>: asks the server whether it is ready, for container engines whose image has no HTTP client.</summary>
internal static class Health
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    public static async Task<int> Run(VerbRun run)
    {
        var ready = new Uri(new Uri(Addresses.Local(run.Settings.Urls.FirstOrDefault(Settings.DefaultUrl))), "/readyz");
        // No certificate check: the request holds no secret and the answer is not kept, and the certificate may be self-signed or
        // for another name.
        using var trusting = new HttpClientHandler
        {
            ServerCertificateCustomValidationCallback = HttpClientHandler.DangerousAcceptAnyServerCertificateValidator,
        };
        using var client = new HttpClient(trusting) { Timeout = Patience };
        try
        {
            using HttpResponseMessage answer = await client.GetAsync(ready, run.Stop);
            VerbRun.Say(await answer.Content.ReadAsStringAsync(run.Stop));
            return answer.IsSuccessStatusCode ? 0 : 1;
        }
        catch (Exception e) when (e is HttpRequestException or TaskCanceledException)
        {
            VerbRun.Say($"{ready}: {e.Message}");
            return 1;
        }
    }
}
