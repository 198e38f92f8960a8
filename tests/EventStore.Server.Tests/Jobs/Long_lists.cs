using System.IO.Compression;
using System.Net;
using System.Text.Json.Nodes;
using EventStore.Server.Tests.Fixtures;

namespace EventStore.Server.Tests.Jobs;

/// <summary>A list may be longer than the server's memory, and its reader slower than anybody should wait for.</summary>
[Trait("Category", "Slow")]
public sealed class Long_lists : IAsyncLifetime
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    private TestDatabase database = null!;

    public async Task InitializeAsync()
    {
        database = await TestDatabase.Create();
        await ManyJobs.Insert(database, count: 10_000, bytesEach: 20_000);
    }

    public async Task DisposeAsync() => await database.DisposeAsync();

    [Fact]
    public async Task Are_streamed_from_the_database_to_the_client()
    {
        // A heap of 100 MB for a list of 200 MB.
        await using ServerProcess server = await ServerProcess.Start(database.Serving, [("DOTNET_GCHeapHardLimit", "0x6400000")]);
        foreach (string query in (string[])["", "?labelSelector=!team"])
        {
            using HttpResponseMessage answer = await server.Admin.GetAsync(
                Sample.Jobs(ManyJobs.Namespace) + query, HttpCompletionOption.ResponseHeadersRead);
            await using Stream body = await answer.Content.ReadAsStreamAsync();
            Assert.True(await Length(body) > 200_000_000);
        }
    }

    [Fact]
    public async Task Cost_a_page_no_more_than_the_page()
    {
        await using ServerProcess server = await ServerProcess.Start(database.Serving);
        long before = await RowsRead();
        foreach (string query in (string[])["limit=10", "limit=10&labelSelector=!team"])
        {
            JsonNode page = await server.Admin.Get($"{Sample.Jobs(ManyJobs.Namespace)}?{query}");
            Assert.Equal(10, page["items"]!.AsArray().Count);
        }

        // PostgreSQL counts what a session read when the session ends at the latest.
        await server.Stop();
        await Eventually.Equal(
            0, () => database.Ask<long>($"SELECT count(*) FROM pg_stat_activity WHERE usename = '{database.ServingRoleName}'"),
            within: Patience);
        await Eventually.Holds(RowsRead, read => read > before, "rows that were read", within: Patience);
        // Counting the remaining ones looks at each row once; reading them all, for one page or both, would be as much again.
        Assert.InRange(await RowsRead() - before, 20, 12_000);
    }

    [Fact]
    public async Task Are_broken_off_when_the_client_does_not_read_and_give_their_snapshot_back()
    {
        await using ServerProcess server = await ServerProcess.Start(database.Serving, "--Lists:Duration=00:00:02");
        using StalledClient list = await StalledClient.Get(server.Url, Sample.Jobs(ManyJobs.Namespace));
        using StalledClient watch = await StalledClient.Get(server.Url, Sample.Jobs(ManyJobs.Namespace) + "?watch=true");
        await Eventually.Equal(2, Transactions, within: Patience);

        await Eventually.Equal(0, Transactions, within: Patience);

        foreach (StalledClient client in (StalledClient[])[list, watch])
        {
            (_, bool broken) = await client.ReadToEnd();
            Assert.True(broken, "half a list was given a proper end");
        }
    }

    /// <summary>Fifty thousand namespaces of a job each: no list of the API is put together in memory.</summary>
    [Fact]
    public async Task Of_namespaces_are_streamed_and_compressed_in_every_form()
    {
        await using TestDatabase many = await TestDatabase.Create();
        await ManyJobs.Insert(many, count: 50_000, bytesEach: 1);
        await many.Execute("UPDATE eventstore.mt_doc_current_job SET namespace = namespace || '-' || revision");
        await using ServerProcess server = await ServerProcess.Start(many.Serving);
        foreach (string accept in (string[])["application/json", "application/yaml", "application/json;as=Table;v=v1;g=meta.k8s.io",
            "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io"])
        {
            // Its length is not known when it begins.
            using HttpResponseMessage plain = await Get(server, "/api/v1/namespaces", accept, gzip: false);
            Assert.Equal((true, null), (plain.Headers.TransferEncodingChunked, plain.Content.Headers.ContentLength));
            string text = await plain.Content.ReadAsStringAsync();
            Assert.Equal(50_001, text.Split("kubernetes.io/metadata.name").Length - 1);
            using HttpResponseMessage zipped = await Get(server, "/api/v1/namespaces", accept, gzip: true);
            Assert.Equal("gzip", zipped.Content.Headers.ContentEncoding.Single());
            await using var unzipped = new GZipStream(await zipped.Content.ReadAsStreamAsync(), CompressionMode.Decompress);
            Assert.Equal(text, await new StreamReader(unzipped).ReadToEndAsync());
            using HttpResponseMessage one = await Get(
                server, "/api/v1/namespaces?fieldSelector=metadata.name=many-7", accept, gzip: true);
            Assert.Empty(one.Content.Headers.ContentEncoding);
        }
    }

    [Fact]
    public async Task That_cannot_begin_are_a_503_and_nothing_else()
    {
        await using ServerProcess server = await ServerProcess.Start(database.Serving + ";Options=-c statement_timeout=500");
        await using Npgsql.NpgsqlConnection locking = await database.OwnerSource.OpenConnectionAsync();
        await using Npgsql.NpgsqlTransaction transaction = await locking.BeginTransactionAsync();
        await using (var command = new Npgsql.NpgsqlCommand("LOCK TABLE eventstore.mt_doc_current_job", locking))
            await command.ExecuteNonQueryAsync();

        foreach (string query in (string[])["", "?watch=true"])
        {
            using HttpResponseMessage answer = await server.Admin.GetAsync(Sample.Jobs(ManyJobs.Namespace) + query);
            Assert.Equal(HttpStatusCode.ServiceUnavailable, answer.StatusCode);
            Assert.Equal("Status", (string)JsonNode.Parse(await answer.Content.ReadAsStringAsync())!["kind"]!);
        }
    }

    /// <summary>How many transactions have read current jobs and are not over: each keeps its lock to its end.</summary>
    private Task<long> Transactions() => database.Ask<long>(
        "SELECT count(DISTINCT pid) FROM pg_locks WHERE relation = 'eventstore.mt_doc_current_job'::regclass AND pid <> pg_backend_pid()");

    /// <summary>How many rows of current jobs were read, by whatever way.</summary>
    private Task<long> RowsRead() => database.Ask<long>("""
        SELECT coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0) FROM pg_stat_user_tables WHERE relid = 'eventstore.mt_doc_current_job'::regclass
        """);

    private static async Task<HttpResponseMessage> Get(ServerProcess server, string path, string accept, bool gzip)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, path);
        request.Headers.TryAddWithoutValidation("Accept-Encoding", gzip ? "gzip" : null);
        request.Headers.TryAddWithoutValidation("Accept", accept);
        return await server.Admin.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
    }

    private static async Task<long> Length(Stream body)
    {
        byte[] some = new byte[128 * 1024];
        long length = 0;
        while (await body.ReadAsync(some) is > 0 and var read)
            length += read;
        return length;
    }
}
