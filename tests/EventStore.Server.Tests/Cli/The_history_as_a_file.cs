using System.Diagnostics;
using System.Runtime.Versioning;
using System.Text.Json.Nodes;
using EventStore.Server.Tests.Fixtures;
using EventStore.Server.Tests.Store;

namespace EventStore.Server.Tests.Cli;

/// <summary>
/// The history leaves one store as lines of a file, is proven by the file alone, and is the same history in another store.
/// </summary>
[Trait("Category", "Slow")]
public sealed class The_history_as_a_file : IAsyncLifetime
{
    private readonly string folder = Directory.CreateTempSubdirectory("es-export-").FullName;
    private TestDatabase database = null!;

    private string File => Path.Combine(folder, "history.ndjson");

    public async Task InitializeAsync()
    {
        database = await TestDatabase.Create();
        await RandomHistory.Write(database.Source, seed: 31, jobs: 10, events: 300);
        await RandomHistory.WriteLong(database.Source, events: 300);
    }

    public async Task DisposeAsync()
    {
        await database.DisposeAsync();
        Directory.Delete(folder, recursive: true);
    }

    [Fact]
    public async Task Has_the_epochs_in_it_and_the_store_made_of_it_begins_another()
    {
        await database.Execute("""
            SELECT eventstore.epoch_add_1(lost_from => revision + 1, lost_to => revision + 80, known_revision => revision + 80) FROM eventstore.head
            """);
        await RandomHistory.Write(database.Source, seed: 33, jobs: 3, events: 10);
        await database.Execute("SELECT eventstore.epoch_add_1()");
        await Export(database, File);
        string[] lines = await System.IO.File.ReadAllLinesAsync(File);
        string epoch = Assert.Single(lines, line => line.StartsWith("{\"epoch\":2,", StringComparison.Ordinal));
        Assert.StartsWith("{\"epoch\":3,", lines[^2], StringComparison.Ordinal);
        await using TestDatabase other = await TestDatabase.Create();
        foreach ((string edited, string why) in ((string, string)[])
            [
                (epoch.Replace("\"lostTo\":", "\"lostTo\":1", StringComparison.Ordinal),
                    "epoch 2 is not what its hash says: it was edited"),
                ("", "does not follow from the line before: lines are missing, or were moved"),
            ])
        {
            await System.IO.File.WriteAllLinesAsync(
                File + "-edited", lines.Select(line => line == epoch ? edited : line).Where(line => line.Length > 0));
            await using ProgramRun refused = await Run(other, "import", File + "-edited");
            Assert.Equal(1, refused.ExitCode);
            Assert.Contains(why, refused.Errors, StringComparison.Ordinal);
        }

        await using (ProgramRun imported = await Run(other, "import", File))
            Assert.True(imported.ExitCode == 0, imported.Everything);
        await Export(other, File + "-again");
        Assert.Equal(lines, await System.IO.File.ReadAllLinesAsync(File + "-again"));

        await RandomHistory.Write(other.Source, seed: 34, jobs: 3, events: 10);
        Assert.Equal(4, await other.Ask<long>("SELECT max(number) FROM eventstore.epoch"));
        await using ProgramRun verified = await Run(other, "verify");
        Assert.True(verified.ExitCode == 0, verified.Everything);
        Assert.Matches(
            @"(?m)^epoch 2 began at \S+Z behind revision \d+, its revisions are above \d+: revisions \d+ to \d+ were lost with epoch 2$",
            verified.Output);
        Assert.Matches("(?m)^epoch 4 began at .*: no revision is known to be lost with it$", verified.Output);
    }

