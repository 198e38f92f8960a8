using System.Globalization;
using System.Net.Http.Headers;
using System.Text.Json;
using EventStore.Server.Tests.Fixtures;

namespace EventStore.Server.Tests.Watch;

/// <summary>One watch as a client has it: an answer without end, a frame on each line.</summary>
internal sealed class WatchClient : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    private readonly HttpResponseMessage answer;
    private readonly StreamReader lines;

    private WatchClient(HttpResponseMessage answer, Stream body) => (this.answer, lines) = (answer, new StreamReader(body));

    /// <summary>The answer's headers.</summary>
    public HttpResponseMessage Answer => answer;

    /// <summary>Opens a watch.</summary>
    /// <param name="client">Who asks.</param>
    /// <param name="path">The collection.</param>
    /// <param name="query">More than <c>watch=true</c>: <c>resourceVersion=5&amp;…</c>.</param>
    /// <param name="accept">The form of the objects, if not JSON.</param>
    public static async Task<WatchClient> Open(HttpClient client, string path, string query = "", string? accept = null)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, $"{path}?watch=true&{query}");
        if (accept is not null)
            request.Headers.Accept.Add(MediaTypeWithQualityHeaderValue.Parse(accept));
        HttpResponseMessage answer = await client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
        if (!answer.IsSuccessStatusCode)
        {
            using (answer)
                throw new HttpRequestException(await answer.Content.ReadAsStringAsync(), null, answer.StatusCode);
        }

        return new WatchClient(answer, await answer.Content.ReadAsStreamAsync());
    }

    /// <summary>The next frame; null when the watch has ended properly. A broken connection is an <see cref="IOException"/>.</summary>
    public async Task<Frame?> Next()
    {
        using var patience = new CancellationTokenSource(Patience);
        string? line = await lines.ReadLineAsync(patience.Token);
        if (line is null)
            return null;
        using JsonDocument frame = JsonDocument.Parse(line);
        JsonElement shown = frame.RootElement.GetProperty("object");
        long revision = shown.TryGetProperty("metadata", out JsonElement metadata) && metadata.TryGetProperty(
            "resourceVersion", out JsonElement number)
            ? long.Parse(number.GetString()!, CultureInfo.InvariantCulture)
            : 0;
        return new Frame(frame.RootElement.GetProperty("type").GetString()!, revision, shown.GetRawText());
    }

    /// <summary>The next frames, so many of them.</summary>
    public async Task<List<Frame>> Next(int count)
    {
        var frames = new List<Frame>();
        while (frames.Count < count)
            frames.Add(await Next() ?? throw new EndOfStreamException($"the watch ended after {frames.Count} frames"));
        return frames;
    }

    /// <summary>All frames to the end.</summary>
    public async Task<List<Frame>> ToEnd()
    {
        var frames = new List<Frame>();
        while (await Next() is { } frame)
            frames.Add(frame);
        return frames;
    }

    public ValueTask DisposeAsync()
    {
        lines.Dispose();
        answer.Dispose();
        return ValueTask.CompletedTask;
    }
}
