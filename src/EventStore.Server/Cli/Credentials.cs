using EventStore.Server.Access;

namespace EventStore.Server.Cli;

/// <summary>Who may log in: the token file that was named, or one of the server's own with an admin in it.</summary>
/// <param name="Tokens">The tokens.</param>
/// <param name="AdminToken">The first token of a member of <c>system:masters</c>; null when there is none.</param>
internal sealed record Credentials(TokenFile Tokens, string? AdminToken)
{
    /// <summary>The admin of the first start.</summary>
    private static readonly Caller Admin = new("admin", "admin", [Caller.Masters]);

    /// <summary>Reads the file, making it first where there is none of the operator's.</summary>
    public static Credentials Read(Settings settings)
    {
        string path = settings.TokenAuthFile ?? Path.Combine(settings.DataFolder, "tokens.csv");
        if (settings.TokenAuthFile is null && !File.Exists(path))
        {
            Directory.CreateDirectory(settings.DataFolder);
            PrivateFile.Write(path, TokenFile.Line(TokenFile.NewToken(), Admin) + "\n");
        }

        string text = ReadText(path);
        return new Credentials(Parse(path, text), TokenFile.FirstTokenOf(text, Caller.Masters));
    }

    private static TokenFile Parse(string path, string text) => TokenFile.TryParse(text, out TokenFile? tokens, out string? wrong)
        ? tokens
        : throw new OperatorException($"{path}: {wrong}", "Each line is: token,user,uid,\"group1,group2\"");

    private static string ReadText(string path)
    {
        try
        {
            return File.ReadAllText(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new OperatorException($"the token file cannot be read: {e.Message}", "Name a readable file with --token-auth-file.");
        }
    }
}
