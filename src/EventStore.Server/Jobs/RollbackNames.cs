namespace EventStore.Server.Jobs;

/// <summary>
/// Merges the past and present lists and keeps the first N names, so neither list is held in memory. A name is kept if a selected job lives
/// there now, or if one lived there then and none does now.
/// </summary>
/// <param name="most">The most names.</param>
internal sealed class RollbackNames(int most)
{
    private readonly List<Name> chosen = [];
    private readonly Dictionary<string, Name> gone = [];
    private string? cut;

    /// <summary>How many are selected; at least so many, when not all names of then were needed.</summary>
    public long Count => Living + gone.Count;

    /// <summary>How many of them live now.</summary>
    public long Living { get; private set; }

    /// <summary>Adds a selected name of then; they are added in order and before those of now. False: no more of them are needed.</summary>
    public bool AddPast(string name, int bytes)
    {
        gone.Add(name, new Name(name, bytes, null));
        if (gone.Count <= most)
            return true;
        cut = name;
        return false;
    }

    /// <summary>Adds a job of now, in order; also one that is not selected, which keeps its name from being gone.</summary>
    public void AddLiving(string name, bool isSelected, int bytes, Guid uid)
    {
        gone.Remove(name);
        if (isSelected && ++Living <= most)
            chosen.Add(new Name(name, bytes, uid));
    }

    /// <summary>
    /// The names, and behind which one to go on; null when that is all. Behind the last name of then that was added it is not known what is
    /// gone, so there may be fewer names than could be, or none.
    /// </summary>
    public (IReadOnlyList<Name> Names, string? After) End()
    {
        Name[] known = [.. chosen.Concat(gone.Values)
            .Where(each => cut is null || string.CompareOrdinal(each.Text, cut) <= 0).OrderBy(each => each.Text, StringComparer.Ordinal)];
        if (known.Length <= most && Living <= most && cut is null)
            return (known, null);
        return known.Length >= most ? (known[..most], known[most - 1].Text) : (known, cut);
    }

    /// <summary>One name.</summary>
    /// <param name="Text">The name.</param>
    /// <param name="Bytes">The size of its job.</param>
    /// <param name="Uid">The uid of the job that lives there; null for none.</param>
    internal readonly record struct Name(string Text, int Bytes, Guid? Uid);
}
