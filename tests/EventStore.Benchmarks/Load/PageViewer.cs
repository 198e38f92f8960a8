using System.IO.Compression;
using System.Net;
using System.Text;
using System.Text.RegularExpressions;
using System.Threading.Channels;
using EventStore.Benchmarks.Machine;

namespace EventStore.Benchmarks.Load;

/// <summary>
/// Somebody who looks at the page, without a browser: signs in by the form, loads pages as a browser asks for them (compressed), and keeps
/// one live as the page's own script does.
/// </summary>
internal sealed partial class PageViewer : IDisposable
{
    private readonly HttpClient client;
    private readonly CancellationTokenSource left = new();
    private Task looking = Task.CompletedTask;

    private PageViewer(Uri server) =>
        client = new HttpClient(new SocketsHttpHandler { CookieContainer = new CookieContainer() }) { BaseAddress = server };

    /// <summary>How often a page that is live was loaded again.</summary>
    public int Loads { get; private set; }

    /// <summary>What went wrong while it looked.</summary>
    public string? Wrong { get; private set; }

    /// <summary>Told each page that was loaded again.</summary>
    public Action<string>? OnLoad { get; set; }

    /// <summary>Signs in.</summary>
    public static async Task<PageViewer> SignIn(Uri server, string token, CancellationToken stop)
    {
        var viewer = new PageViewer(server);
        string form = await viewer.client.GetStringAsync("/ui/sign-in", stop);
        var fields = new Dictionary<string, string>
        {
            ["token"] = token,
            ["form-token"] = FormToken().Match(form).Groups[1].Value,
            ["return"] = "/ui/",
        };
        using HttpResponseMessage answer = await viewer.client.PostAsync("/ui/sign-in", new FormUrlEncodedContent(fields), stop);
        if (!answer.IsSuccessStatusCode)
            throw new BenchmarkException($"signing in: {(int)answer.StatusCode}");
        viewer.client.DefaultRequestHeaders.Accept.ParseAdd("text/html");
        return viewer;
    }

    /// <summary>Loads a page, and says how many compressed bytes it is; those of an answer that is none are negative.</summary>
    public async Task<long> Load(string path, CancellationToken stop)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, path);
        request.Headers.AcceptEncoding.ParseAdd("gzip, deflate, br");
        using HttpResponseMessage answer = await client.SendAsync(request, stop);
        byte[] body = await answer.Content.ReadAsByteArrayAsync(stop);
        return answer.StatusCode == HttpStatusCode.OK ? body.Length : -(long)answer.StatusCode;
    }

    /// <summary>The addresses that a page loads besides.</summary>
    public async Task<string[]> FilesOf(string path, CancellationToken stop) =>
        [.. File().Matches(await client.GetStringAsync(path, stop)).Select(match => WebUtility.HtmlDecode(match.Groups[1].Value))
            .Distinct()];

    /// <summary>Looks at a live page from now on; returns once it is live.</summary>
    public async Task Look(string path, CancellationToken stop)
    {
        string page = await client.GetStringAsync(path, stop);
        string live = WebUtility.HtmlDecode(Live().Match(page).Groups[1].Value);
        HttpResponseMessage answer = await client.GetAsync(live, HttpCompletionOption.ResponseHeadersRead, stop);
        answer.EnsureSuccessStatusCode();
        looking = Task.WhenAll(Listen(answer, path));
    }

    public void Dispose()
    {
        left.Cancel();
        looking.Wait();
        left.Dispose();
        client.Dispose();
    }

    private async Task Listen(HttpResponseMessage answer, string path)
    {
        var told = Channel.CreateBounded<string>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropOldest });
        Task loading = LoadWhenTold(told.Reader, path);
        try
        {
            using (answer)
            {
                using var lines = new StreamReader(await answer.Content.ReadAsStreamAsync(left.Token), Encoding.UTF8);
                while (await lines.ReadLineAsync(left.Token) is { } line)
                {
                    if (line.StartsWith("data:", StringComparison.Ordinal))
                        told.Writer.TryWrite(line[5..].Trim());
                }
            }

            Wrong ??= "the stream ended";
        }
        catch (Exception e) when (e is OperationCanceledException or IOException or HttpRequestException)
        {
            Wrong ??= left.IsCancellationRequested ? null : e.Message;
        }

        told.Writer.Complete();
        await loading;
    }

    /// <summary>
    /// As page.js: the content alone, which says by its tag when it is the same. What comes compressed is read only where it is looked at.
    /// </summary>
    private async Task LoadWhenTold(ChannelReader<string> told, string path)
    {
        string? tag = null;
        try
        {
            await foreach (string revision in told.ReadAllAsync(left.Token))
            {
                using var request = new HttpRequestMessage(HttpMethod.Get, path);
                request.Headers.Add("Live-Revision", revision);
                request.Headers.AcceptEncoding.ParseAdd("gzip");
                if (tag is not null)
                    request.Headers.TryAddWithoutValidation("If-None-Match", tag);
                using HttpResponseMessage answer = await client.SendAsync(request, left.Token);
                byte[] body = await answer.Content.ReadAsByteArrayAsync(left.Token);
                if (answer.StatusCode is not (HttpStatusCode.OK or HttpStatusCode.NotModified))
                    Wrong ??= $"{(int)answer.StatusCode}";
                Loads++;
                tag = answer.Headers.ETag?.ToString() ?? tag;
                if (body.Length > 0)
                    OnLoad?.Invoke(await Text(body, answer.Content.Headers.ContentEncoding.Contains("gzip")));
            }
        }
        catch (Exception e) when (e is OperationCanceledException or IOException or HttpRequestException)
        {
            Wrong ??= left.IsCancellationRequested ? null : e.Message;
        }
    }

    private static async Task<string> Text(byte[] body, bool isCompressed)
    {
        using var bytes = new MemoryStream(body);
        using var text = new StreamReader(isCompressed ? new GZipStream(bytes, CompressionMode.Decompress) : bytes, Encoding.UTF8);
        return await text.ReadToEndAsync();
    }

    [GeneratedRegex("name=\"form-token\" value=\"([^\"]*)\"")]
    private static partial Regex FormToken();

    [GeneratedRegex("data-live=\"([^\"]+)\"")]
    private static partial Regex Live();

    [GeneratedRegex("(?:<link rel=\"(?:icon|stylesheet)\" href|<script src)=\"([^\"]+)\"")]
    private static partial Regex File();
}
