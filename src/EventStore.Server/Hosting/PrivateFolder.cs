namespace EventStore.Server.Hosting;

/// <summary>Folders and files that hold a secret.</summary>
internal static class PrivateFolder
{
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;

    /// <summary>
    /// Creates the data folder, readable by its owner only, when something is to be written there and a database is configured. A
    /// private database has created it already; an existing folder keeps its mode.
    /// </summary>
    public static void Ensure(Settings settings, Database database)
    {
        bool isWanted = settings.DataFolderGiven || settings.TokenAuthFile is null;
        if (database.IsPrivate || !isWanted || Directory.Exists(settings.DataFolder))
            return;
        Make(settings.DataFolder);
    }

    /// <summary>A folder within the data folder, created if it does not exist.</summary>
    public static string Within(string dataFolder, string name)
    {
        string folder = Path.Combine(dataFolder, name);
        if (!Directory.Exists(folder))
            Make(folder);
        return folder;
    }

    private static void Make(string folder)
    {
        try
        {
            if (OperatingSystem.IsWindows())
                Directory.CreateDirectory(folder);
            else
                Directory.CreateDirectory(folder, OwnerOnly);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new OperatorException($"the folder {folder} cannot be made: {e.Message}", "Choose another with --data DIR.");
        }
    }
}

/// <summary>Files that hold a secret.</summary>
internal static class PrivateFile
{
    /// <summary>Writes the file in one step: beside it first, with mode 0600 from its first byte on, and then renamed.</summary>
    /// <exception cref="OperatorException">The folder cannot be written to.</exception>
    public static void Write(string path, string text)
    {
        string beside = path + ".new";
        try
        {
            using (var writer = new StreamWriter(Create(beside)))
                writer.Write(text);
            File.Move(beside, path, overwrite: true);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new OperatorException($"{path} cannot be written: {e.Message}", "Choose another folder with --data, or make it yours.");
        }
    }

    /// <summary>Creates the file anew, with mode 0600.</summary>
    public static FileStream Create(string path)
    {
        var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows())
            options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        File.Delete(path);
        return new FileStream(path, options);
    }
}
