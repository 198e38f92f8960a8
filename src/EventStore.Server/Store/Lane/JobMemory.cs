using EventStore.Domain.Jobs;
using EventStore.Domain.Json;

namespace EventStore.Server.Store.Lane;

/// <summary>How many bytes of memory a job takes as objects, by the sizes .NET gives them on a 64-bit machine.</summary>
internal static class JobMemory
{
    private const int Object = 24; // header, type and one reference
    private const int Members = 32; // header, type and two references: the members, and the text where it is kept
    private const int Array = 24; // header, type and length
    private const int Text = 22; // header, type, length and the zero behind the characters
    private const int Member = 16; // two references
    private const int OfJob = 160; // the record, its key's texts, and its place in a cache

    /// <summary>Counts the bytes. It stops early beyond <paramref name="most"/>: a job of megabytes may be a million objects.</summary>
    public static long Of(Job job, long most = long.MaxValue)
    {
        long bytes = OfJob;
        Add(job.Manifest, ref bytes, most);
        Add(job.Owners.State, ref bytes, most);
        return bytes;
    }

    private static void Add(JsonValue value, ref long bytes, long most)
    {
        if (bytes > most)
            return;
        switch (value)
        {
            case JsonText text:
                bytes += Object + Of(text.Value);
                break;
            case JsonNumber { Text: [_] }:
                break; // shared by all
            case JsonNumber number:
                bytes += Object + Of(number.Text);
                break;
            case JsonArray array:
                bytes += Object + Array + (8L * array.Items.Count);
                for (int i = 0; i < array.Items.Count; i++)
                    Add(array.Items[i], ref bytes, most);
                break;
            case JsonObject { Count: > 0 } members:
                bytes += Members + Array + ((long)Member * members.Count) + Kept(members.KeptTextBytes);
                foreach (KeyValuePair<string, JsonValue> member in members.Members)
                {
                    bytes += Of(member.Key);
                    Add(member.Value, ref bytes, most);
                }

                break;
        }
    }

    private static long Kept(int textBytes) => textBytes == 0 ? 0 : Array + textBytes;

    private static long Of(string text) => (Text + (2L * text.Length) + 7) & ~7;
}
