using System.Buffers.Text;
using System.Diagnostics.CodeAnalysis;
using System.Text.Json;

namespace EventStore.Server.Kubernetes.Requests;

/// <summary>
/// A continue token: the key after which the next page begins, and the revision all pages are read at. The form is upstream's
/// (apiserver <c>storage/continue.go</c>), <c>{"v":"meta.k8s.io/v1","rv":R,"start":"key\u0000"}</c> in base64url without padding.
/// </summary>
/// <param name="Revision">The revision of the first page; -1 asks for the rest at the current one.</param>
/// <param name="Start">The first key that may come: the last one sent with U+0000 behind it.</param>
public sealed record ContinueToken(long Revision, string Start)
{
    private const string Version = "meta.k8s.io/v1";

    private const string Alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

    /// <summary>The token for the page after <paramref name="lastKey"/>.</summary>
    public static ContinueToken After(string lastKey, long revision) => new(revision, lastKey + "\0");

    /// <summary>The last key sent.</summary>
    public string LastKey => Start.TrimEnd('\0');

    /// <summary>Reads a token; the refusal is a 400 in upstream's words.</summary>
    public static bool TryParse(string text, [NotNullWhen(true)] out ContinueToken? token, [NotNullWhen(false)] out Status? refusal)
    {
        (token, string? wrong) = Parse(text);
        refusal = token is null ? Status.BadRequest($"invalid continue token: continue key is not valid{wrong}") : null;
        return token is not null;
    }

    /// <summary>The token as a client sends it back.</summary>
    public override string ToString()
    {
        using var buffer = new MemoryStream();
        using (var writer = new Utf8JsonWriter(buffer))
        {
            writer.WriteStartObject();
            writer.WriteString("v"u8, Version);
            writer.WriteNumber("rv"u8, Revision);
            writer.WriteString("start"u8, Start);
            writer.WriteEndObject();
        }

        return Base64Url.EncodeToString(buffer.ToArray());
    }

    private static (ContinueToken? Token, string? Wrong) Parse(string text)
    {
        if (Decode(text, out byte[] bytes) is var bad and >= 0)
            return (null, $": illegal base64 data at input byte {bad}");
        // Not Domain's JSON reader: it refuses U+0000, with which every start key ends.
        try
        {
            using var document = JsonDocument.Parse(bytes);
            return OfJson(document.RootElement);
        }
        catch (JsonException e)
        {
            return (null, $": {GoSyntax.Explain(bytes) ?? e.Message}");
        }
        catch (InvalidOperationException)
        {
            // What JsonElement.GetString throws for text that is not valid Unicode.
            return (null, ": the text is not valid Unicode");
        }
    }

    /// <summary>
    /// The place of the first character that is none of base64url's, or -1. As Go's decoder and unlike .NET's it lets pass bits of the last
    /// character that belong to no byte.
    /// </summary>
    private static int Decode(string text, out byte[] bytes)
    {
        bytes = new byte[text.Length * 6L / 8];
        (int bits, int count, int length) = (0, 0, 0);
        for (int i = 0; i < text.Length; i++)
        {
            int value = Alphabet.IndexOf(text[i], StringComparison.Ordinal);
            if (value < 0)
                return i;
            (bits, count) = (((bits << 6) | value) & 0xfff, count + 6);
            if (count >= 8)
                bytes[length++] = (byte)(bits >> (count -= 8));
        }

        return text.Length % 4 == 1 ? text.Length - 1 : -1;
    }

    private static (ContinueToken? Token, string? Wrong) OfJson(JsonElement json)
    {
        if (json.ValueKind != JsonValueKind.Object)
            return (null, $": json: cannot unmarshal {Kind(json)} into Go value of type storage.continueToken");
        string version = json.TryGetProperty("v", out JsonElement v) && v.ValueKind == JsonValueKind.String ? v.GetString()! : "";
        if (version != Version)
            return (null, $": server does not recognize this encoded version {version}");
        long revision = 0;
        bool isNumber = json.TryGetProperty("rv", out JsonElement rv)
            && rv.ValueKind == JsonValueKind.Number
            && rv.TryGetInt64(out revision);
        if (!isNumber || revision == 0)
            return (null, $": incorrect encoded start resourceVersion (version {Version})");
        string start = json.TryGetProperty("start", out JsonElement s) && s.ValueKind == JsonValueKind.String ? s.GetString()! : "";
        if (start.Length == 0)
            return (null, $": encoded start key empty (version {Version})");
        return IsClean(start) ? (new ContinueToken(revision, start), null) : (null, $": {start}");
    }

    /// <summary>
    /// Whether Go's <c>path.Clean</c> would leave the key alone: no empty part, no <c>.</c>, no <c>..</c>. Within a key, unlike at its end,
    /// U+0000 is nothing this server wrote, and nothing the database can be asked for.
    /// </summary>
    private static bool IsClean(string key)
    {
        if (key.TrimEnd('\0').Contains('\0', StringComparison.Ordinal))
            return false;
        foreach (Range part in key.AsSpan(key[0] == '/' ? 1 : 0).Split('/'))
        {
            if (key.AsSpan(key[0] == '/' ? 1 : 0)[part] is "" or "." or "..")
                return false;
        }

        return true;
    }

    private static string Kind(JsonElement json) => json.ValueKind switch
    {
        JsonValueKind.Array => "array",
        JsonValueKind.String => "string",
        JsonValueKind.Number => "number",
        _ => "bool",
    };
}
