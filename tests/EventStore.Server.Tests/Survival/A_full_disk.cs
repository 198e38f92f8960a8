using System.Diagnostics;
using System.Net;
using System.Security.Cryptography;
using EventStore.Server.Tests.Fixtures;

namespace EventStore.Server.Tests.Survival;

/// <summary>PostgreSQL's disk is full: writes are refused with the reason, reads go on, and with space they work again by themselves.</summary>
public sealed class A_full_disk
{
    private const int Megabytes = 160;

    [SkippableFact]
    public async Task Is_503_with_the_reason_until_there_is_space_again()
    {
        string folder = Directory.CreateTempSubdirectory("es-disk-").FullName, log = Directory.CreateTempSubdirectory("es-wal-").FullName;
        Skip.IfNot(await Runs("mount", "-t", "tmpfs", "-o", $"size={Megabytes}m,mode=0777", "tmpfs", folder), "this account may not mount a small disk");
        try
        {
            await Runs("chmod", "0777", log);
            // The write-ahead log has room: without that PostgreSQL stops altogether, which is a database that is away.
            await using OwnCluster cluster = await OwnCluster.Start(false, ("CLUSTER_PARENT", folder), ("CLUSTER_WAL", Path.Combine(log, "wal")));
            await using TestDatabase database = await TestDatabase.Create(cluster.Superuser);
            await using ServerProcess server = await ServerProcess.Start(database.Serving);
            await server.Admin.Create("mnist");

            string ballast = Path.Combine(folder, "ballast");
            await Runs("dd", "if=/dev/zero", $"of={ballast}", "bs=64k"); // until nothing more fits
            Reply refused = await UntilRefused(server);

            Assert.Equal((HttpStatusCode.ServiceUnavailable, "1"), (refused.Code, refused.RetryAfter));
            Assert.Equal("the database has no space left on its disk; nothing was changed", (string?)refused.Json["message"]);
            for (int i = 0; !server.Output.Contains("53100", StringComparison.Ordinal); i++)
            {
                Assert.True(i < 100, $"the log does not say it:\n{server.Output}");
                await Task.Delay(100);
            }

            Assert.Equal("mnist", (string?)(await server.Admin.Get(Sample.Job("mnist")))["metadata"]!["name"]);

            File.Delete(ballast);
            Reply again = refused;
            for (int i = 0; i < 100 && again.Code != HttpStatusCode.OK; i++, await Task.Delay(100))
                again = await Reply.Of(server.Admin.Patch(Sample.Job("mnist"), """{"metadata":{"labels":{"space":"again"}}}"""));
            Assert.True(again.Code == HttpStatusCode.OK, again.Text);
            await database.AssertWhole();
        }
        finally
        {
            await Runs("umount", "-l", folder);
            Directory.Delete(folder);
            Directory.Delete(log, recursive: true);
        }
    }

    private static async Task<Reply> UntilRefused(ServerProcess server)
    {
        for (int i = 0; ; i++)
        {
            Assert.True(i < 500, "the disk is full and everything is stored");
            Reply reply = await Reply.Of(server.Admin.PostAsync(Sample.Jobs(), Sample.Body(Sample.Manifest(
                $"large-{i}", metadata: $$$$""","annotations":{"large":"{{{{RandomNumberGenerator.GetHexString(200_000)}}}}"}"""))));
            if (reply.Code != HttpStatusCode.Created)
                return reply;
        }
    }

    private static async Task<bool> Runs(params string[] command)
    {
        using Process process = Process.Start(new ProcessStartInfo(command[0], command[1..]) { RedirectStandardError = true, RedirectStandardOutput = true })!;
        await Task.WhenAll(process.StandardError.ReadToEndAsync(), process.StandardOutput.ReadToEndAsync());
        await process.WaitForExitAsync();
        return process.ExitCode == 0;
    }
}
