using System.Security.Cryptography;
using System.Text.Json;
using Npgsql;

namespace EventStore.Server.Postgres;

/// <summary>What a data folder keeps, in <c>container.json</c> with mode 0600, of a database in a container.</summary>
/// <param name="Name">Of the container and of its volume.</param>
/// <param name="Image">What it runs.</param>
/// <param name="SuperuserPassword">Of the superuser.</param>
/// <param name="OwnerPassword">Of the role that owns the database.</param>
/// <param name="ServerPassword">Of the role the server serves with.</param>
/// <param name="Finished">Whether the database is made, roles and all.</param>
internal sealed record ContainerRecord(
    string Name, string Image, string SuperuserPassword, string OwnerPassword, string ServerPassword, bool Finished)
{
    private const int PasswordBytes = 24;

    /// <summary>Where it is.</summary>
    public static string FileIn(string dataFolder) => Path.Combine(dataFolder, "container.json");

    /// <summary>One for a database that is yet to be made.</summary>
    public static ContainerRecord New(string image) => new(
        $"pytorchjob-eventstore-{RandomNumberGenerator.GetHexString(12, lowercase: true)}",
        image,
        RandomNumberGenerator.GetHexString(2 * PasswordBytes),
        RandomNumberGenerator.GetHexString(2 * PasswordBytes),
        RandomNumberGenerator.GetHexString(2 * PasswordBytes),
        Finished: false);

    /// <summary>The folder's, or null.</summary>
    /// <exception cref="PostgresUnavailableException">It cannot be read.</exception>
    public static ContainerRecord? Read(string dataFolder)
    {
        string file = FileIn(dataFolder);
        if (!File.Exists(file))
            return null;
        try
        {
            if (JsonSerializer.Deserialize<ContainerRecord>(File.ReadAllBytes(file)) is { Name: not null, Image: not null } record)
                return record;
        }
        catch (JsonException)
        {
            // Said below, as for one that lacks something.
        }

        throw new PostgresUnavailableException(
            $"{file} is damaged: it should name the container and hold its passwords.",
            "Restore it from a backup, or move it away to start with an empty store; the volume it named is not touched.");
    }

    /// <summary>Writes it beside its place, to the disk, and renames it.</summary>
    public void Write(string dataFolder)
    {
        string file = FileIn(dataFolder), unfinished = file + ".new";
        File.Delete(unfinished);
        var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows())
            options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        using (var stream = new FileStream(unfinished, options))
        {
            JsonSerializer.Serialize(stream, this);
            stream.Flush(flushToDisk: true);
        }

        File.Move(unfinished, file, overwrite: true);
    }

    /// <summary>A connection as one of the roles, to be completed by the caller.</summary>
    public static NpgsqlConnectionStringBuilder Connection(int port, string role, string password) => new()
    {
        Host = "127.0.0.1",
        Port = port,
        Username = role,
        Password = password,
        Database = PrivatePostgres.Database,
        ApplicationName = "pytorchjob-eventstore",
    };

    /// <summary>Connects as the superuser, to the database that is always there.</summary>
    public string Superuser(int port)
    {
        NpgsqlConnectionStringBuilder connection = Connection(port, PrivatePostgres.Superuser, SuperuserPassword);
        (connection.Database, connection.Pooling) = ("postgres", false);
        return connection.ConnectionString;
    }
}
