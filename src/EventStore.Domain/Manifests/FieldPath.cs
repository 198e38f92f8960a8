using System.Globalization;
using System.Text;

namespace EventStore.Domain.Manifests;

/// <summary>
/// Where a value stands in a manifest: members by dot, list items by index, names that are no identifier in brackets:
/// <c>spec.pytorchReplicaSpecs.Master.template.spec.containers[0].image</c>, <c>metadata.labels['example.com/team']</c>.
/// </summary>
public sealed class FieldPath : IEquatable<FieldPath>
{
    /// <summary>The manifest itself; the empty text.</summary>
    public static readonly FieldPath Root = new(string.Empty, null);

    private readonly string text;

    private FieldPath(string text, string? firstMember)
    {
        this.text = text;
        FirstMember = firstMember;
    }

    /// <summary>The name of the member of the manifest the path begins with: <c>metadata</c>, <c>spec</c>, …; null for the root.</summary>
    public string? FirstMember { get; }

    /// <summary>A path of members, each a plain name.</summary>
    public static FieldPath Of(params ReadOnlySpan<string> names)
    {
        FieldPath path = Root;
        foreach (string name in names)
            path = path.Member(name);
        return path;
    }

    /// <summary>The member of this value with that name.</summary>
    public FieldPath Member(string name)
    {
        string step = !IsIdentifier(name) ? $"['{Escape(name)}']" : text.Length == 0 ? name : "." + name;
        return new FieldPath(text + step, FirstMember ?? name);
    }

    /// <summary>The item of this list at that place, from 0.</summary>
    public FieldPath Item(int index) => new(string.Create(CultureInfo.InvariantCulture, $"{text}[{index}]"), FirstMember);

    /// <inheritdoc/>
    public override string ToString() => text;

    /// <inheritdoc/>
    public bool Equals(FieldPath? other) => other is not null && other.text == text;

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as FieldPath);

    /// <inheritdoc/>
    public override int GetHashCode() => string.GetHashCode(text, StringComparison.Ordinal);

    private static bool IsIdentifier(string name) =>
        name.Length > 0 && !char.IsAsciiDigit(name[0]) && name.All(c => char.IsAsciiLetterOrDigit(c) || c == '_');

    private static string Escape(string name) =>
        new StringBuilder(name).Replace("\\", "\\\\").Replace("'", "\\'").ToString();
}
