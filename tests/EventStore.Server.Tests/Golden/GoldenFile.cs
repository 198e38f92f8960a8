using EventStore.Server.Tests.Fixtures;

namespace EventStore.Server.Tests.Golden;

/// <summary>A text that is kept in a file beside the tests, so that a change of it is seen in a diff.</summary>
internal static class GoldenFile
{
    private const string Folder = "tests/EventStore.Server.Tests/Golden/";

    /// <summary>The file's text, less the last line's end.</summary>
    public static string Read(string name) => Repository.Read(Folder + name).TrimEnd('\n');

    /// <summary>The text has to be the file's. With <c>UPDATE_GOLDEN=1</c> in the environment the file is written first.</summary>
    public static void Same(string name, string text)
    {
        if (Environment.GetEnvironmentVariable("UPDATE_GOLDEN") == "1")
            Repository.Write(Folder + name, text + "\n");
        Assert.Equal(Read(name), text);
    }
}
