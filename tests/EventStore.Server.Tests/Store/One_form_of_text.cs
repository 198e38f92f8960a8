using System.Text;
using EventStore.Domain.Json;
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
        (await served.Server.Admin.Patch(Sample.Job("emoji"), """{"metadata":{"annotations":{"a":"\ud83d\ude00"}}}""")).EnsureSuccessStatusCode();
        Assert.Contains("\"a\":\"😀\"", await served.Server.Admin.GetStringAsync(Sample.Job("emoji")), StringComparison.Ordinal);
        Assert.Contains(
            "\"a\": \"😀\"", await served.Database.Ask<string>("SELECT data::text FROM eventstore.mt_events ORDER BY seq_id DESC LIMIT 1"), StringComparison.Ordinal);
    }
}
