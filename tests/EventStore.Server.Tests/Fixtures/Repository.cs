namespace EventStore.Server.Tests.Fixtures;

/// <summary>The files that are delivered beside the program.</summary>
internal static class Repository
{
    /// <summary>The text of a file, by its path from the root.</summary>
    public static string Read(string path) => File.ReadAllText(Path.Combine(Root(), path));

<<<<<<< HEAD
    /// <summary>Writes a file anew, with the folder it is in.</summary>
    public static void Write(string path, string text)
    {
        string file = Path.Combine(Root(), path);
        Directory.CreateDirectory(Path.GetDirectoryName(file)!);
        File.WriteAllText(file, text);
    }

    private static string Root()
=======
    /// <summary>The folder of the solution.</summary>
    public static string Root()
>>>>>>> a6ccae7 (store: check in the commit function what it appends, under the owner's lock)
    {
        for (DirectoryInfo? folder = new(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "EventStore.sln")))
                return folder.FullName;
        }

        throw new DirectoryNotFoundException($"There is no EventStore.sln above {AppContext.BaseDirectory}.");
    }
}
