using System.Text;
using Npgsql;

namespace EventStore.Server.Postgres;

/// <summary>
/// Where the database's socket lies, and the connection strings that lead to it. It is <c>run/</c> in the data folder unless the path is
/// longer than the kernel's address field or has a character that Npgsql takes for a list of hosts; then it is a fresh
/// folder below <c>$TMPDIR</c> or /tmp, the account's and closed to others, gone again with the database.
/// </summary>
internal sealed class SocketFolder : IDisposable
{
    private const string FileName = ".s.PGSQL.5432";
    private static readonly int BytesMax = OperatingSystem.IsMacOS() ? 103 : 107;

    private readonly bool temporary;

    private SocketFolder(string path, bool temporary) => (Path, this.temporary) = (path, temporary);

    public string Path { get; }

    /// <exception cref="PostgresUnavailableException">No folder for temporary files is short enough or open to the account.</exception>
    public static SocketFolder Choose(LockedFolder folder, PostgresAccount account)
    {
        if (Fits(folder.Run))
            return new SocketFolder(folder.Run, temporary: false);

        string[] places = [System.IO.Path.GetTempPath(), "/tmp"];
        foreach (string place in places)
        {
            (int exitCode, string output) = account.Run("mktemp", "-d", System.IO.Path.Combine(place, "pytorchjob-eventstore.XXXXXX"));
            var made = new SocketFolder(output.Trim(), temporary: true);
            if (exitCode == 0 && Fits(made.Path))
                return made;
            if (exitCode == 0)
                made.Dispose();
        }

        throw new PostgresUnavailableException(
            $"The path of the database's socket in {folder.Run} is too long for this system, and no shorter folder could be made in "
            + $"{string.Join(" or ", places.Distinct())}.",
            "Choose a data folder with a shorter path (--data DIR).");
    }

    /// <summary>A connection as one of the roles, to be completed by the caller.</summary>
    public NpgsqlConnectionStringBuilder ConnectionString(string role) => new()
    {
        Host = Path,
        Username = role,
        Database = PrivatePostgres.Database,
        ApplicationName = "pytorchjob-eventstore",
    };

    /// <summary>Deletes the lock file that a killed database left: the process number in it may belong to another process by now.</summary>
    public void Clear()
    {
        File.Delete(System.IO.Path.Combine(Path, FileName));
        File.Delete(System.IO.Path.Combine(Path, FileName + ".lock"));
    }

    public void Dispose()
    {
        if (temporary && Directory.Exists(Path))
            Directory.Delete(Path, recursive: true);
    }

    private static bool Fits(string path) =>
        Encoding.UTF8.GetByteCount($"{path}/{FileName}") <= BytesMax && path.IndexOfAny([',', ':', '"']) < 0;
}
