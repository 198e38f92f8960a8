using System.Security.Cryptography;
using System.Text;

namespace EventStore.Server.Access.Files;

/// <summary>The text of a file.</summary>
/// <param name="Name">The file's name, without its folder.</param>
/// <param name="Text">Its text, which must be UTF-8.</param>
internal sealed record SourceText(string Name, string Text);

/// <summary>
/// One file, or the files of one folder with certain endings (not those below it, and none that is hidden): what is read once and
/// again when it changed.
/// </summary>
/// <param name="Path">The file or folder.</param>
/// <param name="Endings">The endings that count in a folder, <c>.yaml</c> for one; none if the path is a file.</param>
internal sealed record SourceFiles(string Path, params IReadOnlyList<string> Endings)
{
    /// <summary>How many bytes all files may have together.</summary>
    public const int BytesMax = 16 * 1024 * 1024;

    private static readonly UTF8Encoding Utf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <summary>The folder they are in.</summary>
    public string Folder => Endings.Count > 0 ? Path : System.IO.Path.GetDirectoryName(System.IO.Path.GetFullPath(Path))!;

    /// <summary>Reads the files in the order of their names, and what makes this state of theirs differ from every other.</summary>
    /// <exception cref="IOException">They cannot be read, are too large or are no UTF-8.</exception>
    /// <exception cref="UnauthorizedAccessException">They may not be read.</exception>
    public (IReadOnlyList<SourceText> Texts, string Digest) Read()
    {
        using var digest = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var texts = new List<SourceText>();
        int left = BytesMax;
        foreach (string path in Paths())
        {
            byte[] bytes = ReadBytes(path, left);
            left -= bytes.Length;
            string name = System.IO.Path.GetFileName(path);
            digest.AppendData(SHA256.HashData(Encoding.UTF8.GetBytes(name)));
            digest.AppendData(SHA256.HashData(bytes));
            texts.Add(new SourceText(name, Decode(name, bytes)));
        }

        return (texts, Convert.ToHexString(digest.GetHashAndReset()));
    }

    private IEnumerable<string> Paths() => Endings.Count == 0 ? [Path] : Directory.EnumerateFiles(Path)
        .Where(path => System.IO.Path.GetFileName(path) is var name && !name.StartsWith('.') && Endings.Any(ending => name.EndsWith(ending,
            StringComparison.Ordinal)))
        .Order(StringComparer.Ordinal);

    private static byte[] ReadBytes(string path, int bytesMax)
    {
        using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, bufferSize: 0);
        using var bytes = new MemoryStream();
        byte[] buffer = new byte[64 * 1024];
        for (int read; (read = file.Read(buffer)) > 0;)
        {
            if (bytes.Length + read > bytesMax)
                throw new IOException($"{path}: more than {BytesMax / (1024 * 1024)} MiB are not read");
            bytes.Write(buffer, 0, read);
        }

        return bytes.ToArray();
    }

    private static string Decode(string name, byte[] bytes)
    {
        try
        {
            return Utf8.GetString(bytes);
        }
        catch (DecoderFallbackException)
        {
            throw new IOException($"{name}: it is no UTF-8");
        }
    }
}

/// <summary>What became of reading: a value, or what is wrong and where.</summary>
/// <typeparam name="T">What is read.</typeparam>
/// <param name="Value">What was read; null when something is wrong.</param>
/// <param name="Summary">How much it is, for the log.</param>
/// <param name="Where">The file and line at fault: nothing of its content, for everybody may see it.</param>
/// <param name="Wrong">What is wrong, for the log.</param>
internal sealed record Reading<T>(T? Value, string Summary, string Where, string Wrong)
    where T : class
{
    public static Reading<T> Of(T value, string summary) => new(value, summary, "", "");

    /// <summary>Something is wrong at that line of that file; line 0 is none.</summary>
    public static Reading<T> Failed(string file, int line, string wrong)
    {
        string where = line > 0 ? $"{file}: line {line}" : file;
        return new(null, "", where, $"{where}: {wrong}");
    }
}
