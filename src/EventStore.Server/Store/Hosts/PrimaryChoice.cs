namespace EventStore.Server.Store.Hosts;

/// <summary>Chooses the host to write to.</summary>
internal static class PrimaryChoice
{
    /// <summary>
    /// The writable primary of the highest timeline: a former primary that came back without being made a standby still takes writes, on
    /// the timeline that was left. Of equal ones, which can only be two names of one server, the present one stays.
    /// </summary>
    /// <param name="hosts">What each host was found to be.</param>
    /// <param name="present">The host that is written to.</param>
    /// <param name="served">The history that was written to last; null before any was.</param>
    /// <returns>Its place; null if no host may be written to.</returns>
    public static int? Of(IReadOnlyList<HostState> hosts, int present, Lineage? served)
    {
        int? best = null;
        for (int i = 0; i < hosts.Count; i++)
        {
            if (!MayServe(hosts[i], served))
                continue;
            long lead = best is { } other ? hosts[i].Lineage.Timeline - hosts[other].Lineage.Timeline : 1;
            if (lead > 0 || (lead == 0 && i == present))
                best = i;
        }

        return best;
    }

    /// <summary>Whether a host takes writes and continues the history that was served: same cluster, no earlier timeline.</summary>
    public static bool MayServe(HostState host, Lineage? served) =>
        host.Kind == HostKind.Primary
        && (served is not { } last || (host.Lineage.System == last.System && host.Lineage.Timeline >= last.Timeline));
}
