namespace EventStore.Server.Store.Hosts;

/// <summary>
/// What was asked of a host and is waited for no more. It goes on by itself, and must not be disposed of meanwhile: of a host that hangs
/// that is when it answers, or when TCP gives up.
/// </summary>
internal static class AbandonedTask
{
    /// <summary>Closes, once it has ended, what it opened. Why it failed is of no interest any more.</summary>
    public static async Task Close<T>(Task<T> asked)
    {
        await ((Task)asked).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (asked.IsCompletedSuccessfully && asked.Result is IAsyncDisposable late)
            await late.DisposeAsync();
    }

    /// <summary>Closes, once it has ended, what it used and nobody else does then.</summary>
    public static async Task Close(Task asked, params IAsyncDisposable?[] used)
    {
        await asked.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        foreach (IAsyncDisposable? each in used)
        {
            if (each is not null)
                await each.DisposeAsync();
        }
    }
}
