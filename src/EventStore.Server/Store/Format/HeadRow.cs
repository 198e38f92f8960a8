namespace EventStore.Server.Store.Format;

/// <summary>The row of the last revision: <c>eventstore.head</c>, which every commit replaces.</summary>
internal static class HeadRow
{
    /// <summary>
    /// The row, for a FROM clause. It is read by its index, newest first: each commit leaves a dead row, and VACUUM can remove none of them
    /// while a transaction, such as a dump, holds an older MVCC snapshot.
    /// </summary>
    public const string Sql = "(SELECT * FROM eventstore.head ORDER BY revision DESC LIMIT 1)";
}
