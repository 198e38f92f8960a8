namespace EventStore.Server.Tests.Fixtures;

/// <summary>The files that are delivered beside the program.</summary>
internal static class Repository
{
    /// <summary>The text of a file, by its path from the root.</summary>
    public static string Read(string path) => File.ReadAllText(Path.Combine(Root(), path));

    /// <summary>Writes a file anew, with the folder it is in.</summary>
    public static void Write(string path, string text)
    {
        string file = Path.Combine(Root(), path);
        Directory.CreateDirectory(Path.GetDirectoryName(file)!);
        File.WriteAllText(file, text);
    }

    /// <summary>The full path of a file or folder.</summary>
    public static string PathOf(string path) => Path.Combine(Root(), path);

    /// <summary>The folder of the solution.</summary>
    public static string Root()
    {
        for (DirectoryInfo? folder = new(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "EventStore.sln")))
                return folder.FullName;
        }

        throw new DirectoryNotFoundException($"There is no EventStore.sln above {AppContext.BaseDirectory}.");
    }
}
