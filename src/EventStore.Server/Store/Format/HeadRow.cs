namespace EventStore.Server.Store.Format;

/// <summary>The row of the last revision there is: <c>eventstore.head</c>, which every commit writes anew.</summary>
internal static class HeadRow
{
    /// <summary>
    /// The row, for a FROM clause. By its index, newest first: while somebody holds a snapshot, as a dump does, no dead row of the table
    /// can be removed, and there is one for each commit.
    /// </summary>
    public const string Sql = "(SELECT * FROM eventstore.head ORDER BY revision DESC LIMIT 1)";
}
