using System.Diagnostics;
using EventStore.Server.Tests.Fixtures;

namespace EventStore.Server.Tests.Operators;

[Trait("Category", "Slow")]
public sealed class Two_hundred_jobs
{
    private const int Count = 200;

    [Theory]
    [InlineData("documented")]
    [InlineData("kubeflow")]
    public async Task Run_to_their_end_by_a_controller_whose_server_is_killed_and_started_again(string profile)
    {
        await using TestDatabase database = await TestDatabase.Create();
        ServerProcess server = await ServerProcess.Start(database.Serving, "--profile", profile);
        Uri url = server.Url;
        try
        {
            await Parallel.ForAsync(0, Count, async (n, _) => await server.Admin.Create($"job-{n}"));
            using Process controller = Controller.Start(url, "kube-test", Count);
            try
            {
                Task<string> said = controller.StandardOutput.ReadToEndAsync();
                while (await Updates() < Count) // of three times as many
                    Assert.False(controller.HasExited, "it ended early");
                await server.DisposeAsync(); // SIGKILL
                server = await ServerProcess.Start(database.Serving, "--profile", profile, "--urls", url.ToString());
                Assert.InRange(await Updates(), Count, (3 * Count) - 1);
                using var patience = new CancellationTokenSource(TimeSpan.FromMinutes(3));
                await controller.WaitForExitAsync(patience.Token);
                string last = await said;
                Assert.True(controller.ExitCode == 0, last);
                Assert.Matches($"^{Count} succeeded; [1-9][0-9]* lists, ([2-9]|[1-9][0-9]+) watches", last); // it had to begin anew
            }
            finally
            {
                if (!controller.HasExited)
                    controller.Kill();
            }
        }
        finally
        {
            await server.DisposeAsync();
        }

        // Each step is one event, and none is lost or there twice.
        Assert.Equal(
            [$"{Count} job_created:,job_status_updated:Created,job_status_updated:Running,job_status_updated:Succeeded"],
            await database.Ask<string[]>("""
                SELECT array_agg(count || ' ' || life) FROM (
                    SELECT count(*), life FROM (
                        SELECT string_agg(type || ':' || coalesce(data -> 'status' -> 'conditions' -> -1 ->> 'type', ''), ',' ORDER BY seq_id) AS life
                        FROM eventstore.mt_events GROUP BY stream_id) AS lives
                    GROUP BY life) AS counted
                """));

        Task<long> Updates() => database.Ask<long>("SELECT count(*) FROM eventstore.mt_events WHERE type = 'job_status_updated'");
    }
}
