using System.Diagnostics;
using EventStore.Server.Tests.Fixtures;

namespace EventStore.Server.Tests.Documents;

/// <summary>
/// The snippets of clients.md, run as they stand with the kubeconfig the server writes; each prints what the document shows.
/// </summary>
[Trait("Category", "Slow")]
public sealed class Snippets_of_clients : IAsyncLifetime
{
    private readonly string folder = Directory.CreateTempSubdirectory("es-snippets-").FullName;
    private TestDatabase database = null!;
    private ServerProcess server = null!;

    /// <inheritdoc/>
    public async Task InitializeAsync()
    {
        database = await TestDatabase.Create();
        server = await ServerProcess.Start(database.Serving, "--data", Path.Combine(folder, "data"));
        string job = Document.Blocks("src/docs/api.md").First(block => block.Text.Contains("cat >job.json", StringComparison.Ordinal)).Text;
        string manifest = job[job.IndexOf('{', job.IndexOf("cat >job.json", StringComparison.Ordinal))..job.LastIndexOf(
            "END", StringComparison.Ordinal)];
        using var body = new StringContent(manifest, System.Text.Encoding.UTF8, "application/json");
        using HttpResponseMessage created = await server.Admin.PostAsync("/apis/kubeflow.org/v1/namespaces/default/pytorchjobs", body);
        Assert.True(created.IsSuccessStatusCode, await created.Content.ReadAsStringAsync());
    }

    /// <inheritdoc/>
    public async Task DisposeAsync()
    {
        await server.DisposeAsync();
        await database.DisposeAsync();
        Directory.Delete(folder, recursive: true);
    }

    [SkippableFact]
    public Task Python() => Shows("python", "snippet.py", "/usr/bin/python3", ["snippet.py"], Tools.HasPythonClient, "python3-kubernetes");

    [SkippableFact]
    public Task Node() => Shows(
        "js", "snippet.mjs", "node", ["snippet.mjs"], Tools.LinkNodeClient(folder),
        "@kubernetes/client-node, its node_modules in TEST_NODE_MODULES");

    [SkippableFact]
    public Task CSharp() => Shows("csharp", "snippet.cs", "dotnet", ["run", "snippet.cs"], () => true, "nothing");

    private async Task Shows(string language, string file, string program, string[] arguments, Func<bool> isThere, string needed)
    {
        Tools.Need(isThere, needed);
        IReadOnlyList<(string Language, string Text)> blocks = Document.Blocks("src/docs/clients.md");
        int at = blocks.ToList().FindIndex(block => block.Language == language);
        await File.WriteAllTextAsync(Path.Combine(folder, file), blocks[at].Text);
        var start = new ProcessStartInfo(program, arguments)
        {
            WorkingDirectory = folder,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment["KUBECONFIG"] = Path.Combine(folder, "data", "kubeconfig");
        using Process run = Process.Start(start)!;
        Task<string> errors = run.StandardError.ReadToEndAsync();
        string output = await run.StandardOutput.ReadToEndAsync().WaitAsync(TimeSpan.FromMinutes(5));
        await run.WaitForExitAsync();
        Assert.True(run.ExitCode == 0, output + await errors);
        Assert.True(Document.IsShownAs(blocks[at + 1].Text, output), $"--- shown\n{blocks[at + 1].Text}\n--- printed\n{output}");
    }
}
