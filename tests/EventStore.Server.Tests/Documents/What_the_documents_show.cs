using System.Diagnostics;
using EventStore.Server.Tests.Fixtures;

namespace EventStore.Server.Tests.Documents;

/// <summary>
/// Every command of a document is run in a shell, in the order it stands there, against a server of the document's own; what it prints has
/// to be what the document shows.
/// </summary>
[Trait("Category", "Slow")]
public sealed class What_the_documents_show : IAsyncLifetime
{
    private const string Mark = "\u001e";
    private readonly string folder = Directory.CreateTempSubdirectory("es-documents-").FullName;
    private TestDatabase database = null!;
    private ServerProcess server = null!;

    /// <inheritdoc/>
    public async Task InitializeAsync()
    {
        database = await TestDatabase.Create();
        server = await ServerProcess.Start(database.Serving, "--data", Path.Combine(folder, "data"));
    }

    /// <inheritdoc/>
    public async Task DisposeAsync()
    {
        await server.DisposeAsync();
        await database.DisposeAsync();
        Directory.Delete(folder, recursive: true);
    }

    [SkippableTheory]
    [InlineData("README.md", 5)]
    [InlineData("src/docs/api.md", 20)]
    [InlineData("src/docs/history.md", 15)]
    [InlineData("src/docs/clients.md", 3)]
    public async Task Is_what_its_commands_print(string path, int commandsLeast)
    {
        Tools.Need("kubectl", "curl", "psql", "python3");
        (string Command, string? Shows)[] steps = [.. Steps(path)];
        Assert.InRange(steps.Length, commandsLeast, 200);
        string[] said = await Run(steps.Select(step => step.Command));
        Assert.Equal(steps.Length, said.Length);
        Assert.All(steps.Zip(said), each => Assert.True(
            each.First.Shows is null || Document.IsShownAs(each.First.Shows, each.Second),
            $"{path}:\n$ {each.First.Command}\n--- shown\n{each.First.Shows}\n--- printed\n{each.Second}"));
    }

    /// <summary>What a document has to be run, each with what it shows; null where it shows nothing.</summary>
    private static IEnumerable<(string Command, string? Shows)> Steps(string path)
    {
        if (path is "README.md" or "src/docs/history.md" or "src/docs/clients.md") // they refer to api.md's job
            yield return (Document.Blocks("src/docs/api.md")
                .First(block => block.Text.Contains("cat >job.json", StringComparison.Ordinal)).Text, null);
        if (path is "src/docs/clients.md")
            yield return ("kubectl create -f job.json", null);
        IReadOnlyList<(string Language, string Text)> blocks = Document.Blocks(path);
        for (int i = 0; i < blocks.Count; i++)
        {
            if (blocks[i].Language == "console")
            {
                foreach ((string command, string prints) in Document.Commands(blocks[i].Text))
                    yield return (command, prints);
            }
            else if (blocks[i].Language == "sh" && !blocks[i].Text.StartsWith("dotnet ", StringComparison.Ordinal))
            {
                bool shows = i + 1 < blocks.Count && blocks[i + 1].Language.Length == 0;
                yield return (blocks[i].Text, shows ? blocks[i + 1].Text : null);
            }
        }
    }

    /// <summary>Runs the commands in one shell; what each printed.</summary>
    private async Task<string[]> Run(IEnumerable<string> commands)
    {
        string data = Path.Combine(folder, "data");
        string script = Preamble(data) + string.Concat(commands.Select(command => $"{Here(command, data)}\nprintf '{Mark}'\n"));
        using Process shell = Process.Start(new ProcessStartInfo("/bin/bash", ["-c", script])
        {
            WorkingDirectory = folder,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        Task<string> errors = shell.StandardError.ReadToEndAsync();
        string output = await shell.StandardOutput.ReadToEndAsync().WaitAsync(TimeSpan.FromMinutes(5));
        await shell.WaitForExitAsync();
        Assert.Equal(string.Empty, await errors);
        return [.. output.Split(Mark)[..^1]];
    }

    /// <summary>What a document takes for granted: the kubeconfig, Bob's token, the program's name, and the way to the database.</summary>
    private string Preamble(string data)
    {
        var owner = new Npgsql.NpgsqlConnectionStringBuilder(database.Owner);
        return $$"""
            exec 2>&1
            export HOME='{{folder}}' KUBECONFIG='{{data}}/kubeconfig' BOB='{{ServerProcess.BobToken}}' DATA='{{data}}'
            export PGHOST='{{owner.Host}}' PGPORT='{{owner.Port}}' PGUSER='{{owner.Username}}' PGPASSWORD='{{owner.Password}}' PGDATABASE='{{owner.Database}}'
            export ConnectionStrings__Postgres='{{database.Serving}}' ConnectionStrings__PostgresOwner='{{database.Owner}}'
            EventStore.Server() { dotnet '{{typeof(Program).Assembly.Location}}' "$@" 2>/dev/null; }
            cp '{{Path.Combine(AppContext.BaseDirectory, "Audit", "verify_chain.py")}}' .

            """;
    }

    /// <summary>A command as it is for this run: the server's address, folder and token.</summary>
    private string Here(string command, string data) => command.TrimEnd('\n')
        .Replace("http://127.0.0.1:8080", server.Url.ToString().TrimEnd('/'), StringComparison.Ordinal)
        .Replace("DATA=~/.local/share/pytorchjob-eventstore", $"DATA='{data}'", StringComparison.Ordinal)
        .Replace("$(grep -m1 system:masters $DATA/tokens.csv | cut -d, -f1)", ServerProcess.AdminToken, StringComparison.Ordinal)
        .Replace("psql -h $DATA/run -U eventstore_owner eventstore", "psql", StringComparison.Ordinal);
}