    [Fact]
    public async Task Makes_the_same_store_again_and_the_same_file()
    {
        await Export(database, File);
        await using TestDatabase other = await TestDatabase.Create();
        await using (ProgramRun imported = await Run(other, "import", File))
        {
            Assert.True(imported.ExitCode == 0, imported.Everything);
            Assert.Matches(@"^\d+ events imported; the chain ends at revision \d+, hash [0-9a-f]{64} \(", imported.Output);
        }

        string again = Path.Combine(folder, "again.ndjson");
        await Export(other, again);
        Assert.Equal(await System.IO.File.ReadAllTextAsync(File), await System.IO.File.ReadAllTextAsync(again));
        foreach (string table in (string[])["mt_events", "mt_streams", "mt_doc_current_job", "revision", "revision_path", "head"])
        {
            string rows = $"SELECT string_agg(t::text, E'\\n' ORDER BY t::text) FROM eventstore.{table} t";
            Assert.Equal(await database.Ask<string>(rows), await other.Ask<string>(rows));
        }

        await using (ProgramRun verified = await Run(other, "verify"))
            Assert.True(verified.ExitCode == 0, verified.Everything);
        Assert.True(await other.Ask<long>("SELECT count(*) FROM eventstore.job_snapshot") > 0);

        await RandomHistory.Write(other.Source, seed: 32, jobs: 10, events: 50); // life goes on there
        await using (ProgramRun verified = await Run(other, "verify"))
            Assert.True(verified.ExitCode == 0, verified.Everything);
        await using ProgramRun refused = await Run(other, "import", File);
        Assert.Equal(1, refused.ExitCode);
        Assert.StartsWith(
            $"error: {File} cannot be imported: the store is not empty; nothing was changed\n", refused.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Is_proven_by_a_script_that_has_nothing_but_the_file()
    {
        await Export(database, File);
        (int code, string said) = Script(File);
        Assert.True(code == 0, said);
        string hash = await database.Ask<string>("SELECT encode(hash, 'hex') FROM eventstore.head");
        Assert.Matches($@"^\d+ events: the chain is whole, up to revision \d+, hash {hash}\n$", said);

        string part = Path.Combine(folder, "part.ndjson");
        await Export(database, part, "--since", "100", "--until", "200");
        Assert.Equal(102, (await System.IO.File.ReadAllLinesAsync(part)).Length);
        Assert.Equal(0, Script(part).Code);
        await using (ProgramRun verified = await Run(database, "verify", "--since-checkpoint", Last(part)))
            Assert.Contains("the checkpoint of revision 200 holds", verified.Output, StringComparison.Ordinal);

        await Edit(lines => lines[49] = lines[49].Replace("\"user\":\"", "\"user\":\"x", StringComparison.Ordinal));
        Assert.Equal((1, "line 50, revision 51: the chain is broken\n"), Script(File));
    }

    [Theory]
    [InlineData("edited", @"line 50: revision 51 is not what its hash says: it was edited")]
    [InlineData("removed", @"line 50: revision 52 does not follow from the line before: lines are missing, or were moved")]
    [InlineData("swapped", @"line 50: revision 52 does not follow from the line before: lines are missing, or were moved")]
    [InlineData("cut off", @"the file was cut off: line \d+ is not the checkpoint an export ends in")]
    [InlineData("cut within a line", @"line \d+: it is not the line of an event: .+")]
    [InlineData("of another end", @"line \d+: the chain does not end where the last line says")]
    [InlineData("spaced", @"revision 51 cannot be stored as it was written: .+")]
    [InlineData("begun late", @"line 1: revision 100 does not follow from the line before: lines are missing, or were moved")]
    public async Task Is_not_taken_in_when_it_is_not_whole(string how, string problem)
    {
        await Export(database, File, how == "begun late" ? ["--since", "100"] : []);
        await Edit(lines =>
        {
            switch (how)
            {
                case "edited": lines[49] = lines[49].Replace("\"user\":\"", "\"user\":\"x", StringComparison.Ordinal); break;
                case "removed": lines.RemoveAt(49); break;
                case "swapped": (lines[49], lines[50]) = (lines[50], lines[49]); break;
                case "cut off": lines.RemoveAt(lines.Count - 1); break;
                case "cut within a line": lines[^1] = lines[^1][..20]; break;
                case "of another end":
                    lines[^1] = $$$"""{"checkpoint":{"revision":7,"hash":"{{{new string('0', 64)}}}","events":1}}""";
                    break;
                default: break;
            }
        });
        if (how == "spaced")
            await Rehash();
        await using TestDatabase other = await TestDatabase.Create();
        string before = await other.Checksum();
        await using ProgramRun refused = await Run(other, "import", File);
        Assert.Equal(1, refused.ExitCode);
        Assert.Matches($@"(?m)^error: .*history\.ndjson cannot be imported: {problem}; nothing was changed$", refused.Errors);
        Assert.Equal(before, await other.Checksum());
    }

    [Fact]
    public async Task Is_read_by_tools_for_Kubernetes_audit_logs()
    {
        await Export(database, File, "--format", "audit.k8s.io");
        JsonNode[] events = [.. (await System.IO.File.ReadAllLinesAsync(File)).Select(line => JsonNode.Parse(line)!)];
        Assert.Equal(await database.Ask<long>("SELECT count(*) FROM eventstore.mt_events"), events.Length);
        Assert.All(events, e => Assert.Equal(
            ("Event", "audit.k8s.io/v1", "Request", "ResponseComplete", "pytorchjobs", "kubeflow.org"),
            ((string)e["kind"]!, (string)e["apiVersion"]!, (string)e["level"]!, (string)e["stage"]!, (string)e["objectRef"]!["resource"]!,
                (string)e["objectRef"]!["apiGroup"]!)));
        Assert.Equal(["create", "delete", "patch", "update"], events.Select(e => (string)e["verb"]!).Distinct().Order());
        JsonNode status = events.First(e => (string?)e["objectRef"]!["subresource"] == "status");
        Assert.EndsWith($"/pytorchjobs/{status["objectRef"]!["name"]}/status", (string)status["requestURI"]!, StringComparison.Ordinal);
        Assert.All(
            events.Where(e => (string?)e["objectRef"]!["subresource"] == "status"),
            e => Assert.Equal(["status"], e["requestObject"]!.AsObject().Select(member => member.Key)));
        Assert.Contains(events, e => IsApplyOfStatus(e));
        JsonNode last = events[^1];
        Assert.Equal(
            await database.Ask<string>("SELECT encode(hash, 'hex') FROM eventstore.head"),
            (string)last["annotations"]!["audit.eventstore.io/hash"]!);
        Assert.Equal(
            await database.Ask<string>("SELECT correlation_id FROM eventstore.mt_events ORDER BY seq_id DESC LIMIT 1"),
            (string)last["auditID"]!);
        Assert.Matches(@"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$", (string)last["stageTimestamp"]!);
        Assert.NotEmpty(last["user"]!["groups"]!.AsArray());
        JsonNode[] impersonated = [.. events.Where(e => e["impersonatedUser"] is not null)];
        Assert.Equal(
            await database.Ask<long>("SELECT count(*) FROM eventstore.mt_events WHERE headers ? 'impersonatedBy'"), impersonated.Length);
        Assert.NotEmpty(impersonated);
        Assert.All(impersonated, e => Assert.Contains((string)e["user"]!["username"]!, (string[])["root", "wurzel-ü"]));
        Assert.All(impersonated, e => Assert.DoesNotContain((string)e["impersonatedUser"]!["username"]!, (string[])["root", "wurzel-ü"]));
    }

    [Theory]
    [InlineData("--since", "yesterday", "'yesterday' is neither a revision nor an RFC 3339 time")]
    [InlineData("--format", "xml", "there is no format 'xml'")]
    [InlineData("--out", "/nowhere/file", "cannot write: ")]
    public async Task Is_not_written_when_it_is_not_clear_what_or_where(string option, string value, string problem)
    {
        await using ProgramRun refused = await Run(database, "export", option, value);
        Assert.Equal((1, string.Empty), (refused.ExitCode, refused.Output));
        Assert.StartsWith($"error: {problem}", refused.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Stays_as_it_was_where_the_next_export_breaks_off()
    {
        await Export(database, File);
        string whole = await System.IO.File.ReadAllTextAsync(File);
        await using ProgramRun away = await ProgramRun.Ended(
            new Dictionary<string, string?> { ["ConnectionStrings__Postgres"] = "Host=127.0.0.1;Port=1;Database=none;Username=nobody" },
            ["export", "--out", File]);
        Assert.Equal(1, away.ExitCode);
        Assert.Equal(whole, await System.IO.File.ReadAllTextAsync(File));
        Assert.Equal([File], Directory.GetFiles(folder));
    }

    [Fact]
    [UnsupportedOSPlatform("windows")]
    public async Task Is_the_owners_alone_and_keeps_the_mode_it_was_given()
    {
        await Export(database, File);
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, System.IO.File.GetUnixFileMode(File));
        const UnixFileMode shared = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead;
        System.IO.File.SetUnixFileMode(File, shared);
        await Export(database, File);
        Assert.Equal(shared, System.IO.File.GetUnixFileMode(File));
        await using ProgramRun passedOver = await Run(database, "export", "--out", "/dev/null");
        Assert.Equal((0, true), (passedOver.ExitCode, System.IO.File.Exists("/dev/null")));
        Assert.False(System.IO.File.Exists("/dev/null.new"));
    }

    private static bool IsApplyOfStatus(JsonNode e) =>
        (string)e["annotations"]!["audit.eventstore.io/event"]! == "job_applied" && (string?)e["objectRef"]!["subresource"] == "status";

    private static async Task Export(TestDatabase of, string file, params string[] options)
    {
        await using ProgramRun run = await Run(of, "export", ["--out", file, .. options]);
        Assert.True(run.ExitCode == 0, run.Everything);
        Assert.Matches(
            @"^\d+ events exported; the chain ends at revision \d+, hash [0-9a-f]{64} \([\d.]+ s\)$", run.Errors.TrimEnd().Split('\n')[^1]);
    }

    private static Task<ProgramRun> Run(TestDatabase of, string verb, params string[] options) => ProgramRun.Ended(
        new Dictionary<string, string?> { ["ConnectionStrings__Postgres"] = of.Serving, ["ConnectionStrings__PostgresOwner"] = of.Owner },
        [verb, .. options]);

    private static (int Code, string Said) Script(string file)
    {
        string script = Path.Combine(AppContext.BaseDirectory, "Audit", "verify_chain.py");
        using Process python =
            Process.Start(new ProcessStartInfo("python3", [script, file]) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        Task<string> errors = python.StandardError.ReadToEndAsync();
        string output = python.StandardOutput.ReadToEnd();
        python.WaitForExit();
        return (python.ExitCode, output + errors.Result);
    }

    /// <summary>The last line of an export, in a file of its own: it is a checkpoint.</summary>
    private static string Last(string file)
    {
        System.IO.File.WriteAllText(file + ".checkpoint", System.IO.File.ReadLines(file).Last());
        return file + ".checkpoint";
    }

    private async Task Edit(Action<List<string>> edit)
    {
        List<string> lines = [.. await System.IO.File.ReadAllLinesAsync(File)];
        edit(lines);
        await System.IO.File.WriteAllTextAsync(File, string.Join('\n', lines) + (lines[^1].EndsWith('}') ? "\n" : string.Empty));
    }

    /// <summary>A line with a space more in its data, and a chain that fits to that: nobody could tell, until it is jsonb.</summary>
    private Task Rehash() => Edit(lines =>
    {
        byte[] before = EventStore.Domain.History.Chain.Beginning.ToArray();
        for (int i = 0; i < lines.Count - 1; i++)
        {
            string line = i == 49 ? lines[i].Replace(",\"data\":{", ",\"data\":{ ", StringComparison.Ordinal) : lines[i];
            var happened = (Server.Store.Proof.HistoryEvent)Server.Store.Proof.HistoryLine.Read(line)!;
            byte[] hash = EventStore.Domain.History.Chain.Hash(before, happened.Link);
            lines[i] = line.Replace(Convert.ToHexStringLower(happened.Before), Convert.ToHexStringLower(before), StringComparison.Ordinal)
                .Replace(Convert.ToHexStringLower(happened.Hash), Convert.ToHexStringLower(hash), StringComparison.Ordinal);
            before = hash;
        }

        long last = ((Server.Store.Proof.HistoryEvent)Server.Store.Proof.HistoryLine.Read(lines[^2])!).Link.Revision;
        lines[^1] = $$$"""{"checkpoint":{"revision":{{{last}}},"hash":"{{{Convert.ToHexStringLower(before)}}}","events":0}}""";
    });
}
