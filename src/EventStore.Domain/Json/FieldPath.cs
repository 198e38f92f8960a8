using System.Globalization;
using System.Text;

namespace EventStore.Domain.Json;

/// <summary>
/// The path of a value in a manifest: members joined by dots, list items by index, and names that are no identifiers in brackets:
/// <c>spec.pytorchReplicaSpecs.Master.template.spec.containers[0].image</c>, <c>metadata.labels['example.com/team']</c>.
/// </summary>
/// <remarks>
/// A path is a linked list of names, turned into text only on demand: a single body can hold a hundred thousand members below a
/// name of one megabyte, whose paths would be a hundred gigabytes of text.
/// </remarks>
public sealed class FieldPath : IEquatable<FieldPath>
{
    /// <summary>The manifest itself; the empty text.</summary>
    public static readonly FieldPath Root = new(null, string.Empty, null);

    private readonly FieldPath? parent;
    private readonly string step;

    private FieldPath(FieldPath? parent, string step, string? firstMember)
    {
        (this.parent, this.step, FirstMember) = (parent, step, firstMember);
        Length = parent is null ? 0 : parent.Length + step.Length + 1;
    }

    /// <summary>How long the text is at most, in characters.</summary>
    public long Length { get; }

    /// <summary>The name of the first member: <c>metadata</c>, <c>spec</c>, …; null for the root.</summary>
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
    public FieldPath Member(string name) => new(this, IsIdentifier(name) ? name : $"['{Escape(name)}']", FirstMember ?? name);

    /// <summary>The item of this list at that place, from 0.</summary>
    public FieldPath Item(int index) => new(this, string.Create(CultureInfo.InvariantCulture, $"[{index}]"), FirstMember);

    /// <inheritdoc/>
    public override string ToString()
    {
        var text = new StringBuilder();
        AppendTo(text);
        return text.ToString();
    }

    /// <inheritdoc/>
    public bool Equals(FieldPath? other) =>
        other is not null && Above().Select(path => path.step).SequenceEqual(other.Above().Select(path => path.step));

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as FieldPath);

    /// <inheritdoc/>
    public override int GetHashCode() =>
        Above().Aggregate(0, (hash, path) => HashCode.Combine(hash, string.GetHashCode(path.step, StringComparison.Ordinal)));

    private void AppendTo(StringBuilder text)
    {
        if (parent is null)
            return;
        parent.AppendTo(text);
        if (text.Length > 0 && step[0] != '[')
            text.Append('.');
        text.Append(step);
    }

    /// <summary>This path and those it hangs from, without the root.</summary>
    private IEnumerable<FieldPath> Above()
    {
        for (FieldPath path = this; path.parent is not null; path = path.parent)
            yield return path;
    }

    private static bool IsIdentifier(string name) =>
        name.Length > 0 && !char.IsAsciiDigit(name[0]) && name.All(c => char.IsAsciiLetterOrDigit(c) || c == '_');

    private static string Escape(string name) =>
        new StringBuilder(name).Replace("\\", "\\\\").Replace("'", "\\'").ToString();
}
