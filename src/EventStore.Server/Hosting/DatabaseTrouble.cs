using EventStore.Server.Store.Format;
using Npgsql;

namespace EventStore.Server.Hosting;

/// <summary>Explains in two lines why a verb could not use its database.</summary>
internal static class DatabaseTrouble
{
    private const string Variables = "ConnectionStrings__Postgres and ConnectionStrings__PostgresOwner";

    /// <summary>What is wrong and what to do, if an operator can correct it; null for a bug.</summary>
    public static OperatorException? Explain(Exception e) => e switch
    {
        PostgresException
        {
            SqlState: PostgresErrorCodes.UndefinedTable or PostgresErrorCodes.UndefinedFunction or PostgresErrorCodes.InvalidSchemaName
        } => Cannot(e, $"If it was never migrated, run '{Settings.ProgramName} migrate' with its owner's connection string."),
        PostgresException { SqlState: PostgresErrorCodes.InsufficientPrivilege } =>
            Cannot(e, "Run 'migrate' and 'rebuild' as the database's owner (ConnectionStrings__PostgresOwner); "
                + "'migrate' gives the serving role its rights."),
        PostgresException
        {
            SqlState: PostgresErrorCodes.InvalidCatalogName or PostgresErrorCodes.InvalidPassword
                or PostgresErrorCodes.InvalidAuthorizationSpecification
        } => Cannot(e, $"Look at {Variables}."),
        _ when DatabaseAway.Is(e) => Cannot(e, $"Start it, or look at {Variables}."),
        _ => null,
    };

    private static OperatorException Cannot(Exception e, string hint) =>
        new($"the database cannot be used: {DatabaseAway.Reason(e)}", hint);
}
