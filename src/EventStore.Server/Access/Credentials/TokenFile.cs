using System.Buffers.Binary;
using System.Buffers.Text;
using System.Diagnostics.CodeAnalysis;
using System.Security.Claims;
using System.Security.Cryptography;
using System.Text;
using EventStore.Server.Access.Files;

namespace EventStore.Server.Access.Credentials;

/// <summary>
/// Credentials in kube-apiserver's static token file: lines of <c>token,user,uid,"group1,group2"</c>. A value: to follow a file that
/// changes, read it anew and put the new value in the place of the old.
/// </summary>
/// <remarks>
/// Only the SHA-256 of each token is kept, and tokens are looked up by hash. The duration of a look-up therefore reveals nothing
/// about the stored tokens, and a memory dump contains none.
/// </remarks>
public sealed class TokenFile
{
    /// <summary>The authentication scheme its principals carry.</summary>
    public const string Scheme = "Bearer";

    /// <summary>No credentials at all.</summary>
    public static readonly TokenFile Empty = new([]);

    private const int StackBytesMax = 512;
    private readonly Dictionary<Hash, ClaimsPrincipal> principals;

    private TokenFile(Dictionary<Hash, ClaimsPrincipal> principals) => this.principals = principals;

    /// <summary>How many tokens there are.</summary>
    public int Count => principals.Count;

    /// <summary>A new token: 256 random bits, safe in URLs and headers.</summary>
    public static string NewToken() => Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(32));

    /// <summary>A line of the file.</summary>
    public static string Line(string token, Caller caller) =>
        $"{Quote(token)},{Quote(caller.Name)},{Quote(caller.Uid)},{Quote(string.Join(',', caller.Groups))}";

    /// <summary>Reads a file, for one who follows it.</summary>
    internal static Reading<TokenFile> Read(SourceText file)
    {
        (TokenFile? tokens, int line, string? wrong) = Parse(file.Text);
        return tokens is null
            ? Reading<TokenFile>.Failed(file.Name, line, wrong!)
            : Reading<TokenFile>.Of(tokens, $"{tokens.Count} tokens");
    }

    /// <summary>Reads a file's text. What is wrong is said with the number of the line, and without the token.</summary>
    public static bool TryParse(string text, [NotNullWhen(true)] out TokenFile? file, [NotNullWhen(false)] out string? wrong)
    {
        (file, int line, wrong) = Parse(text);
        if (wrong is not null)
            wrong = $"line {line}: {wrong}";
        return file is not null;
    }

    /// <summary>The first token in a file's text whose user is in the group; null when there is none.</summary>
    public static string? FirstTokenOf(string text, string group) => Csv.Read(text).Records
        .FirstOrDefault(
            record => record.Fields.Count > 3 && record.Fields[3].Split(',', StringSplitOptions.TrimEntries).Contains(group))?.Fields[0];

    /// <summary>Who the token belongs to, or null.</summary>
    public ClaimsPrincipal? Find(ReadOnlySpan<char> token) => token.IsEmpty ? null : principals.GetValueOrDefault(Hash.Of(token));

    private static (TokenFile? File, int Line, string? Wrong) Parse(string text)
    {
        (IReadOnlyList<CsvRecord> records, int line, string? wrong) = Csv.Read(text);
        if (wrong is not null)
            return (null, line, wrong);
        var principals = new Dictionary<Hash, ClaimsPrincipal>();
        foreach (CsvRecord record in records)
        {
            if (Add(principals, record.Fields) is { } bad)
                return (null, record.Line, bad);
        }

        return (new TokenFile(principals), 0, null);
    }

    private static string? Add(Dictionary<Hash, ClaimsPrincipal> principals, IReadOnlyList<string> fields)
    {
        if (fields.Count < 3)
            return $"at least 3 columns are needed (token, user name, user uid), found {fields.Count}";
        if (fields[0].Length == 0)
            return "the token is empty";
        if (fields[1].Length == 0)
            return "the user name is empty";
        string[] groups = fields.Count < 4
            ? []
            : fields[3].Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
        var caller = new Caller(fields[1], fields[2], Caller.WithAuthenticated(groups));
        if (caller.Fault() is { } fault)
            return fault;
        return principals.TryAdd(Hash.Of(fields[0]), caller.ToPrincipal(Scheme)) ? null : "the token stands in an earlier line already";
    }

    private static string Quote(string field) =>
        field.AsSpan().IndexOfAny(",\"\r\n") < 0 ? field : $"\"{field.Replace("\"", "\"\"", StringComparison.Ordinal)}\"";

    /// <summary>A SHA-256, as a key of a dictionary.</summary>
    private readonly record struct Hash(UInt128 High, UInt128 Low)
    {
        public static Hash Of(ReadOnlySpan<char> token)
        {
            int length = Encoding.UTF8.GetByteCount(token);
            Span<byte> utf8 = length <= StackBytesMax ? stackalloc byte[length] : new byte[length];
            Encoding.UTF8.GetBytes(token, utf8);
            Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
            SHA256.HashData(utf8, hash);
            return new Hash(BinaryPrimitives.ReadUInt128BigEndian(hash), BinaryPrimitives.ReadUInt128BigEndian(hash[16..]));
        }
    }
}
