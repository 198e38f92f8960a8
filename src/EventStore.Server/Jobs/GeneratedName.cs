using System.Security.Cryptography;

namespace EventStore.Server.Jobs;

/// <summary>Names for objects created with <c>metadata.generateName</c> (apiserver <c>names.SimpleNameGenerator</c>).</summary>
internal static class GeneratedName
{
    /// <summary>How many names are tried before the last collision is reported, as upstream does.</summary>
    public const int AttemptsMax = 8;

    private const int LengthMax = 63;
    private const int RandomLength = 5;

    // Upstream's alphabet: no vowels, so that no words appear, and no 0, 1 or 3, which look like letters.
    private const string Alphabet = "bcdfghjklmnpqrstvwxz2456789";

    /// <summary>The prefix, shortened if need be, and five random characters.</summary>
    public static string After(string prefix) =>
        string.Concat(
            prefix.AsSpan(0, Math.Min(prefix.Length, LengthMax - RandomLength)), RandomNumberGenerator.GetString(Alphabet, RandomLength));
}
