using System.Runtime.CompilerServices;

namespace EventStore.Domain.Manifests;

/// <summary>
/// One copy of the small objects and arrays that jobs have in common: ports, resources, containers, whole roles. Of the documentation's
/// example only the metadata differ from job to job, and with their parts shared 8,000 such jobs at hand take a third of the memory.
/// </summary>
/// <remarks>It works as <see cref="SharedText"/> does: each part has one place, where the last one read stands.</remarks>
internal static class SharedPart
{
    private const int Places = 1024; // a power of two
    private const int LengthBytesMax = 512; // as it was read; with the places it says how much can be held that nobody else holds any more

    private static readonly Json?[] Known = new Json?[Places];

    /// <summary>The value, or one read earlier that is equal.</summary>
    /// <param name="value">An object or an array.</param>
    /// <param name="lengthBytes">How long it was where it was read.</param>
    public static T Of<T>(T value, long lengthBytes)
        where T : Json
    {
        if (lengthBytes > LengthBytesMax)
            return value;
        ref Json? place = ref Known[PlaceOf(value) & (Places - 1)];
        if (Volatile.Read(ref place) is T known && known.Equals(value))
            return known;
        Volatile.Write(ref place, value);
        return value;
    }

    /// <summary>What is within the value was read before it, and so is the same object where it is equal: nothing is looked through twice.</summary>
    private static int PlaceOf(Json value)
    {
        int hash = 0;
        if (value is JsonObject members)
        {
            foreach (KeyValuePair<string, Json> member in members.Members)
                hash = HashCode.Combine(hash, member.Key, HashOf(member.Value));
        }
        else if (value is JsonArray array)
        {
            foreach (Json item in array.Items)
                hash = HashCode.Combine(hash, HashOf(item));
        }

        return hash;
    }

    private static int HashOf(Json part) => part is JsonObject or JsonArray ? RuntimeHelpers.GetHashCode(part) : part.GetHashCode();
}
