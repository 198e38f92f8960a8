using System.Globalization;
using Microsoft.Extensions.Primitives;

namespace EventStore.Server.Kubernetes.Requests;

/// <summary>
/// One wish of an Accept header. Kubernetes asks for another form of an object with parameters of the media type:
/// <c>application/json;as=Table;v=v1;g=meta.k8s.io</c>.
/// </summary>
/// <param name="MediaType">In lower case, perhaps with a star.</param>
/// <param name="As">The kind to convert to, or null.</param>
/// <param name="Group">The group of that kind, or null.</param>
/// <param name="Version">The version of that kind, or null.</param>
/// <param name="Quality">How much it is wanted, from 0 to 1.</param>
public sealed record AcceptClause(string MediaType, string? As, string? Group, string? Version, double Quality)
{
    /// <summary>
    /// The wishes, the most wanted first, in the order they were given where they are wanted alike; without those refused by <c>q=0</c>.
    /// </summary>
    public static IReadOnlyList<AcceptClause> Parse(StringValues accept)
    {
        var clauses = new List<AcceptClause>();
        foreach (string? line in accept)
        {
            foreach (Range part in line.AsSpan().Split(','))
            {
                AcceptClause clause = ParseOne(line.AsSpan(part));
                if (clause is { MediaType.Length: > 0, Quality: > 0 })
                    Insert(clauses, clause);
            }
        }

        return clauses;
    }

    /// <summary>Whether it takes that media type, itself or by a star.</summary>
    public bool Covers(string mediaType) => MediaType == mediaType
        || MediaType == "*/*"
        || (MediaType.EndsWith("/*", StringComparison.Ordinal) && mediaType.AsSpan().StartsWith(MediaType.AsSpan(0, MediaType.Length - 1)));

    private static AcceptClause ParseOne(ReadOnlySpan<char> text)
    {
        string? mediaType = null, kind = null, group = null, version = null;
        double quality = 1;
        foreach (Range part in text.Split(';'))
        {
            ReadOnlySpan<char> item = text[part].Trim();
            int equals = item.IndexOf('=');
            if (mediaType is null)
            {
                mediaType = item.ToString().ToLowerInvariant();
                continue;
            }

            string value = equals < 0 ? "" : item[(equals + 1)..].Trim().Trim('"').ToString();
            switch (equals < 0 ? item : item[..equals].Trim())
            {
                case "as":
                    kind = value;
                    break;
                case "g":
                    group = value;
                    break;
                case "v":
                    version = value;
                    break;
                case "q" or "Q":
                    // A q that is no number is taken for 1, as goautoneg does.
                    quality = double.TryParse(value, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out double q) ? q : 1;
                    break;
                default:
                    break; // charset and whatever else says nothing about JSON
            }
        }

        return new AcceptClause(mediaType ?? "", kind, group, version, quality);
    }

    /// <summary>A handful of clauses: insertion keeps equals in order, which List.Sort does not.</summary>
    private static void Insert(List<AcceptClause> clauses, AcceptClause clause)
    {
        int at = clauses.Count;
        while (at > 0 && clauses[at - 1].Quality < clause.Quality)
            at--;
        clauses.Insert(at, clause);
    }
}
