using EventStore.Server.Tests.Fixtures;
using EventStore.Server.Tests.Fuzz;
using EventStore.Server.Tests.Operators;
using EventStore.Server.Tests.Postgres;

namespace EventStore.Server.Tests;

/// <summary>
/// What the tests' own assembly does when it is run as a program: some of them are about a process, and one is run by another program.
/// </summary>
internal static class OwnMain
{
    private static async Task<int> Main(string[] words) => words switch
    {
        ["hold", var folder, var how] when !OperatingSystem.IsWindows() => await ParentToKill.Hold(folder, how),
        ["serve", var connectionString] => await HostToKill.Serve(connectionString),
        ["controller", var url, var @namespace, var count] => await Controller.Run(url, @namespace, int.Parse(count)),
        ["front-proxy", var caFile, var tokens, var to, var trust] => await FrontProxyStandIn.Run(caFile, tokens, to, trust),
        ["fuzz", "patches" or "selectors"] => Guided.Run(words[1]),
        _ => 2,
    };
}
