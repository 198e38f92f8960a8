using System.Globalization;
using System.Text;
using EventStore.Domain.Jobs;
using EventStore.Domain.Json;
using EventStore.Server.Store.Format;
using EventStore.Server.Tests.Fixtures;
using Npgsql;

namespace EventStore.Server.Tests.Store;

/// <summary>A text looks the same in a reply, in the row it comes from and in the event: as PostgreSQL's jsonb prints it.</summary>
public sealed class One_form_of_text(ServedDatabase served) : IClassFixture<ServedDatabase>
{
    [Fact]
    public async Task Every_character_is_printed_as_PostgreSQL_prints_it()
    {
        var all = new StringBuilder();
        for (int c = 1; c <= 0x10ffff; c += c < 0x3000 ? 1 : 7)
        {
            if (Rune.IsValid(c))
                all.Append(new Rune(c));
        }

        await using NpgsqlCommand command = served.Database.OwnerSource.CreateCommand("SELECT to_jsonb($1::text)::text");
        command.Parameters.Add(new NpgsqlParameter<string> { TypedValue = all.ToString() });
        Assert.Equal((string)(await command.ExecuteScalarAsync())!, new JsonText(all.ToString()).ToString());
    }

    [Fact]
    public async Task A_character_beyond_the_first_plane_goes_out_as_it_came_in()
    {
        await served.Server.Admin.Create("emoji");
        (await served.Server.Admin.Patch(Sample.Job("emoji"), """{"metadata":{"annotations":{"a":"\ud83d\ude00"}}}"""))
            .EnsureSuccessStatusCode();
        Assert.Contains("\"a\":\"😀\"", await served.Server.Admin.GetStringAsync(Sample.Job("emoji")), StringComparison.Ordinal);
        Assert.Contains(
            "\"a\": \"😀\"", await served.Database.Ask<string>("SELECT data::text FROM eventstore.mt_events ORDER BY seq_id DESC LIMIT 1"),
            StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_uid_is_found_in_a_text_wherever_else_the_word_stands()
    {
        await served.Server.Admin.Create("uids");
        JsonObject texts = JsonObject.Of(("a", """{"metadata":{"uid":"no"},"uid":"no"}"""), ("uid", "no"));
        JsonObject patch = JsonObject.Of(
            ("metadata", JsonObject.Of(("annotations", texts), ("labels", JsonObject.Of(("metadata", "uid"), ("uid", "no"))))));
        (await served.Server.Admin.Patch(Sample.Job("uids"), patch.ToString())).EnsureSuccessStatusCode();
        byte[] text = await served.Server.Admin.GetByteArrayAsync(Sample.Job("uids"));
        Assert.Equal(((JsonText)JsonReading.Parse(text).Member("metadata")!.Member("uid")!).Value, JobText.UidOf(text));
        Assert.Null(JobText.UidOf("""{"kind":"x","metadata":{"labels":{"uid":"no"}},"spec":{"uid":"no"}}"""u8));
    }

    [Fact]
    public async Task A_job_is_printed_the_same_whole_and_in_halves_and_only_measured()
    {
        await served.Server.Admin.Create("whole");
        byte[] text = await served.Server.Admin.GetByteArrayAsync(Sample.Job("whole"));
        JsonValue number = JsonReading.Parse(text).Member("metadata")!.Member("resourceVersion")!;
        long revision = long.Parse(((JsonText)number).Value, CultureInfo.InvariantCulture);
        Job job = JobText.Read(text, Guid.Empty, 1, revision, deleted: false);
        Assert.Equal(text, JobText.Utf8Of(job));
        Assert.Equal(text, JobText.Of(job).ToUtf8(revision));
        Assert.Equal(JobText.Of(job).LengthBytes, JobText.LengthOf(job));
    }
}
