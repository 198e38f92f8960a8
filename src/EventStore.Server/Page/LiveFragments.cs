using System.Collections.Concurrent;
using System.Globalization;
using EventStore.Server.Kubernetes;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Caching.Memory;

namespace EventStore.Server.Page;

/// <summary>
/// The content of live pages, made once for all who look at the same page with the same rights: requests that arrive while it is made share
/// it (single flight), and it is cached for two seconds, bounded in bytes. Each request names the last revision that its page was notified
/// of, and is given nothing older.
/// </summary>
internal sealed class LiveFragments : IDisposable
{
    /// <summary>How many bytes are kept at most.</summary>
    internal const int BytesMax = 4 << 20;

    // A header that only the page's script sends: the last revision that the page was notified of.
    private const string KnownRevision = "Live-Revision";

    // What is not of the history, such as the age of what is shown, may be so old.
    private static readonly TimeSpan KeptFor = TimeSpan.FromSeconds(2);

    private readonly MemoryCache kept = new(new MemoryCacheOptions { SizeLimit = BytesMax });
    private readonly ConcurrentDictionary<string, Task<LiveFragment>> inFlight = new();

    /// <summary>How many are kept.</summary>
    internal int Kept => kept.Count;

    /// <summary>Whether only the content of a page is asked for, by a page that is open.</summary>
    public static bool IsAsked(HttpContext http) => http.Request.Headers.ContainsKey(KnownRevision);

    /// <summary>Answers with a page, or with its content where only that is asked for.</summary>
    /// <param name="http">The request.</param>
    /// <param name="rights">The rights of the reader on which the page depends.</param>
    /// <param name="make">Makes the page, and says at which revision it stands.</param>
    public static async Task<IResult> Show(HttpContext http, object rights, Func<Task<(IResult Page, long Head)>> make)
    {
        if (!IsAsked(http))
            return (await make()).Page;
        if (!long.TryParse(http.Request.Headers[KnownRevision], NumberStyles.None, CultureInfo.InvariantCulture, out long known))
            return Status.BadRequest($"{KnownRevision} is the number of a revision");
        HttpRequest request = http.Request;
        string key = $"{request.Scheme}://{request.Host}{request.Path}{request.QueryString}\n{rights}";
        return await http.RequestServices.GetRequiredService<LiveFragments>().Get(key, known, () => Make(http, make), http.RequestAborted);
    }

    /// <summary>The content of a page that stands at this revision or a later one.</summary>
    internal async Task<LiveFragment> Get(string key, long atLeast, Func<Task<LiveFragment>> make, CancellationToken stop)
    {
        while (true)
        {
            if (kept.TryGetValue(key, out LiveFragment? known) && known!.Head >= atLeast)
                return known;
            var mine = new TaskCompletionSource<LiveFragment>(TaskCreationOptions.RunContinuationsAsynchronously);
            Task<LiveFragment> making = inFlight.GetOrAdd(key, mine.Task);
            if (making == mine.Task)
                return await Make(key, mine, make);
            await ((Task)making).WaitAsync(stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing); // whoever made it may have left
            stop.ThrowIfCancellationRequested();
            if (making.IsCompletedSuccessfully && (await making).Head >= atLeast)
                return await making;
        }
    }

    /// <inheritdoc/>
    public void Dispose() => kept.Dispose();

    private async Task<LiveFragment> Make(string key, TaskCompletionSource<LiveFragment> mine, Func<Task<LiveFragment>> make)
    {
        try
        {
            LiveFragment made = await make();
            long bytes = made.Bytes + (2L * key.Length);
            kept.Set(key, made, new MemoryCacheEntryOptions { Size = bytes, AbsoluteExpirationRelativeToNow = KeptFor });
            mine.SetResult(made);
            return made;
        }
        catch (Exception e)
        {
            mine.SetException(e);
            _ = mine.Task.Exception; // it is thrown here, whether or not somebody waits
            throw;
        }
        finally
        {
            inFlight.TryRemove(key, out _);
        }
    }

    /// <summary>Makes the page as if it were to be sent, but into memory.</summary>
    private static async Task<LiveFragment> Make(HttpContext http, Func<Task<(IResult Page, long Head)>> make)
    {
        (IResult page, long head) = await make();
        IHttpResponseBodyFeature sending = http.Features.GetRequiredFeature<IHttpResponseBodyFeature>();
        using var html = new MemoryStream();
        try
        {
            var buffer = new StreamResponseBodyFeature(html);
            http.Features.Set<IHttpResponseBodyFeature>(buffer);
            await page.ExecuteAsync(http);
            await buffer.CompleteAsync();
        }
        finally
        {
            http.Features.Set(sending);
        }

        return LiveFragment.Of(head, html.ToArray(), http.Response.StatusCode);
    }
}
